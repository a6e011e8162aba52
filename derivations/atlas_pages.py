"""The atlas as pages: an index with everything at a glance, and for each source its claims and what each rests on.

Every derived value is found anew when the pages are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gamma_calc.atlas.claims import Source
from gamma_calc.atlas.comparison import ComparedClaim, Standing, atlas, by_source
from gamma_calc.atlas.questions import Question, QuestionKind, Subject, evidence
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.document.tables import markdown_table

FOLDER = "atlas"
MARKS = {Standing.AGREES: "✓", Standing.DIFFERS: "≠", Standing.OUT_OF_SCOPE: "○"}
DISPUTES = "../../validation/disputes"
"""Where each difference has a page with a measurement."""
KINDS: Mapping[str, tuple[QuestionKind | None, ...]] = {
    "rates and other values": (QuestionKind.LARGEST, QuestionKind.SOLUTION),
    "regions and onsets": (QuestionKind.REGION, QuestionKind.ONSET),
    "exponents": (QuestionKind.EXPONENT,),
    "no question": (None,),
}
"""The columns of the index: what is asked."""
TOGETHER = 5
"""Marks without a gap, so that they can be counted and a line of them can break."""
LONGEST = 160
"""Characters of an exponent that is written out."""
INDEX = """# What the literature found by hand, derived

Written by `python derivations/make.py`, and compared with what that writes by a test. What papers print is data; what
is derived follows from the rules of the calculus in the setting of each claim, and no published value enters it:
`gamma-calc atlas` prints the same rows, and `gamma-calc atlas --check` trains [what a run can
decide](../../validation/atlas/README.md).

{summary}

## At a glance

✓ agrees, **≠** differs, ○ is out of scope. Each mark leads to its claim: what was asked, of what, and what the answer
rests on. Behind a source stand how many of its claims agree, of those that are derived.

{matrix}

## Where the two differ

Each of these has a page with a run in which the two predict different slopes.

