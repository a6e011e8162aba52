"""The document says what the trace says, once, and both printers say what the document says."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from gamma_calc import compare, derive
from gamma_calc.algebra import Region, nonpositive_region, zero_region
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.components import Component, total
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.rules import CONTRACTIONS
from gamma_calc.calculus.trace import Application
from gamma_calc.derivation.conditions import spaced
from gamma_calc.derivation.document import document
from gamma_calc.derivation.notation import Notation
from gamma_calc.derivation.proof import claims
from gamma_calc.derivation.symbols import parity_latex, quantity_latex
from gamma_calc.document.blocks import Document, Line, Proof, Statement, Table
from gamma_calc.document.latex import latex_document
from gamma_calc.document.markdown import markdown_document
from gamma_calc.program.catalogue import CATALOGUE, catalogue_scheme
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import axis, data, named, parameter, relu
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import Scheme
from tests.derivation.schemes import derivation
from tests.latex.formulas import latex_formulas, markdown_formulas

CASES = [
    *(
        pytest.param(name, optimizer, None, id=f"{name}-{optimizer}")
        for name in CATALOGUE
        for optimizer in ("adam", "sgd")
    ),
    pytest.param("parities", "", None, id="parities"),
    pytest.param("frozen", "", None, id="frozen"),
    pytest.param("six free", "", 2, id="six-free"),
    pytest.param("init-a", "sgd", 12, id="twelve-steps"),
]
every_case = pytest.mark.parametrize(("name", "optimizer", "horizon"), CASES)


def lines_of(printed: Document) -> list[Line]:
    blocks = [block for section in printed.sections for block in section.blocks]
    return [line for block in blocks if isinstance(block, Proof) for line in block.lines]


Said = tuple[str, str, tuple[str, ...]]
"""A rule, a subject, and the values of its parities."""


def conclusions(applications: Iterable[Application], notation: Notation) -> Iterator[tuple[Said, list[Application]]]:
    """What applications say, written without the help of the document; those to pairs of the same parities together."""
    together: dict[object, list[Application]] = {}
    for place, each in enumerate(applications):
        pair = [parity_latex(part.provenance) for part in each.premises if isinstance(part, Component)]
        together.setdefault((each.rule.name, each.subject, *pair) if pair else place, []).append(each)
    for alike in together.values():
        parities: dict[str, list[Component]] = {}
        for part in (part for each in alike if each.subject.label for part in each.conclusion):
            parities.setdefault(parity_latex(part.provenance), []).append(part)
        values = tuple(total(parts).upper.latex() for parts in parities.values())
        yield (alike[0].rule.name, notation.subject(alike[0].subject), values), alike


def said(found: Derivation) -> set[Said]:
    runs = [found.run, *(run for bound in found.bounds.values() for run in bound.runs)]
    notation = Notation(found.run.program)
    return {each for run in runs for each, _ in conclusions(run.applications, notation)}


def printed_conclusions(printed: Document) -> Counter[Said]:
    return Counter(
        (line.rule, claim.subject.partition(";")[0], claim.steps[-1:])
        for line in lines_of(printed)
        for claim in line.claims
    )


def missing(found: Derivation, printed: Document) -> set[tuple[str, str, str]]:
    """Rule, subject and value of each component of the trace that no line says."""
    known = {(rule, subject, value) for rule, subject, (value,) in printed_conclusions(printed)}
    told = {(rule, subject, value) for rule, subject, values in said(found) for value in values}
    return told - known


@every_case
def test_every_application_has_a_line(name: str, optimizer: str, horizon: int | None) -> None:
    found = derivation(name, optimizer, horizon)
    assert not missing(found, document(found))


@every_case
def test_no_line_is_said_twice_and_none_is_made_up(name: str, optimizer: str, horizon: int | None) -> None:
    found = derivation(name, optimizer, horizon)
    lines = lines_of(document(found))
    assert len({(line.rule, line.claims) for line in lines}) == len(lines)
    assert len({line.number for line in lines}) == len(lines)
    told = {(rule, subject) for rule, subject, _ in said(found)}
    assert {(line.rule, line.claims[0].subject.partition(";")[0]) for line in lines} == told


def test_as_many_lines_as_distinct_applications() -> None:
    """Where terms have one component, an application is told by rule, subject and value."""
    found = derivation("init-a", "adam")
    notation = Notation(found.run.program)
    distinct = {
        (application.rule.name, claims([application], notation.subject(application.subject)))
        for application in found.run.applications
    }
    assert len(distinct) < len(found.run.applications)
    assert len(lines_of(document(found))) == len(distinct)


def test_a_dropped_application_is_noticed() -> None:
    found = derivation("init-b", "adam")
    notation = Notation(found.run.program)
    applications = found.run.applications
    every = [*conclusions(applications, notation)]
    times = Counter(told for told, _ in every)
    once = [(told, alike[0]) for told, alike in every if times[told] == len(alike) == 1 and told[-1]]
    assert once
    for told, dropped in once:
        run = replace(found.run, applications=tuple(each for each in applications if each is not dropped))
        bounds = {key: replace(bound, runs=(run,)) for key, bound in found.bounds.items()}
        printed = document(replace(found, run=run, bounds=bounds))
        assert missing(found, printed), f"nobody missed {told}"


@every_case
def test_every_premise_points_backwards(name: str, optimizer: str, horizon: int | None) -> None:
    seen: set[str] = set()
    for line in lines_of(document(derivation(name, optimizer, horizon))):
        assert {premise.number for premise in line.premises} <= seen, line
        seen.add(line.number)


@pytest.mark.parametrize("optimizer", ["adam", "sign", "sgd"])
def test_every_conclusion_but_what_is_given_has_premises(optimizer: str) -> None:
    for line in lines_of(document(derivation("init-ab", optimizer))):
        assert line.premises or line.number.startswith("0."), line


def test_a_sum_points_at_every_component_of_its_terms() -> None:
    """Z_B is the sum of all its contractions: with growing rank, of several lines a term."""
    lines = {line.number: line for line in lines_of(document(derivation("parities")))}
    (whole,) = (line for line in lines.values() if line.claims[0].subject == "Z_{B}^{2}")
    terms = [lines[premise.number].claims[0].subject.partition(";")[0] for premise in whole.premises]
    assert max(Counter(terms).values()) > 1
    after_step_2 = [
        line.number
        for line in lines.values()
        if line.claims[0].subject.partition(";")[0] in set(terms) and line.number.startswith("2.")
    ]
    assert set(after_step_2) <= {premise.number for premise in whole.premises}


def flattened(formula: str) -> str:
    """A formula without what LaTeX needs to break it."""
    return re.sub(r"\\allowbreak ?|\s", "", formula)


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]{4,}", text))


@every_case
def test_markdown_and_latex_have_the_same_formulas(name: str, optimizer: str, horizon: int | None) -> None:
    printed = document(derivation(name, optimizer, horizon))
    markdown, latex = markdown_formulas(markdown_document(printed)), latex_formulas(latex_document(printed))
    assert not markdown.stray and not latex.stray
    body = re.compile(r"^(\\gdef.*?\}\}|\\gdef\\[a-z]+(#\d)*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*")
    assert Counter(flattened(each.tex) for each in markdown.found) == Counter(
        flattened(body.sub("", each.tex)) for each in latex.found
    )


@every_case
def test_markdown_and_latex_have_the_same_words(name: str, optimizer: str, horizon: int | None) -> None:
    printed = document(derivation(name, optimizer, horizon))
    markdown = re.sub(r"\$[^$]*\$", " ", markdown_document(printed))
    latex = latex_document(printed).partition(r"\begin{document}")[2]
    latex = re.sub(r"\\\(.*?\\\)", " ", latex, flags=re.DOTALL)
    latex = re.sub(r"\\(begin|end|hypertarget|hyperlink|cite|bibitem)\{[^}]*\}|\\(?![_&%#$])[A-Za-z]+", " ", latex)
    only_in_headings = {"line", "conclusion", "grounds", "Theorem", "References"}
    assert words(markdown.replace("\\", "")) - only_in_headings == words(latex.replace("\\", "")) - only_in_headings


@every_case
def test_what_is_cited_and_assumed_is_listed(name: str, optimizer: str, horizon: int | None) -> None:
    printed = document(derivation(name, optimizer, horizon))
    text = latex_document(printed)
    for link, target in (
        (r"\\cite\{(.*?)\}", r"\\bibitem\{(.*?)\}"),
        (r"\\hyperlink\{(.*?)\}", r"\\hypertarget\{(.*?)\}"),
    ):
        assert set(re.findall(link, text)) <= set(re.findall(target, text))
    assert set(re.findall(r"\\bibitem\{(.*?)\}", text)) == set(re.findall(r"\\cite\{(.*?)\}", text))


def test_the_theorem_stands_behind_its_definitions_and_says_what_was_decided() -> None:
    setting, result = document(derivation("init-a", "adam")).sections[:2]
    (statement,) = result.blocks
    assert setting.title == ("Setting",) and isinstance(statement, Statement)
    text = markdown_document(document(derivation("init-a", "adam"))).split("## Rules")[0]
    assert r"| stable | $\gamma[Z_{B}^{t}] \le 0$ at every step |" in text
    for words_of_item in (
        r"stable if and only if $\eta \le -\frac{1}{2}$.",
        r"internally stable if and only if $\eta \le -1$.",
        r"feature learning if and only if $\eta = -\frac{1}{2}$, from step 2 on.",
        r"efficient if and only if $\eta = -\frac{1}{2}$, from step 3 on.",
        r"The largest stable $\eta$ is $-\frac{1}{2}$.",
    ):
        assert words_of_item in text


def test_the_unknown_is_shown_as_such() -> None:
    unknown = derived(catalogue_scheme("init-a"), policy=Policy(without=dispensable(["A5"])))
    text = markdown_document(document(unknown))
    assert "It is stable on a region that is unknown, for some sizes are only bounded from above" in text
    assert r"The largest stable $\eta$ is unknown" in text


def test_bounds_are_marked_wherever_they_are_shown() -> None:
    found = derivation("parities")
    printed = document(found)
    bounded = [line for line in lines_of(printed) if not all(claim.is_exact for claim in line.claims)]
    assert bounded and all(r"\le" in claim.latex for line in bounded for claim in line.claims if not claim.is_exact)
    tables = [block for block in printed.sections[-2].blocks if isinstance(block, Table)]
    upper = {(quantity_latex(name), step.sizes[name].latex()) for step in found.run.steps for name in step.upper}
    rows = [[cell[0].latex for cell in row] for table in tables for row in table.rows]
    assert upper and {(row[0], row[-1]) for row in rows if row[-1].startswith(r"\le ")} == upper


def test_an_unsettled_run_says_for_which_steps_it_is_proved() -> None:
    text = markdown_document(document(derivation("init-a", "sgd", 12)))
    assert "proved for the steps 1 to 12 only" in text
    assert "by induction" in markdown_document(document(derivation("init-a", "adam")))


def test_a_run_that_turns_between_states_says_which_are_the_same() -> None:
    found = derivation("init-a", "adam", None)
    run = replace(found.run, settled_from=5, period=2)
    turning = "after step 5 as after step 3, and steps 4 to 5 have"
    for steps, said in ((run, turning), (found.run, "as before it. A step")):
        assert said in markdown_document(document(replace(found, run=steps))).replace("\n", " ")


def test_a_frozen_factor_is_said_to_be_frozen() -> None:
    text = markdown_document(document(derivation("frozen")))
    assert "frozen, rank by width" in text
    assert r"\gamma[\Delta A_{1}] = -\infty" in text


def test_a_document_takes_less_than_the_derivation_allows() -> None:
    """The command line prints as it derives: 100 ms of processor time, at best of three."""
    found = derivation("init-ab", "adam")
    durations = []
    for _ in range(3):
        start = time.process_time()
        printed = document(found)
        assert latex_document(printed) and markdown_document(printed)
        durations.append(time.process_time() - start)
    assert min(durations) < 0.1


def test_what_only_gradients_ask_for_has_one_line_and_is_cited() -> None:
    """In the third layer's gradients the loss gradient behind a layer is one value, whatever it is the sum of."""
    forms = {"A": "-1/2", "B": "zero", "eta_A": "-1", "eta_B": "0"}
    lines = lines_of(document(derived(Scheme("stack", forms, model=LoraStack(3)), 3)))
    behind = [line for line in lines if line.claims[0].subject == r"\mathrm{d}z_{\ell}^{1}"]
    assert [line.rule for line in behind] == ["sum"]
    assert len(behind[0].premises) > 1
    assert sum(behind[0].number in {each.number for each in line.premises} for line in lines) > 1
    made = [line for line in lines if line.rule in {"sum", "product", *(rule.name for rule in CONTRACTIONS.values())}]
    assert all(line.premises for line in made)


