"""Train what a source and the rules say differently, and write validation/disputes/: python -m validation.disputes

Each claim of the atlas that differs has runs in which the two predict different slopes, and so has the product rule of
maxP. A page says what the source says, what is derived, and what a run says.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from derivations.atlas_pages import page_of
from gamma_calc import Problem, crosscheck
from gamma_calc.atlas.claims import Claim, claims
from gamma_calc.atlas.comparison import Standing, compared
from gamma_calc.atlas.measurement import NETWORK, SETTINGS
from gamma_calc.atlas.questions import Subject
from gamma_calc.document.tables import markdown_table
from gamma_calc.experiment.crosscheck import Checked
from gamma_calc.experiment.setup import Settings
from gamma_calc.files import write_all
from gamma_calc.program.expressions import Expression
from gamma_calc.program.models import MODULE
from gamma_calc.program.network import axis, data, named, parameter, relu
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict, verdict
from validation.depth import measured

FOLDER = Path(__file__).resolve().parent / "disputes"
GATED = "maxp-product-rule"
GATED_MLP = replace(NETWORK, widths=tuple(2**k for k in range(5, 12)), seeds=24, steps=1)


@dataclass(frozen=True, slots=True)
class Run:
    """A scheme at a point, and what the source has for a quantity at some steps, as exponents by step; "" for nothing.

    `other` asks for the subject that a claim is told beside, in place of its own.
    """

    quantity: str
    printed: Mapping[int, str]
    at: Mapping[str, str] = field(default_factory=dict)
    other: bool = False


RANK_AND_WIDTH = {"rho": "1/2", "kappa": "0", "c": "-3/4"}
RUNS: Mapping[str, tuple[Run, ...]] = {
    "dmup-first-order-adam-square": (Run("Delta_s[1]", {1: "-1/2"}, {"c": "0"}),),
    "bordelon-adam-depth": (Run("Delta_s[1]", {1: "0"}, {"c": "0"}),),
    "minicpm-rate-depth": (Run("Delta_s[1]", {1: "-1/4"}, {"alpha": "1/2", "c": "-1/4"}),),
    "everett-mfp-adafactor-none-readout": (
        Run("Delta_f", {2: "1/2", 3: "1/2"}, {"embedding": "0", "hidden": "-1/2", "readout": "1/2"}),
    ),
    "init-a-efficient-onset": (Run("delta_2", {2: "0", 3: "0"}, {"c": "-1/2"}),),
    "mua-init-a-delta3": (
        Run("delta_3", {2: "-1/4", 4: "-1/4"}, RANK_AND_WIDTH),
        Run("delta_2", {4: "0"}, RANK_AND_WIDTH),
        Run("delta_1", {4: ""}, RANK_AND_WIDTH),
    ),
    "lwr-fft-ratio": (
        Run("Z_B", {4: "0"}, {"c": "-1/2"}),
        Run("Y", {1: "0"}, {"c": "-1/2"}, other=True),
    ),
    "dion-lion-unembedding": (Run("Delta_f", {1: "0"}, {"embedding": "0", "hidden": "-1", "readout": "-1/2"}),),
    "dion-adamw-unembedding": (Run("Delta_f", {1: "0"}, {"embedding": "0", "hidden": "-1", "readout": "0"}),),
    "tp4b-ups-r-out": (Run("Delta_f", {1: "-1"}),),
    "tp4b-sp-adam-r": (
        Run("Delta_h[2]", {4: "0"}, {"c": "-3/2"}),
        Run("Delta_f", {2: "0"}, {"c": "-1"}),
    ),
    "haas-layer-input": (
        Run("Delta_h[1]", {1: "0"}, {"embedding": "0", "hidden": "-1/2", "readout": "-1"}),
        Run("Delta_h[1]", {1: "1/2"}, {"embedding": "1/2", "hidden": "-1/2", "readout": "-1"}),
    ),
    "qiu-muon-text-alpha-embedding": (
        Run("Delta_h[1]", {1: "0"}, {"embedding": "-1/2", "hidden": "0", "readout": "-1/2"}),
        Run("Delta_h[1]", {1: "1"}, {"embedding": "1/2", "hidden": "0", "readout": "-1/2"}),
    ),
    "umup-adam-embedding": (
        Run("Delta_h[1]", {1: "0"}, {"embedding": "-1/2", "hidden": "-1/2", "readout": "0"}),
        Run("Delta_h[1]", {1: "1/2"}, {"embedding": "0", "hidden": "-1/2", "readout": "0"}),
    ),
}
"""Of each claim. At a rate that a source calls the largest stable one, it has 0 for what the rate moves."""


def gated(embedding: str | None, gate: str | None, up: str, down: str | None, readout: str | None) -> Problem:
    """A gated MLP in the standard parametrisation, with the exponents of its rates; None is not trained."""
    n, m, k, inputs = axis("width", 1), axis("hidden", 1), axis("next", 1), axis("inputs")
    x = relu(named("h", parameter("E", n, inputs, init="0", rate=embedding) @ data("x", inputs, axis("batch"))))
    branches = {"gate": gate, "up": up}
    opened, moved = (
        named(name, parameter(f"W_{name}", m, n, init="-1/2", rate=each) @ x) for name, each in branches.items()
    )
    product: Expression = named("product", relu(opened) * moved)
    last = named("down", parameter("W_down", k, m, init="-1/2", rate=down) @ product)
    output = named("f", parameter("V", axis("out"), k, init="-1/2", rate=readout) @ last)
    return Problem("gated", output, ("product", "f"))


GATED_RUNS: tuple[tuple[str, Problem, Run], ...] = (
    ("gate and embedding frozen, up at n^-1", gated(None, None, "-1", None, None), Run("Delta_product", {1: "-oo"})),
    ("gate at n^(-3/2), up at n^-1", gated(None, "-3/2", "-1", None, None), Run("Delta_product", {1: "-1/2"})),
    (
        "maxP's rates with omega = 1 at the readout: n^(-1/4), n^(-5/4), n^(-5/4), n^(-3/2), n^-1",
        gated("-1/4", "-5/4", "-5/4", "-3/2", "-1"),
        Run("Delta_product", {1: "-1/2"}),
    ),
    (
        "the same rates",
        gated("-1/4", "-5/4", "-5/4", "-3/2", "-1"),
        Run("Delta_f", {1: "0"}),
    ),
)


def disputed() -> Iterator[Claim]:
    """The claims that differ from what is derived.

    Raises:
        ValueError: one has no run, or a run has no such claim.
    """
    found = {claim.id: claim for claim in claims() if compared(claim).status is Standing.DIFFERS}
    if set(found) != set(RUNS):
        raise ValueError(f"claims that differ, or runs, without the other: {sorted(set(found) ^ set(RUNS))}")
    yield from found.values()


def scheme_of(claim: Claim, run: Run) -> Scheme:
    """The claim's scheme at the point of a run."""
    subject = claim.other if run.other else claim.subject
    assert isinstance(subject, Subject)
    at = {name: Fraction(value) for name, value in run.at.items()}
    return replace(subject.scheme.at(at), name=f"{claim.id}{' beside' if run.other else ''}")


