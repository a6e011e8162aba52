"""A document as LaTeX that compiles as it stands, with what every distribution has."""

from __future__ import annotations

import re

from gamma_calc.document.blocks import (
    Cite,
    Document,
    Line,
    Listing,
    Math,
    Paragraph,
    PrintedBlock,
    Proof,
    Ref,
    Section,
    Span,
    Statement,
    Table,
    Words,
    spans,
)

PACKAGES = r"""\usepackage{amsmath,amssymb,amsthm,mathtools,array,booktabs,longtable}
\usepackage[hidelinks]{hyperref}
"""
THEOREM = r"\newtheorem*{theorem}{Theorem}"
COMMANDS = (
    r"\newcommand{\cell}[2]{\parbox[t]{\dimexpr #1\linewidth-2\tabcolsep}{\raggedright #2\strut}\hspace{2\tabcolsep}}"
    "\n"
    r"\newcommand{\proofline}[3]{\noindent\cell{.110}{#1}\cell{.510}{#2}\cell{.380}{#3}\par}"
    "\n"
    r"\newcommand{\longline}[3]{{\noindent\raggedright\hangindent=.110\linewidth"
    r"\makebox[.110\linewidth][l]{#1}#2\newline #3\par}}"
    "\n"
)
LONG = 3000
"""Characters of a line of a proof that may be taller than a page: it has no columns then, and may break there."""
LAYOUT = r"""\renewcommand{\arraystretch}{1.15}
\renewcommand{\labelenumi}{(\roman{enumi})}
\setlength{\emergencystretch}{6em}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\tabcolsep}{4pt}
\tolerance=3000
\hbadness=10000
"""
PREAMBLE = (
    "\\documentclass[10pt,a4paper]{article}\n\\usepackage[margin=22mm]{geometry}\n"
    f"{PACKAGES}{THEOREM}\n{COMMANDS}\\setcounter{{secnumdepth}}{{0}}\n{LAYOUT}"
)
NEEDS = "".join(f"%   {line}\n" for line in PACKAGES.splitlines())
FRAGMENT = (
    f"% To be read with \\input. The preamble needs:\n{NEEDS}\\begingroup\n"
    f"\\ifcsname theorem\\endcsname\\else\n{THEOREM}\n\\fi\n"
    f"\\let\\cell\\relax\\let\\proofline\\relax\\let\\longline\\relax\n{COMMANDS}{LAYOUT}"
)
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': "''",
    **{character: f"\\{character}" for character in "{}$&#%_"},
}
_LONG_MAXIMUM = re.compile(r"\\max\([^()]{60,}\)")
_LONG_FRACTION = re.compile(r"\\frac\{(\d{16,}|\d+(?=\}\{\d{16,}))\}\{(\d+)\}")
_LONG_NUMBER = re.compile(r"\d{16,}")
_DIGITS = re.compile(r"\d{8}(?=\d)|\d+$")


def latex_document(document: Document) -> str:
    """The document as the text of a .tex file."""
    name = _escaped(document.title)
    title = f"\\begin{{center}}\n{{\\LARGE {name}\\par}}\n\\end{{center}}\n"
    start = f"{PREAMBLE}\\hypersetup{{pdftitle={{{name}}}}}\n\\begin{{document}}\n"
    return f"{start}{title}\n{_body(document)}\\end{{document}}\n"


def latex_fragment(document: Document) -> str:
    """The document as the text of a file for \\input, which leaves the layout of all else as it is."""
    return f"{FRAGMENT}{_body(document)}\\endgroup\n"


def _body(document: Document) -> str:
    sections = "\n".join(map(_section, document.sections))
    items = "\n".join(rf"\bibitem{{{entry.key}}} {_text(entry.text)}" for entry in document.references)
    return f"{sections}\n\\begin{{thebibliography}}{{9}}\n{items}\n\\end{{thebibliography}}\n"


def _section(section: Section) -> str:
    command = (r"\section", r"\subsection")[section.depth]
    title = "".join(_title_span(span) for span in section.title)
    return "\n".join([f"{command}{{{title}}}", *map(_block, section.blocks), ""])


def _title_span(span: Span) -> str:
    """A title also becomes a bookmark, which holds no formula."""
    if not isinstance(span, Math):
        return _span(span)
    return rf"\texorpdfstring{{{_span(span)}}}{{...}}"


def _block(block: PrintedBlock) -> str:
    match block:
        case Paragraph(text):
            return f"{_text(text)}\n"
        case Proof(lines):
            return f"{{\\setlength{{\\parskip}}{{1pt}}\n{''.join(map(_line, lines))}}}\n"
        case Statement(given, items):
            listed = "\n".join(rf"\item {_text(item)}" for item in items)
            enumeration = f"\\begin{{enumerate}}\n{listed}\n\\end{{enumerate}}"
            return f"\\begin{{theorem}}\\normalfont\n{_text(given)}\n{enumeration}\n\\end{{theorem}}\n"
        case Table():
            return f"{{\\footnotesize\n{_table(block)}}}\n" if block.is_dense else _table(block)
        case Listing(entries):
            named = "\n".join(
                f"\\item[{_target(entry.key)}{{{_escaped(entry.key)}}}] {_text(entry.text)}" for entry in entries
            )
            return f"\\begin{{description}}\n{named}\n\\end{{description}}\n"


def _line(line: Line) -> str:
    claims = r",\newline ".join(f"\\({_breakable(claim.latex)}\\)" for claim in line.claims)
    grounds = _text(line.grounds)
    command = "longline" if max(len(claims), len(grounds)) > LONG else "proofline"
    return f"\\{command}{{{_target(line.number)}{{({line.number})}}}}{{{claims}}}{{{grounds}}}\n"


def _target(number: str) -> str:
    return rf"\leavevmode\hypertarget{{{number}}}"


def _table(table: Table) -> str:
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{\dimexpr {each.share / 1000:.3f}\linewidth-2\tabcolsep}}"
        for each in table.columns
    )
    header = tuple(each.heading for each in table.columns)
    head, *rows = (" & ".join(map(_text, row)) + " \\\\\n" for row in (header, *table.rows))
    body = "".join(rows)
    top = f"\\toprule\n{head}\\midrule\n\\endhead\n"
    return f"\\begin{{longtable}}{{{columns}}}\n{top}{body}\\bottomrule\n\\end{{longtable}}\n"


def _text(words: Words) -> str:
    return "".join(map(_span, spans(words)))


def _span(span: Span) -> str:
    match span:
        case Math(latex):
            return f"\\({_breakable(latex)}\\)"
        case Ref(number):
            return rf"\hyperlink{{{number}}}{{{span.word}}}"
        case Cite(key):
            return rf"\cite{{{key}}}"
        case str():
            return _escaped(span)


def _breakable(latex: str) -> str:
    """A formula that may break where it has to: inside long numbers, and after commas where no relation is near.

    By itself a formula breaks after relations and signs.
    """
    if "=" not in latex or _LONG_MAXIMUM.search(latex):
        latex = latex.replace(", ", r",\allowbreak ")
    latex = latex.replace(r";\ ", r";\ \allowbreak ").replace(r", \pm", r", \allowbreak \pm")
    latex = _LONG_FRACTION.sub(r"(\1/\2)\\allowbreak ", latex)
    return _LONG_NUMBER.sub(lambda match: _DIGITS.sub(r"\g<0>\\allowbreak ", match[0]), latex)


def _escaped(text: str) -> str:
    return "".join(SPECIAL.get(character, character) for character in text)