def two_layers() -> Derivation:
    """A stack that is decided on parts of the plane of two rates."""
    forms = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}
    return derived(Scheme("stack", forms, model=LoraStack(2)))


def tied(*efficient: str) -> Problem:
    """A network in which what is free decides which part of a ReLU's argument leads."""
    n, out, r, batch = axis("width", 1), axis("out", 1), axis("rank"), axis("batch")
    x, pretrained = data("Z", n, batch), parameter("W_0", out, n, init="-1/2")
    a, b = parameter("A", r, n, init="zero", rate="eta"), parameter("B", out, r, init="0", rate="eta")
    z_b = named("Z_B", b @ named("Z_A", a @ x))
    f = named("f", parameter("W", axis("one"), out, init="-1/2") @ relu(z_b + pretrained @ x))
    return Problem("tied", f, stable=("Z_B", "f"), efficient=efficient)


def section(text: str, title: str) -> str:
    return text.split(f"### {title}\n")[1].split("\n#")[0]


def of_the_rows(found: Derivation, made: Decision) -> Region:
    """Where all that the rows of a condition ask holds."""
    run = found.bounds[made.condition.bounded].run
    region = Region.of(run.domain)
    for step in run.steps:
        for name in made.condition.bounded:
            region &= Region.of(nonpositive_region(step.sizes[name].upper))
    for name in made.condition.reached:
        size = run.last.sizes[name]
        region &= Region.of(nonpositive_region(size.upper)) & zero_region(size.lower)
    return region