def judged(checked: Checked, run: Run, setting: str) -> Iterator[dict[str, Any]]:
    """The leading part of a quantity at each of the steps: the verdicts on what is derived and on what is printed."""
    for row in checked.rows:
        if row.quantity == run.quantity and row.t in run.printed:
            printed = run.printed[row.t]
            estimate = row.leading.far or row.leading.estimate
            value = None if printed == "-oo" else Fraction(printed or "0")
            yield {
                "setting": setting,
                "quantity": row.quantity,
                "t": row.t,
                **{key: row.leading.json()[key] for key in ("predicted", "measured", "ci", "law", "verdict")},
                "printed": printed,
                "verdict_on_printed": verdict(value, estimate).verdict.value if printed else "",
            }


def measurement(scheme: Scheme | Problem, settings: Settings) -> Checked:
    """The one scheme of a cross-check."""
    (found,) = crosscheck(scheme, settings=settings).schemes
    return found


def recorded() -> dict[str, Any]:
    """Measure everything; the plain data of the recording."""
    found: dict[str, list[dict[str, Any]]] = {}
    runs: dict[Scheme, Checked] = {}
    module, network, gated_mlp = (replace(settings, device="cpu") for settings in (SETTINGS, NETWORK, GATED_MLP))
    for claim in disputed():
        rows = found.setdefault(claim.id, [])
        for run in RUNS[claim.id]:
            scheme = scheme_of(claim, run)
            if scheme not in runs:
                runs[scheme] = measurement(scheme, module if scheme.model == MODULE else network)
            setting = ", ".join(f"{name} = {value}" for name, value in run.at.items())
            rows += judged(runs[scheme], run, f"{setting}{', full fine-tuning' if run.other else ''}")
        print(
            claim.id, *(f"{row['measured']} {row['verdict']}/{row['verdict_on_printed']}" for row in rows), flush=True
        )
    for setting, problem, run in GATED_RUNS:
        found.setdefault(GATED, []).extend(judged(measurement(problem, gated_mlp), run, setting))
    sizes = {"one module": module, "a network": network, "the gated MLP": gated_mlp}
    settings = {name: {"widths": each.widths, "seeds": each.seeds} for name, each in sizes.items()}
    where = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "torch": torch.__version__, "device": "cpu"}
    rule = {"tolerance": TOLERANCE, **RULE}
    return {"schema": 1, "rule": rule, "settings": settings, "runs": found, "environment": where}


