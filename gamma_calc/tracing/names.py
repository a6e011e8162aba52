"""Names: what the modules of a model are called in a problem, such as q_proj[1] for model.layers.0.self_attn.q_proj."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping

from gamma_calc.errors import BadInput

WRAPPING, WRAPPED = "base_model.model.", re.compile(r"\.modules_to_save\.[^.]+|\.base_layer(?=\.|$)")
"""What PEFT writes around the names of a model's parameters, and into them: of what it trains whole, or adapts."""


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


def plain_name(parameter: str) -> str:
    """What a model calls a parameter, without PEFT's words.

    >>> plain_name("base_model.model.score.modules_to_save.default.weight"), plain_name("h.0.c_attn.base_layer.weight")
    ('score.weight', 'h.0.c_attn.weight')
    """
    return WRAPPED.sub("", parameter.removeprefix(WRAPPING))


def last_word(parameter: str) -> str:
    """The last word of a parameter's name but `weight`, with the numbers behind it.

    >>> last_word("layers.0.mlp.down_proj.weight"), last_word("blocks.1.A.0")
    ('down_proj', 'A.0')
    """
    found = re.search(r"[^.]+(\.\d+)*$", plain_name(parameter).removesuffix(".weight"))
    return found[0] if found else parameter


def longest_ends(asked: str, ends: Collection[str], parameters: Iterable[str]) -> Mapping[str, str]:
    """The longest of some ends of each parameter's name that has one: the whole name, or what is behind a dot of it.

    Long is what has many of the name's words. PEFT's, and a last `weight`, need not be said of those.

    >>> longest_ends("rates", ["proj", "1.proj", "out_proj"], ["0.proj.weight", "1.proj.weight", "out_proj.weight"])
    {'0.proj.weight': 'proj', '1.proj.weight': '1.proj', 'out_proj.weight': 'out_proj'}

    Raises:
        BadInput: each name of an end has a longer one too.
    """
    words = {each: _ends(each) for each in parameters}
    fitting = {each: [end for end in ends if end in known] for each, known in words.items()}
    found = {each: max(fit, key=lambda end: (words[each][end], end)) for each, fit in fitting.items() if fit}
    for end in ends:
        longer = dict.fromkeys(found[each] for each, fit in fitting.items() if end in fit)
        if longer and end not in longer:
            raise BadInput(f"{asked}: {end} is used for no parameter, as each also ends in {' or '.join(longer)}")
    return found


def _ends(parameter: str) -> Mapping[str, int]:
    """How many words of a parameter's name each end of it has."""
    words, found = parameter.split("."), dict[str, int]()
    for count in range(1, len(words) + 1):
        end = ".".join(words[-count:])
        for said in (end, plain_name(end)):
            found |= {said: count, said.removesuffix(".weight"): count}
    return found


def _words(path: str) -> tuple[tuple[str, ...], int]:
    """The words of a path, and the number of the first list in it, from 1; 0 for none."""
    parts = path.split(".")
    places = [place for place, part in enumerate(parts) if part.isdigit()]
    number = int(parts[places[0]]) + 1 if places else 0
    return tuple(part for place, part in enumerate(parts) if place not in places[:1] and part) or ("model",), number
