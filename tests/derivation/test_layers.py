"""Documents of networks: every layer's lines are there, written once, and nothing points to what is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import pytest

from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.derivation.document import document
from gamma_calc.derivation.layers import COMPONENTS, Layers, span
from gamma_calc.derivation.proof import ProofLines
from gamma_calc.document.blocks import ExponentClaim, Line
from gamma_calc.document.latex import latex_document
from gamma_calc.document.markdown import markdown_document
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from tests.derivation.schemes import derivation
from tests.derivation.test_document import lines_of

RATES = 'eta_A = "-1/2"\neta_B = "-1/2"\n'
STACK = '[exponents]\nA = "-1/2"\nB = "zero"\n{rates}[model]\nkind = "lora-stack"\ndepth = {depth}\n{model}'
PERCEPTRON = '[model]\nkind = "perceptron"\nlayers = ["W_1", "W_2", "W_3", "W_4"]\n' + "".join(
    f'[parameters.W_{layer}]\ninit = "{init}"\nrate = "-1"\n'
    for layer, init in enumerate(("0", "-1/2", "-1/2", "-1"), 1)
)


def stack(depth: int, model: str = "", rates: str = RATES) -> Scheme:
    return scheme_from_text(STACK.format(depth=depth, rates=rates, model=model), default_name="stack")


CASES = {
    "two": stack(2, rates='eta_A = "eta"\neta_B = "eta"\n'),
    "three": stack(3),
    "frozen": stack(2, "frozen = true\n"),
    "norm": stack(3, "norm = true\n"),
    "perceptron": scheme_from_text(PERCEPTRON, default_name="perceptron"),
}
every_case = pytest.mark.parametrize("name", CASES)


@cache
def found(name: str) -> Derivation:
    return derived(CASES[name])


@cache
def lines(name: str) -> tuple[dict[int, list[Line]], dict[int, list[Line]]]:
    """The lines of a run, one an application, and as a document has them."""
    written = ProofLines(found(name).run)
    written.added(found(name).run)
    return written.chapters, Layers.of(found(name).run.program).proof(written.chapters)


def assignments(where: str) -> Iterator[dict[str, int]]:
    """The layers that a range stands for, read from its words."""
    for part in where.split(r";\ ") if where else ():
        if chain := re.fullmatch(r"(\d+) \\le (.*) \\le (\d+)", part):
            names = chain[2].split(" < ")
            for layers in combinations(range(int(chain[1]), int(chain[3]) + 1), len(names)):
                yield dict(zip(names, layers, strict=True))
        elif part.startswith("("):
            names = part[1 : part.index(")")].split(", ")
            for each in re.findall(r"\((\d[\d, ]*)\)", part):
                yield dict(zip(names, map(int, each.split(", ")), strict=True))
        else:
            name, _, layers_of_it = part.partition(" = ")
            yield from ({name: int(each)} for each in layers_of_it.split(", "))


def unfolded(claim: ExponentClaim) -> Iterator[tuple[str, bool, str]]:
    """What a claim says of each layer."""
    for layers in assignments(claim.where) if claim.where else [{}]:
        yield in_layers(claim.subject, layers), claim.is_exact, in_layers(claim.steps[-1], layers)


def in_layers(text: str, layers: dict[str, int]) -> str:
    """A formula with numbers in place of indices."""
    text = re.sub(r"\\ell([+-]\d+)?", lambda m: str(layers[r"\ell"] + int(m[1] or 0)), text)
    return re.sub(r"(?<=[{,])[kmpq](?=\})", lambda m: str(layers.get(m[0], m[0])), text)


@every_case
def test_a_family_says_what_its_lines_say(name: str) -> None:
    every, folded = lines(name)
    assert sum(map(len, folded.values())) < 0.8 * sum(map(len, every.values()))
    for chapter, of_it in every.items():
        said = {(line.rule, *each) for line in folded[chapter] for claim in line.claims for each in unfolded(claim)}
        told = {(line.rule, c.subject, c.is_exact, c.steps[-1]) for line in of_it for c in line.claims}
        assert said == told


@every_case
def test_premises_are_those_of_the_lines(name: str) -> None:
    every, folded = lines(name)
    terms = {line.number: (line.rule, line.claims[0].subject) for of_it in every.values() for line in of_it}
    families = {line.number: line for of_it in folded.values() for line in of_it}
    homes: dict[tuple[str, str], set[str]] = {}
    for line in families.values():
        for claim in line.claims:
            for subject, _, _ in unfolded(claim):
                homes.setdefault((line.rule, subject), set()).add(line.number)
    for of_it in every.values():
        for line in of_it:
            own = homes[terms[line.number]]
            for premise in line.premises:
                needed = homes[terms[premise.number]]
                assert any(needed & {each.number for each in families[number].premises} for number in own)


def test_a_document_grows_slowly_with_depth() -> None:
    lengths = [len(lines_of(document(derived(stack(depth))))) for depth in (2, 3, 4)]
    assert lengths[2] < 1.5 * lengths[1] < 3 * lengths[0]


@every_case
def test_what_is_pointed_at_is_there(name: str) -> None:
    text = latex_document(document(found(name)))
    targets = set(re.findall(r"\\hypertarget\{(.*?)\}", text))
    assert set(re.findall(r"\\hyperlink\{(.*?)\}", text)) <= targets


def test_equations_are_stated_for_a_layer() -> None:
    text = markdown_document(document(found("three")))
    for row in (
        r"| value | $z_{1}^{t} = Z + Z_{B,1}^{t}$ |",
        r"| quantity ($\ell = 2, 3$) | $Z_{A,\ell}^{t} = A_{\ell}^{t} z_{\ell-1}^{t}$ |",
        r"| stable | $\gamma[Z_{B,\ell}^{t}] \le 0$ ($1 \le \ell \le 3$) at every step |",
        r"$\mathrm{d}z_{\ell}^{t} = \mathrm{d}z_{\ell+1}^{t} + s (A_{\ell+1}^{t})^{\top} (B_{\ell+1}^{t})^{\top}",
    ):
        assert row in text
    assert r"$h_{\ell}^{t} = c_{\ell} W_{\ell}^{t} \phi(h_{\ell-1}^{t})$" in markdown_document(
        document(found("perceptron"))
    )


def test_undertrained_factors_of_a_stack_are_named() -> None:
    spec = STACK.format(depth=2, rates='eta_A = "-1"\neta_B = "-1"\n', model="")
    text = markdown_document(document(derived(scheme_from_text(spec.replace("zero", "0").replace('"-1/2"', '"zero"')))))
    assert r"undertrained at every step: $B_{\ell}$ ($\gamma[\delta_{2,\ell}^{t}] < 0$) ($\ell = 1, 2$)" in text


def test_one_module_has_no_layers() -> None:
    run = derivation("init-ab", "adam").run
    written = ProofLines(run)
    written.added(run)
    layers = Layers.of(run.program)
    assert not layers.names and layers.proof(written.chapters) == written.chapters


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        pytest.param([(1,)], r"\ell = 1", id="one"),
        pytest.param([(1,), (3,)], r"\ell = 1, 3", id="gap"),
        pytest.param([(2,), (3,), (4,)], r"2 \le \ell \le 4", id="range"),
        pytest.param([(1, 2), (1, 3), (2, 3)], r"1 \le \ell < k \le 3", id="above"),
        pytest.param([(3, 1), (3, 2), (2, 1)], r"1 \le k < \ell \le 3", id="below"),
        pytest.param([(1, 2), (2, 1)], r"(\ell, k) = (1, 2);\ (\ell, k) = (2, 1)", id="both"),
    ],
)
def test_ranges_of_layers(layers: list[tuple[int, ...]], text: str) -> None:
    assert span(layers) == text
    names = (r"\ell", "k")[: len(layers[0])]
    assert sorted(tuple(each[n] for n in names) for each in assignments(text)) == sorted(layers)
    assert COMPONENTS not in text or len(layers) == 2