INDEX = """# What a source and the rules say differently, trained

Written by `python -m validation.disputes`. Every claim of [the atlas](../../derivations/atlas/README.md) that differs
from what is derived has runs in which the two predict different slopes. A page for each says what the source says,
whether the source itself was read, what is derived and why, and what the runs say. A verdict is that of
`gamma-calc crosscheck`: {rule}.

A run decides an exponent in the setting that is trained: random inputs, a loss that is linear in the output, a few
steps. Where a source means something else, such as the best rate in practice at the widths that it trained, a FAIL does
not say that its practice is bad, but that its exponent is not one of stability as the width grows.

{table}

{environment}.
"""
CLAIM = """# {source}: {quantity}

Written by `python -m validation.disputes`; [all disputes](README.md).

- **The source**, {locator} ({status}): `{published}`
- **Derived**: `{derived}`, in this setting: {setting}. [How](../../derivations/atlas/{page}#{id})

{because}

{runs}

*By the source* is what its claim comes to for the quantity of the row. {environment}.
"""
PRODUCT = """# maxP: what a product of two branches moves by

Written by `python -m validation.disputes`; [all disputes](README.md).

- **The source**: maxP writes n^-r for how much a value moves. Its walkthrough, section 7 (June 2026), and its solver
  (`MergeType.SUM`) let exponents add where two branches are multiplied entry by entry, as gate and up of a gated MLP
  are: r = r_gate + r_up. (Read.)
- **Derived**: the product moves by what one branch moves times what the other is, besides what both move: with both
  branches of size 1, r = min(r_gate, r_up). A rule that adds exponents holds of the product of the two changes alone.

The two differ as soon as a branch moves less than by Theta(1). With a frozen gate the rule has nothing move at all. In
the standard parametrisation, whose readout is aligned with features that moved because of it, the program of maxP,
solved by its own code (commit c70a82e) with omega = 1 there, has r = 1/4 at the embedding, the gate and up, and takes
their product for r = 1/2, which the readout asks for. With min in place of the sum it finds r = 1/2 for each of them.
At the rates that it gives with the sum the output is not stable.

Judged is the leading part of each quantity. A smaller one, the step of W_gate times what the step of E changes of ReLU,
is derived as n^(-3/4): a change of ReLU has an even part, at its kink, of size n^(-1/2) here, and its sum leads that of
the odd part, n^-1. At widths 16 to 1024 its slope is between the two, -0.87, in [-0.92, -0.82].

{runs}

At widths 16 to 1024 the slope of Delta_f was 0.148, in [0.109, 0.188]: it still rises, towards the derived one. Where
all r are 0, as in muP, the two rules agree, and so do the rates. {environment}.
"""


def pages(data: Mapping[str, Any]) -> Mapping[str, str]:
    """The pages of a recording, by file."""
    sizes = data["settings"]
    trained = "; ".join(
        f"{name} at widths {min(each['widths'])} to {max(each['widths'])}, {each['seeds']} runs each"
        for name, each in sizes.items()
    )
    where = data["environment"]
    said = f"Trained: {trained}. Recorded on {where['date']} with torch {where['torch']} on {where['device']}"
    index = [("claim", "source", "quantity", "by the source", "derived", "measured", "verdicts")]
    texts = {f"{GATED}.md": PRODUCT.format(runs=_table(data["runs"][GATED]), environment=said)}
    rows = [*((claim.id, claim.source.title, data["runs"][claim.id]) for claim in disputed())]
    for name, title, runs in (*rows, (GATED, "maxP", data["runs"][GATED])):
        for run in runs:
            told = f"{run['quantity']}, step {run['t']}"
            verdicts = f"{run['verdict']}, source {run['verdict_on_printed'] or 'none'}"
            values = (f"`{run['printed']}`" if run["printed"] else "", f"`{run['predicted']}`", measured(run))
            index.append((f"[{name}]({name}.md)", title, told, *values, verdicts))
    for claim in disputed():
        texts[f"{claim.id}.md"] = CLAIM.format(
            source=claim.source.title,
            quantity=claim.quantity,
            locator=claim.locator,
            status="read" if claim.status == "read" else "known from another text only",
            published=claim.published,
            derived=compared(claim).answer,
            setting=claim.setting,
            page=page_of(claim.source),
            id=claim.id,
            because=" ".join(claim.because.split()),
            runs=_table(data["runs"][claim.id]),
            environment=said,
        )
    rule = "; ".join(f"{word}, {text}" for word, text in RULE.items())
    texts["README.md"] = INDEX.format(rule=rule, table=markdown_table(index), environment=said)
    return texts


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    header = ("at", "quantity", "step", "by the source", "derived", "measured", "verdict on derived", "on the source's")
    table = [header]
    for row in rows:
        printed = f"`{row['printed']}`" if row["printed"] else ""
        judgements = (row["verdict"], row["verdict_on_printed"])
        values = (row["quantity"], str(row["t"]), printed, f"`{row['predicted']}`", measured(row))
        table.append((row["setting"], *values, *judgements))
    return markdown_table(table)


def main() -> int:
    """Measure and write, or write the pages of what is recorded; 1 if something derived is refuted."""
    is_known = sys.argv[1:] == ["--pages"]
    data = json.loads((FOLDER / "disputes.json").read_text(encoding="utf-8")) if is_known else recorded()
    texts = {"disputes.json": json.dumps(data, indent=1) + "\n", **pages(data)}
    write_all({FOLDER / name: text for name, text in texts.items()})
    return int(any(row["verdict"] == Verdict.FAIL.value for rows in data["runs"].values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