def taken_together(found: Derivation) -> set[str]:
    """The conditions whose rows are said to decide them."""
    text = markdown_document(document(found))
    names = {name: spaced(name).capitalize() for name in found.decisions}
    return {name for name, title in names.items() if "Taken together" in section(text, title)}


@every_case
def test_what_is_taken_together_says_what_was_decided(name: str, optimizer: str, horizon: int | None) -> None:
    found = derivation(name, optimizer, horizon)
    told = taken_together(found)
    assert told == {*found.decisions} or name in {"six free", "parities"}
    known = [each for key, each in found.decisions.items() if key in told and each.status is not Status.UNKNOWN]
    assert all(of_the_rows(found, each) == each.region for each in known)


def test_what_was_decided_on_parts_is_said_to_be() -> None:
    found = two_layers()
    text, (told,) = markdown_document(document(found)), taken_together(found)
    assert told == "gradient_stable"
    assert of_the_rows(found, found.decisions["efficient"]) != found.decisions["efficient"].region
    assert "It was decided on 2 parts of the domain, whose runs are not printed here: it is stable if and only if" in (
        section(text, "Stable")
    )
    assert "on one part of the domain, whose run is not printed here: it is efficient" in section(text, "Efficient")
    assert "whose run is not printed here" in latex_document(document(found))


