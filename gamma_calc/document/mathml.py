"""Formulas as MathML, which browsers set without a script: the part of LaTeX that documents are written in."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from html.entities import html5

from gamma_calc.algebra.notation import GREEK

_TOKEN = re.compile(r"\\(?:mathrm|operatorname|text)\{[^{}]*\}|\\[A-Za-z]+|\\.|\d+|\S")

SPACES = {"\\ ": "0.33em", r"\,": "0.17em", r"\;": "0.28em", r"\thinspace": "0.17em", r"\quad": "1em", r"\qquad": "2em"}
SIGNS = {"to": "→", "infty": "∞", "cdot": "·", "dots": "…", "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖"}
SIGNS |= {"bmod": "mod", "partial": "∂"}
"""Commands whose names HTML does not know; those of the others are HTML's own, such as `le` and `odot`."""

LETTERS = GREEK | {"ell", "partial", "infty"}
NEGATIVE = '<mo form="prefix">\N{MINUS SIGN}</mo>'
"""The sign of a number, which stands close to it; it follows no number, but another sign, a comma or a bracket."""

_SIGN = re.compile(r"<mo[^>]*>[^])⟩|]</mo>")

WORDS = ("max", "min")
SILENT = (r"\left", r"\right", r"\textstyle", r"\allowbreak")
"""How large something is set and where a line may end, which a browser finds by itself."""


@lru_cache(maxsize=65536)
def mathml(latex: str) -> str:
    r"""The formula as a `math` element.

    Raises:
        ValueError: it is not of the LaTeX that documents are written in.

    >>> print(mathml(r"Z_{A} \le \frac{1}{2}").replace("<mfrac>", "\n<mfrac>"))
    <math><msub><mi>Z</mi><mrow><mi>A</mi></mrow></msub><mo>≤</mo>
    <mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac></math>
    """
    tokens = [each for each in _TOKEN.findall(latex) if each not in SILENT]
    tokens.reverse()
    parts = _parts(tokens)
    if tokens:
        raise ValueError(f"a bracket that nothing opens in {latex!r}")
    return f"<math>{''.join(parts)}</math>"


def _parts(tokens: list[str]) -> list[str]:
    """What the tokens say up to a closing bracket; they are taken from the end of the list."""
    parts: list[str] = []
    while tokens and tokens[-1] != "}":
        if tokens[-1] in "_^":
            base = parts.pop() if parts else "<mrow></mrow>"
            parts.append(_indexed(base, tokens))
        elif tokens[-1] == "-" and (not parts or _SIGN.fullmatch(parts[-1])):
            tokens.pop()
            parts.append(NEGATIVE)
        else:
            parts.append(_part(tokens))
    return parts


def _indexed(base: str, tokens: list[str]) -> str:
    """A part with what stands below and above it, in either order."""
    marks: dict[str, str] = {}
    while tokens and tokens[-1] in "_^" and tokens[-1] not in marks:
        mark = tokens.pop()
        marks[mark] = _argument(tokens)
    kind = {"_": "msub", "^": "msup"}.get("".join(marks), "msubsup")
    return f"<{kind}>{base}{''.join(marks[mark] for mark in sorted(marks, reverse=True))}</{kind}>"


def _part(tokens: list[str]) -> str:
    token = tokens.pop()
    match token:
        case "{":
            inside = "".join(_parts(tokens))
            if not tokens:
                raise ValueError("a bracket that nothing closes")
            tokens.pop()
            return f"<mrow>{inside}</mrow>"
        case r"\frac" | r"\tfrac":
            return f"<mfrac>{_argument(tokens)}{_argument(tokens)}</mfrac>"
        case r"\sqrt":
            return f"<msqrt>{_argument(tokens)}</msqrt>"
    if token in SPACES:
        return f'<mspace width="{SPACES[token]}"></mspace>'
    return _command(token[1:]) if token.startswith("\\") else _sign(token)


def _argument(tokens: list[str]) -> str:
    """The next part; of a number without brackets it is the first digit."""
    if not tokens:
        raise ValueError("something is missing at the end")
    if tokens[-1].isdigit():
        first, rest = tokens[-1][0], tokens.pop()[1:]
        tokens += [rest, first] if rest else [first]
    return _part(tokens)


def _command(name: str) -> str:
    kind, bracket, text = name.rstrip("}").partition("{")
    if bracket:
        said = escape(re.sub(r"\\(.)", r"\1", text))
        return f"<mtext>{said}</mtext>" if kind == "text" else f'<mi mathvariant="normal">{said}</mi>'
    if name in WORDS:
        return f"<mi>{name}</mi>"
    sign = SIGNS.get(name) or html5.get(f"{name};")
    if sign is None:
        raise ValueError(f"the command \\{name} has no MathML")
    return f"<mi>{sign}</mi>" if name in LETTERS else _sign(sign)


def _sign(sign: str) -> str:
    if sign.isdigit():
        return f"<mn>{sign}</mn>"
    if sign.isascii() and sign.isalpha():
        return f"<mi>{sign}</mi>"
    sign = {"-": "\N{MINUS SIGN}", "'": "\N{PRIME}"}.get(sign, sign)
    is_bracket = sign in "()[]|‖⟨⟩⌊⌋"
    return f'<mo stretchy="false">{sign}</mo>' if is_bracket else f"<mo>{escape(sign)}</mo>"