{differences}
"""


def pages() -> Mapping[str, str]:
    """The text of every page, by its path below the folder of derivations."""
    sources = by_source(atlas())
    texts = {f"{FOLDER}/{page_of(source)}": _page(source, group) for source, group in sources.items()}
    return {f"{FOLDER}/README.md": _index(sources), **texts}


def _index(sources: Mapping[Source, Sequence[ComparedClaim]]) -> str:
    rows = [row for group in sources.values() for row in group]
    matrix = [("source", *KINDS)]
    for source, group in sources.items():
        cells = (_marks(source, group, kinds) for kinds in KINDS.values())
        agree, differ = (sum(row.status is each for row in group) for each in (Standing.AGREES, Standing.DIFFERS))
        name = f'[{source.title.partition(":")[0]}]({page_of(source)} "{source.title}")'
        share = f", {agree}/{agree + differ}" if agree + differ else ""
        matrix.append((f"{name} {source.id.removeprefix('arXiv:')}{share}", *cells))
    differing = (row for row in rows if row.status is Standing.DIFFERS)
    return INDEX.format(
        summary=f"{len(rows)} claims of {len(sources)} sources: {_tally(rows)}.",
        matrix=markdown_table(matrix),
        differences="\n".join(
            f"- {_link(row)}, {row.claim.source.title}, {row.claim.locator}: {_claimed(row)} {_measured(row)}"
            for row in differing
        ),
    )


def _tally(rows: Sequence[ComparedClaim]) -> str:
    return ", ".join(f"{sum(row.status is each for row in rows)} {mark}" for each, mark in MARKS.items())


def _marks(source: Source, rows: Sequence[ComparedClaim], kinds: tuple[QuestionKind | None, ...]) -> str:
    asked = [row for row in rows if (None if row.claim.question is None else row.claim.question.kind) in kinds]
    marks = [f'[{_mark(row)}]({page_of(source)}#{row.claim.id} "{row.claim.quantity}")' for row in asked]
    return " ".join("".join(marks[place : place + TOGETHER]) for place in range(0, len(marks), TOGETHER))


def _mark(row: ComparedClaim) -> str:
    return f"**{MARKS[row.status]}**" if row.status is Standing.DIFFERS else MARKS[row.status]


def _claimed(row: ComparedClaim) -> str:
    return f"{row.claim.quantity}: published `{row.claim.published}`, derived `{row.answer}`. {_joined(row.reason)}"


def _measured(row: ComparedClaim) -> str:
    return f"[Measured]({DISPUTES}/{row.claim.id}.md)."


def _link(row: ComparedClaim) -> str:
    return f"[{row.claim.id}]({page_of(row.claim.source)}#{row.claim.id})"


def _page(source: Source, rows: Sequence[ComparedClaim]) -> str:
    """The claims of a source in a table, then one by one in the order of their settings."""
    table: list[tuple[str, ...]] = [("claim", "where", "quantity", "published", "derived", "")]
    table += [_line(row) for row in rows]
    parts = [f"# {source.title}", f"{source.id}: {_tally(rows)}. [All sources](README.md)", markdown_table(table)]
    settings: dict[Subject | None, list[ComparedClaim]] = {}
    for row in rows:
        settings.setdefault(row.claim.subject, []).append(row)
    for subject, group in settings.items():
        parts += [f"## {subject.words if subject is not None else 'Out of scope'}"]
        parts += [] if subject is None else _setting(subject)
        parts += [_entry(row) for row in group]
    if rules := _rules(rows):
        parts += ["## Rules that the answers rest on", rules]
    return "\n\n".join(parts) + "\n"


def _line(row: ComparedClaim) -> tuple[str, ...]:
    claim = row.claim
    derived = "" if row.answer is None else f"`{row.answer}`"
    locator = f"{claim.locator} ({claim.status})"
    return (f"[{claim.id}](#{claim.id})", locator, claim.quantity, f"`{claim.published}`", derived, MARKS[row.status])


def _setting(subject: Subject) -> Iterator[str]:
    """What a scheme says otherwise than by default, and what is supposed of sums."""
    scheme = subject.scheme
    defaults = scheme.model.defaults
    said = {key: form for key, form in scheme.exponents.items() if key not in defaults or form != defaults[key]}
    keys = ", ".join(f"{key} = {'zero' if form is None else form}" for key, form in said.items())
    words = [f"{scheme.model.kind} under {scheme.optimizer.name}: `{keys}`"]
    untrained = [name for name in scheme.model.parameters if not scheme.is_trained(name)]
    words += [f"not trained: {', '.join(untrained)}"] if untrained else []
    words += [f"where `{' and '.join(map(str, scheme.between))}`"] if scheme.between else []
    yield "; ".join([*words, *subject.policy.lines]) + "."


def _entry(row: ComparedClaim) -> str:
    """One claim: what was asked, what came out, and what it rests on."""
    claim = row.claim
    lines = [f'<a id="{claim.id}"></a>**{claim.id}** {MARKS[row.status]} {claim.quantity} ({claim.locator}):']
    lines.append(f"- published: `{claim.published}`")
    if row.answer is not None and claim.question is not None and claim.subject is not None:
        lines += [f"- asked: {claim.question}", f"- derived: `{row.answer}`", *_grounds(claim.question, claim.subject)]
    lines += [f"- {_joined(row.reason)}"] if row.reason else []
    lines += [f"- {_measured(row)}"] if row.status is Standing.DIFFERS else []
    return "\n".join(lines)


def _grounds(question: Question, subject: Subject) -> Iterator[str]:
    found = evidence(question, subject)
    decision = found.decision
    if decision is None:
        yield f"- by step: {_by_step(found.run, question.of)}"
        return
    if question.kind is not QuestionKind.REGION or question.onto:
        yield f"- the condition holds where `{decision.region}`"
    yield f"- {decision.reason}"
    for quantity in dict.fromkeys((*decision.condition.bounded, *decision.condition.reached)):
        yield f"- {quantity}: {_by_step(found.run, quantity)}"


def _by_step(run: Trajectory, quantity: str) -> str:
    """The exponent of a quantity, step by step until it is settled or the run ends."""
    parts, before = [], ""
    for step in run.steps:
        text = str(step.sizes[quantity])
        if text != before:
            parts.append(f"{f'`{text}`' if len(text) <= LONGEST else f'{len(text)} characters'} at step {step.t}")
        before = text
    return f"{', '.join(parts)}{' and after' if run.settled_from is not None else ''}"


def _rules(rows: Iterable[ComparedClaim]) -> str:
    """Every rule that some answer rests on, with its source."""
    asked = ((row.claim.question, row.claim.subject) for row in rows if row.answer is not None)
    runs = [evidence(question, subject).run for question, subject in asked if question and subject]
    rules = {each.rule.name: each.rule for run in runs for each in run.applications}
    lines = (
        f"- **{name}**: ${rule.statement}$. {rule.source}"
        + (f", under {', '.join(each.key for each in rule.assumptions)}." if rule.assumptions else ".")
        for name, rule in sorted(rules.items())
    )
    return "\n".join(lines)


def page_of(source: Source) -> str:
    """The name of a source's page.

    >>> page_of(Source("arXiv:2406.08447", ""))
    'arxiv-2406.08447.md'
    """
    return re.sub(r"[^a-z0-9.]+", "-", source.id.lower()) + ".md"


def _joined(text: str) -> str:
    return " ".join(text.split())