def test_what_other_runs_say_is_said_to_be_theirs() -> None:
    """The run on the whole domain has f = n^(1/2) at the largest stable rate, the one that is taken there n^0."""
    text = derive(tied("A", "B")).markdown()
    assert r"max(0, 2 \eta + \frac{3}{2}, \eta + \frac{3}{2})$ | $\le 0$ where $\eta \le -\frac{3}{2}$" in text
    assert r"not printed here: it is stable if and only if $\eta \le -1$." in text
    assert r"There, once settled, by a run at this point, which is not printed here: $\gamma[A_{t}] = -1$" in text
    assert "leave no part of the domain where it can hold: it is never efficient." in text
    assert "not printed" not in derive("init-a").markdown()


def test_what_no_one_asks_is_not_answered() -> None:
    """No factor is undertrained, or not, where no condition asks what each of them does."""
    asked, other = derive(tied("A", "B")), derive(tied())
    for answer in (asked.markdown(), str(asked), str(compare(tied("A", "B"), tied()))):
        assert "undertrained" in answer
    for answer in (other.markdown(), str(other), str(compare(tied()))):
        assert "undertrained" not in answer
    assert other.json()["undertrained"] == []


def test_a_map_that_is_written_with_a_letter_has_its_name() -> None:
    forms = {"A": "-1/2", "B": "zero", "eta_A": "-1", "eta_B": "-1"}
    stack = Scheme("stack", forms, model=LoraStack(1, has_norm=True, map="relu"))
    for found in (derive(tied()), derive(stack)):
        assert r"| map | $\phi$: relu, entry by entry |" in found.markdown()
    assert r"\phi" not in derive("init-a").markdown()


def test_powers_in_caveats_are_formulas() -> None:
    found = derive(tied())
    assert r"$n^{-1}$ and not $n^{-1/2}$" in found.markdown() and "^(" not in found.markdown()
    assert "textasciicircum" not in found.latex()
