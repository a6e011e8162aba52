"""Train networks that were drawn at random, and write validation/drawn/: python -m validation.drawn

Nobody chose these to agree: each is a few operations one after the other, drawn by a seed with their inits, rates and
an optimiser, and every exponent of it is judged as `gamma-calc crosscheck` judges it, at the largest stable rate. What
is recorded stays, and is not trained again.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gamma_calc import Problem, crosscheck
from gamma_calc.document.tables import markdown_table
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.experiment.crosscheck import Checked
from gamma_calc.experiment.setup import SEEDS, Settings
from gamma_calc.experiment.verdicts import VerdictRow
from gamma_calc.files import write_all
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed, rms_norm, silu, tanh
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict

FOLDER = Path(__file__).resolve().parent / "drawn"
DRAWN = range(1000, 1048)
"""The seeds. A pilot ran on others, from 0 to 59, and found that raw steps in front of a norm have to be small."""
STEPS = 3
OTHERWISE = "-1"
"""The exponent of the rate where no largest stable one is known."""
OPTIMIZERS = ("adam", "adam", "sgd", "sgd", "momentum", "sign")
ADAPTERS = (
    ("-1/2", "zero", "eta", "eta"),
    ("zero", "0", "eta", "eta"),
    ("-1/2", "zero", "eta", "eta + 1"),
    ("-1/2", "-1/2", "eta", "eta"),
)
"""What A and B start from, and their rates: Init[A], Init[B], LoRA+ from Init[A], and both at random."""
WIDTH, OTHER, RANK, OUT = axis("n", 1), axis("other", 1), axis("r"), axis("out")


class Drawing:
    """A network as it is drawn: the values and the matrices that there are, and the words for what was drawn."""

    def __init__(self, seed: int) -> None:
        self.choice = random.Random(seed)
        self.values: list[Expression] = [data("x", WIDTH, axis("batch"))]
        self.matrices: list[Expression] = []
        self.words: list[str] = []
        self.is_trained = False

    @property
    def number(self) -> int:
        """That of the operation that is drawn."""
        return len(self.values)

    def times(self, matrix: Expression, value: Expression, *, is_back: bool = False) -> Expression:
        """W h, or W^T h, under the name of the width."""
        if is_back:
            return contract(matrix, renamed(value, WIDTH, OTHER), OTHER)
        return renamed(matrix @ value, OTHER, WIDTH)

    def matrix(self, value: Expression) -> Expression:
        """W h of a new W, frozen or trained."""
        is_trained = self.choice.random() < 1 / 2
        init = self.choice.choice(("-1/2", "-1/2", "zero", "-1")) if is_trained else "-1/2"
        rate = self.choice.choice(("eta", "eta", "eta - 1")) if is_trained else None
        self.matrices.append(parameter(f"W{self.number}", OTHER, WIDTH, init=init, rate=rate))
        self.is_trained |= is_trained
        self.words.append(f"{'trained ' if is_trained else ''}W")
        return self.times(self.matrices[-1], value)

    def matrix_again(self, value: Expression) -> Expression:
        """A matrix that was there, or its transpose."""
        if not self.matrices:
            return self.matrix(value)
        is_back = self.choice.random() < 1 / 2
        self.words.append("W^T again" if is_back else "W again")
        return self.times(self.choice.choice(self.matrices), value, is_back=is_back)

    def adapter(self, value: Expression) -> Expression:
        """W h + B A h."""
        init_a, init_b, rate_a, rate_b = self.choice.choice(ADAPTERS)
        a = parameter(f"A{self.number}", RANK, WIDTH, init=init_a, rate=rate_a)
        b = parameter(f"B{self.number}", WIDTH, RANK, init=init_b, rate=rate_b)
        self.is_trained = True
        self.words.append("W + B A")
        frozen = parameter(f"W{self.number}", OTHER, WIDTH, init="-1/2")
        return self.times(frozen, value) + b @ named(f"Z{self.number}", a @ value)

    def gate(self, value: Expression) -> Expression:
        """h + g h, entry by entry, of a trained g."""
        init, rate = self.choice.choice(("0", "0", "zero")), self.choice.choice(("eta", "eta + 1"))
        self.is_trained = True
        self.words.append("gate")
        return value + parameter(f"g{self.number}", WIDTH, init=init, rate=rate) * value

    def map(self, value: Expression) -> Expression:
        """ReLU, tanh or SiLU."""
        function = self.choice.choice((relu, tanh, silu))
        self.words.append(function.__name__)
        return function(value)

    def norm(self, value: Expression) -> Expression:
        """An RMS norm."""
        self.words.append("norm")
        return rms_norm(value, WIDTH)

    def residual(self, value: Expression) -> Expression:
        """The sum with an earlier value."""
        self.words.append("sum")
        return value + self.choice.choice(self.values)

    def product(self, value: Expression) -> Expression:
        """The product with an earlier value, entry by entry."""
        self.words.append("product")
        return value * self.choice.choice(self.values)

    def problem(self, seed: int) -> Problem:
        """Two to five operations and a readout, which is trained where nothing else is."""
        linear, others = (self.matrix, self.matrix_again, self.adapter, self.map), (self.gate, self.norm)
        for _ in range(self.choice.randint(2, 5)):
            draw = self.choice.choice((*linear, *linear, *others, self.residual, self.product))
            self.values.append(named(f"h{self.number}", draw(self.values[-1])))
        rate = self.choice.choice((None, "eta")) if self.is_trained else "eta"
        readout = parameter("V", OUT, WIDTH, init=self.choice.choice(("-1/2", "-1")), rate=rate)
        output = named("f", readout @ self.values[-1])
        return Problem(f"drawn-{seed}", output, optimizer=self.choice.choice(OPTIMIZERS))


def judged(seed: int) -> dict[str, Any]:
    """The verdicts on the network of a seed, as plain data; `edge` is why there is no largest stable rate."""
    drawing = Drawing(seed)
    problem = drawing.problem(seed)
    row: dict[str, Any] = {"operations": drawing.words, "optimizer": problem.scheme.optimizer.name}
    settings = Settings(device="cpu", steps=STEPS)
    try:
        found = crosscheck(problem, settings=settings)
    except (BadInput, Unknown) as reason:
        row["edge"] = str(reason).partition(": ")[2]
        found = crosscheck(problem, settings=settings, at={"eta": OTHERWISE})
    (checked,) = found.schemes
    return row | verdicts(checked)


def verdicts(checked: Checked) -> dict[str, Any]:
    """How many exponents are confirmed, open and refuted, with what is refuted, and what the control says."""
    tally = Counter(row.verdict for row in checked.rows)
    return {
        "rates": checked.rates,
        "verdicts": {each.value: tally[each] for each in Verdict},
        "bounds": sum(row.leading.predicted.is_upper for row in checked.rows),
        "control": checked.control.verdict.value,
        "refuted": [refuted(row) for row in checked.rows if row.verdict is Verdict.FAIL],
    }


def refuted(row: VerdictRow) -> dict[str, Any]:
    """What is refuted of a row, the leading terms or else a term, with the slopes of the lower and the upper widths."""
    every = {"": row.leading, **{" ".join(term): each for term, each in row.terms.items()}}
    term, one = next((term, each) for term, each in every.items() if each.judgement.verdict is Verdict.FAIL)
    halves = [one.estimate.lower_slope, one.estimate.upper_slope]
    return {"quantity": row.quantity, "t": row.t, "term": term, **one.json(), "halves": halves}


PAGE = """# Networks drawn at random

