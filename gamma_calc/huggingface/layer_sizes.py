"""Which rank and which alpha layers have by rank_pattern and alpha_pattern, as far as names tell.

PEFT holds every key, as an expression, to the end of a module's whole name, and takes the first one that matches: of
the two patterns, each by itself. Without a model there are names only. Each target is one kind of layers, and a key
that takes some of its layers makes another, layers.0.q_proj within q_proj.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

Size: TypeAlias = tuple[int, float]
"""A rank and an alpha."""
V = TypeVar("V", int, float)

ANY = ""
"""The kind of all layers that nothing names."""
ALL = "*"
NAME = re.compile(r"\*?[\w.]*")
"""A name, of which a star stands for any beginning: *_proj."""
MOST = 64
"""Words, and letters after a star, of the longest end that is looked up."""
GROUP = re.compile(r"\((?:\?:)?([\w.|]+)\)")


def names_in(expression: str) -> tuple[str, ...]:
    r"""The names that an expression takes modules of, or the expression where it says more than such.

    >>> names_in(r"^.*\.(q|v)_proj$"), names_in(".*_proj"), names_in(r"layers\.[0-3]\.fc")
    (('q_proj', 'v_proj'), ('*_proj',), ('layers.[0-3].fc',))
    """
    bare = expression.removeprefix("^").removesuffix("$").replace(r"\.", ".").removeprefix(".*.")
    bare = ALL + bare.removeprefix(".*") if bare.startswith(".*") else bare
    group = GROUP.search(bare)
    if group is None:
        names = bare.split("|")
    else:
        names = [bare[: group.start()] + each + bare[group.end() :] for each in group[1].split("|")]
    return tuple(filter(None, names)) if all(map(NAME.fullmatch, names)) else (bare,)


def is_read(expression: str) -> bool:
    """Whether an expression says no more than names."""
    return all(map(NAME.fullmatch, names_in(expression)))


def layer_sizes(
    targets: Iterable[str], usual: Size, ranks: Mapping[str, int], alphas: Mapping[str, float]
) -> dict[str, Size]:
    """The rank and the alpha of each kind of layers; a key that is not read may take any, and is a kind of its own.

    >>> layer_sizes(["q", "v"], (8, 16), {"0.q": 4, "q": 32}, {"q": 64})
    {'q': (32, 64), 'v': (8, 16), '0.q': (4, 64)}
    """
    kinds = tuple(targets)
    by_rank, by_alpha = _by_name(ranks), _by_name(alphas)
    within = [
        name
        for name in (*by_rank, *by_alpha)
        if not NAME.fullmatch(name) or (name != ALL and not {*_ends(name)}.isdisjoint(kinds))
    ]
    names = dict.fromkeys((*kinds, *within))
    return {name: (_first(by_rank, name, usual[0]), _first(by_alpha, name, usual[1])) for name in names}


def _by_name(pattern: Mapping[str, V]) -> dict[str, tuple[int, V]]:
    """The place and the value of the first key that takes modules of a name."""
    found: dict[str, tuple[int, V]] = {}
    for place, (key, value) in enumerate(pattern.items()):
        for name in names_in(key):
            found.setdefault(name, (place, value))
    return found


def _first(found: Mapping[str, tuple[int, V]], name: str, usual: V) -> V:
    """The value of the first key that a name ends in."""
    met = [found[end] for end in _ends(name) if end in found]
    return min(met)[1] if met else usual


def _ends(name: str) -> Iterator[str]:
    """What a name ends in: self_attn.q_proj, q_proj and nothing; and *_proj, by as many letters as it has."""
    words = name.rsplit(".", MOST)
    for start in range(len(words) + 1):
        yield ".".join(words[start:])
    for start in range(max(len(name) - MOST, 0), len(name) + 1):
        yield ALL + name[start:]
