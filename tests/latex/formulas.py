"""Finding the formulas of a Markdown or LaTeX text."""

from __future__ import annotations

import re
from dataclasses import dataclass

# The environments that start mathematics by themselves; what a renderer does not know among them, it reports.
ENVIRONMENTS = "equation|align|alignat|gather|multline|flalign|eqnarray|displaymath|math"

FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>\w*).*?\n(?P<body>.*?)^(?P=mark)[ \t]*$", re.M | re.S)
CODE = re.compile(r"(?<!`)(?P<mark>`+)(?!`).+?(?<!`)(?P=mark)(?!`)", re.S)
DISPLAY = re.compile(r"(?<!\\)\$\$(?P<tex>.+?)(?<!\\)\$\$", re.S)
INLINE = re.compile(r"(?<![\\$])\$(?P<tex>(?:[^$\\\n]|\\.|\n(?!\s*\n))+)\$", re.S)
STRAY = re.compile(r"(?<!\\)\$")

COMMENT = re.compile(r"(?<!\\)%.*")
VERBATIM = re.compile(r"\\begin\{(verbatim|lstlisting)\*?\}.*?\\end\{\1\*?\}|\\verb\*?(\W).*?\2", re.S)
BRACKETS = re.compile(r"(?<!\\)\\\[(?P<tex>.+?)(?<!\\)\\\]", re.S)
PARENTHESES = re.compile(r"(?<!\\)\\\((?P<tex>.+?)(?<!\\)\\\)", re.S)
ENVIRONMENT = re.compile(rf"(?P<tex>\\begin\{{(?P<name>(?:{ENVIRONMENTS})\*?)\}}.*?\\end\{{(?P=name)\}})", re.S)
LABEL = re.compile(r"\\label\s*\{[^{}]*\}")
DEFINITION = re.compile(r"\\(?P<kind>(?:re)?newcommand|DeclareMathOperator)(?P<star>\*?)\s*(?=[{\\])")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as a renderer takes it, with the line it starts on."""

    tex: str
    display: bool
    line: int


@dataclass(frozen=True, slots=True)
class Formulas:
    """What a text holds, and the lines of the dollar signs that belong to no formula."""

    found: tuple[Formula, ...]
    stray: tuple[int, ...]


def blanked(text: str, pattern: re.Pattern[str]) -> str:
    """The text with each match turned into spaces, so that line numbers stay."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def taken(text: str, patterns: tuple[tuple[re.Pattern[str], bool], ...]) -> Formulas:
    """The matches of the patterns, each looked for in what those before it left."""
    found = []
    for pattern, display in patterns:
        for match in pattern.finditer(text):
            found.append(Formula(match["tex"].strip(), display, text.count("\n", 0, match.start()) + 1))
        text = blanked(text, pattern)
    stray = tuple(text.count("\n", 0, match.start()) + 1 for match in STRAY.finditer(text))
    return Formulas(tuple(sorted(found, key=lambda formula: formula.line)), stray)


def markdown_formulas(text: str) -> Formulas:
    """Formulas of GitHub's Markdown: between dollar signs outside code, and in fences marked as math."""
    opened = FENCE.sub(lambda match: f"$$\n{match['body']}$$" if match["language"] == "math" else match[0], text)
    return taken(blanked(blanked(opened, FENCE), CODE), ((DISPLAY, True), (INLINE, False)))


def group(text: str, start: int) -> tuple[str, int]:
    """The balanced group or the control word that starts here, and where the text goes on."""
    if text[start] == "\\":
        word = re.compile(r"\\([A-Za-z]+|.)").match(text, start)
        assert word, f"a lone backslash at {start}"
        return word[0], word.end()
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
        if depth == 0:
            return text[start + 1 : end], end + 1
    raise ValueError(f"a group opened at {start} is never closed")


def definitions(preamble: str) -> str:
    """The preamble's own commands in words that KaTeX knows, to stand in front of a formula."""
    written = []
    for match in DEFINITION.finditer(preamble):
        name, end = group(preamble, match.end())
        arity = re.compile(r"\s*(\[\d\])?\s*").match(preamble, end)
        assert arity
        body, _ = group(preamble, arity.end())
        if match["kind"] == "DeclareMathOperator":
            body = rf"\operatorname{match['star']}{{{body}}}"
        written.append(rf"\gdef{name}{parameters(arity[1])}{{{body}}}")
    return "".join(written)


def parameters(arity: str | None) -> str:
    return "".join(f"#{place}" for place in range(1, int(arity[1]) + 1)) if arity else ""


def latex_formulas(text: str) -> Formulas:
    r"""Formulas of a LaTeX document, each behind the preamble's definitions and without its \label."""
    clean = blanked(blanked(text, VERBATIM), COMMENT)
    preamble, begin, body = clean.partition(r"\begin{document}")
    body = re.sub(r"[^\n]", " ", preamble) + begin + body if begin else clean
    patterns = ((ENVIRONMENT, True), (BRACKETS, True), (DISPLAY, True), (PARENTHESES, False), (INLINE, False))
    formulas = taken(blanked(body, LABEL), patterns)
    known = definitions(preamble) if begin else ""
    return Formulas(
        tuple(Formula(known + each.tex, each.display, each.line) for each in formulas.found), formulas.stray
    )