Written by `python -m validation.drawn`. Nobody chose these networks: each has two to five operations one after the
other, drawn by a seed with their inits, rates and an optimiser: matrices, frozen and trained, also once more and
transposed, adapters from four inits, gates, maps, norms, sums and products with earlier values. The seeds were fixed
before the runs. Every exponent of every value, part and term at steps 1 to {steps} is judged as
`gamma-calc crosscheck` judges it, at the largest rate at which the output is stable (features may grow there), or at
n^({otherwise}) where none is known: {rule}.

{count} networks were trained, over {seeds} seeds each at the widths that a cross-check takes. Of their {exponents}
exponents (told as a bound from above: {bounds}) {confirmed} are confirmed, {open} are open, for want of seeds or
widths, and {refuted} are refuted, in {failing} networks. The control, whose assumption is false, FAILs in {controls} of
{count}.

{table}

## Refuted

The slopes of the lower and of the upper widths say where it goes: nearer to what is derived, or away from it.

{failed}

## Without a largest stable rate

{others}

{environment}.
"""


def page(recording: Mapping[str, Any]) -> str:
    """The page of a recording."""
    networks: Mapping[str, Mapping[str, Any]] = recording["networks"]
    tally = Counter[str]()
    table = [("seed", "operations", "optimiser", *(each.value for each in Verdict), "control")]
    failed = [("seed", "quantity", "t", "term", "derived", "measured", "lower widths", "upper widths")]
    for seed, row in networks.items():
        tally.update(row["verdicts"])
        counts = [str(row["verdicts"][each.value]) for each in Verdict]
        table.append((seed, ", ".join(row["operations"]), row["optimizer"], *counts, row["control"]))
        for each in row["refuted"]:
            slopes = [f"{slope:.3f}" for slope in (each["measured"], *each["halves"])]
            failed.append((seed, each["quantity"], str(each["t"]), each["term"], each["predicted"], *slopes))
    others = [("seed", "operations", "optimiser", "why")]
    others += [
        (seed, ", ".join(row["operations"]), row["optimizer"], row["edge"])
        for seed, row in networks.items()
        if "edge" in row
    ]
    where = recording["environment"]
    return PAGE.format(
        steps=STEPS,
        rule="; ".join(f"{word}, {text}" for word, text in RULE.items()),
        otherwise=OTHERWISE,
        count=len(networks),
        seeds=SEEDS,
        exponents=tally.total(),
        confirmed=tally[Verdict.PASS.value],
        bounds=sum(row["bounds"] for row in networks.values()),
        open=tally[Verdict.INCONCLUSIVE.value],
        refuted=tally[Verdict.FAIL.value],
        failing=sum(bool(row["refuted"]) for row in networks.values()),
        controls=sum(row["control"] == Verdict.FAIL.value for row in networks.values()),
        table=markdown_table(table),
        failed=markdown_table(failed) if len(failed) > 1 else "Nothing.",
        others=markdown_table(others) if len(others) > 1 else "None.",
        environment=f"Recorded on {where['date']} with torch {where['torch']} on {where['device']}",
    )


def write(recording: Mapping[str, Any]) -> None:
    """Write what there is, and its page."""
    texts = {"drawn.json": json.dumps(recording, indent=1) + "\n", "README.md": page(recording)}
    write_all({FOLDER / name: text for name, text in texts.items()})


def main() -> int:
    """Train what is not recorded yet, or write the page of what is; 1 if something is refuted."""
    place = FOLDER / "drawn.json"
    where = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "torch": torch.__version__, "device": "cpu"}
    new = {"schema": 1, "rule": {"tolerance": TOLERANCE, **RULE}, "networks": {}, "environment": where}
    recording: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else new
    networks = recording["networks"]
    for seed in DRAWN if sys.argv[1:] != ["--pages"] else ():
        if str(seed) not in networks:
            networks[str(seed)] = judged(seed)
            write(recording)
            print(f"{len(networks)} of {len(DRAWN)} networks", flush=True)
    write(recording)
    return int(any(row["refuted"] for row in networks.values()))


if __name__ == "__main__":
    sys.exit(main())
