"""Published claims as data: what a source prints, where, and the question that asks the rules for the same thing.

A family's file has its sources, each with groups of claims; what a group says goes for each of its claims that does not
say otherwise:

    [[source]]
    id = "arXiv:2406.08447"
    title = "Hayou, Ghosh, Yu: The Impact of Initialization on LoRA Finetuning Dynamics"
    status = "restated"                      # or "read": whether the source itself was at hand

    [[source.group]]
    locator = "theorem on Init[A]"
    subject = "init-a"
    claims = [
      { id = "init-a-stable-set", quantity = "stable rates", ask = { region = "stable" }, published = "c <= 0" },
    ]

    [because]                                # why what is derived differs from what is printed
    a-claim = "..."

A claim that no question can ask for has `missing`, what it would take, in place of a subject and a question.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from gamma_calc.algebra import parsed_affine
from gamma_calc.atlas import families
from gamma_calc.atlas.questions import Question, QuestionKind, Subject
from gamma_calc.errors import BadInput, named_in
from gamma_calc.program.spec_file import check_names, toml_document

STATUSES = ("read", "restated")
TOP = ("source", "because")
OF_SOURCE = ("id", "title", "status", "group")
SHARED = ("locator", "status", "quantity", "setting", "subject", "ask", "published", "missing")
"""What a group can say for its claims."""
CONDITION = tuple(field.name for field in fields(Question))[2:]
"""What a question can say beside its kind."""


@dataclass(frozen=True, slots=True)
class Source:
    """A paper, a page or a repository."""

    id: str
    title: str

    def __str__(self) -> str:
        return f"{self.id} {self.title}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A published claim: what `source` says at `locator`, of a `quantity` in a `setting`.

    `status` tells whether the source itself was read, or a text that restates it. `question` asks the rules for it, of
    the `subject` of its family; `missing` says instead what they lack. `because` says why the two differ, where they
    do.
    """

    id: str
    source: Source
    locator: str
    status: str
    quantity: str
    setting: str
    published: str
    subject: Subject | None
    question: Question | None
    other: Subject | None
    missing: str
    because: str


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim, family by family.

    Raises:
        BadInput: a family's data is not what it should be; the message names the file and the claim.
    """
    found: dict[str, Claim] = {}
    for name in sorted(each.name for each in pkgutil.iter_modules(families.__path__)):
        module = import_module(f"{families.__name__}.{name}")
        document = toml_document((files(families) / f"{name}.toml").read_text(encoding="utf-8"))
        with named_in(f"{name}.toml"):
            for claim in read(document, module.SUBJECTS):
                if claim.id in found:
                    raise BadInput(f"{claim.id}: there are two claims of this name")
                found[claim.id] = claim
    return tuple(found.values())


def read(document: Mapping[str, Any], subjects: Mapping[str, Subject]) -> Iterator[Claim]:
    """The claims of a family's data.

    Raises:
        BadInput: a key is missing or unknown, or a claim names no subject of the family.
    """
    check_names("the top level", document, TOP)
    because = dict(document.get("because", {}))
    for table in document["source"]:
        check_names("a source", table, OF_SOURCE)
        source = Source(_text(table, "id"), _text(table, "title"))
        for group in table["group"]:
            check_names(source.id, group, (*SHARED, "claims"))
            for entry in group["claims"]:
                said = {"status": table["status"], **group, **entry}
                yield _claim(said, source, subjects, because.pop(entry.get("id"), ""))
    if because:
        raise BadInput("because", found=next(iter(because)), expected="the id of a claim")


def _claim(said: Mapping[str, Any], source: Source, subjects: Mapping[str, Subject], because: str) -> Claim:
    name = _text(said, "id")
    check_names(name, said, ("id", *SHARED, "claims"))
    status, missing = _text(said, "status"), said.get("missing", "")
    if status not in STATUSES:
        raise BadInput(f"{name}: status", found=status, expected=" or ".join(STATUSES))
    question = None if missing else _question(name, said.get("ask"))
    subject = None if question is None else _subject(name, _text(said, "subject"), subjects)
    return Claim(
        id=name,
        source=source,
        locator=_text(said, "locator"),
        status=status,
        quantity=_text(said, "quantity"),
        setting=said.get("setting", "" if subject is None else subject.words),
        published=_text(said, "published"),
        subject=subject,
        question=question,
        other=None if question is None or not question.less else _subject(name, question.less, subjects),
        missing=missing,
        because=because,
    )


def _question(name: str, asked: object) -> Question:
    kinds = {kind.value: kind for kind in QuestionKind}
    if not isinstance(asked, Mapping) or len(named := [key for key in asked if key in kinds]) != 1:
        raise BadInput(f"{name}: ask", found=asked, expected=f"a table with one of {', '.join(kinds)}")
    check_names(f"{name}: ask", asked, (*named, *CONDITION))
    given: dict[str, Any] = {key: asked[key] for key in CONDITION if key in asked}
    for key in ("bounded", "reached", "onto"):
        given[key] = tuple(given.get(key, ()))
    with named_in(f"{name}: at"):
        given["at"] = tuple((each, parsed_affine(value)) for each, value in given.get("at", {}).items())
    return Question(kinds[named[0]], asked[named[0]], **given)


def _subject(name: str, subject: str, subjects: Mapping[str, Subject]) -> Subject:
    if subject not in subjects:
        expected = "one of the family's"
        raise BadInput(f"{name}: subject", found=subject, expected=expected, choices=subjects)
    return subjects[subject]


def _text(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found:
        raise BadInput(f"{table.get('id', 'a claim')}: {key}", found=found, expected="a text")
    return found
