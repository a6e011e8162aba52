"""Names: what the modules of a model are called in a problem, such as q_proj[1] for model.layers.0.self_attn.q_proj."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping


def short_names(paths: Iterable[str]) -> Mapping[str, str]:
    """A name for each path: its last words, as many as tell it from others, and the number of its layer.

    >>> short_names(["h.0.attn.proj", "h.0.mlp.proj", "h.1.attn.proj", "h.1.mlp.proj", "h.0.mlp.act"])["h.1.mlp.proj"]
    'mlp_proj[2]'
    """
    words = {path: _words(path) for path in dict.fromkeys(paths)}
    counts = Counter((each[-count:], number) for each, number in words.values() for count in range(1, len(each) + 1))
    found: dict[str, str] = {}
    taken: set[str] = set()
    for path, (each, number) in words.items():
        count = next((some for some in range(1, len(each) + 1) if counts[each[-some:], number] == 1), len(each))
        name = "_".join(each[-count:]).lstrip("_0123456789") or "module"
        name = f"{name}[{number}]" if number else name
        found[path] = distinct(name, taken)
        taken.add(found[path])
    return found


def distinct(name: str, taken: Container[str]) -> str:
    """A name, or the first of its numbered ones from 2 on that is not taken."""
    number = 2
    found = name
    while found in taken:
        found, number = numbered(name, number), number + 1
    return found


def numbered(name: str, number: int) -> str:
    """One of several things of a name.

    >>> numbered("q_proj[1]", 2), numbered("norm", 2)
    ('q_proj_2[1]', 'norm_2')
    """
    head, bracket, tail = name.partition("[")
    return f"{head}_{number}{bracket}{tail}"


def _words(path: str) -> tuple[tuple[str, ...], int]:
    """The words of a path, and the number of the first list in it, from 1; 0 for none."""
    parts = path.split(".")
    places = [place for place, part in enumerate(parts) if part.isdigit()]
    number = int(parts[places[0]]) + 1 if places else 0
    return tuple(part for place, part in enumerate(parts) if place not in places[:1] and part) or ("model",), number
