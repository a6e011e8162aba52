"""Measure LoRA in depth, and write validation/depth/: python -m validation.depth

Stacks of two and three adapters at the rates in use, each exponent judged as `gamma-calc crosscheck` judges it, and two
controls: the exponents of one module judged in every layer, and a run in which the path is cut that makes the features
grow. The chapter `derivations/depth.md` says why they do.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from gamma_calc import crosscheck
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.document.tables import markdown_table
from gamma_calc.experiment.crosscheck import Checked
from gamma_calc.experiment.folder import environment
from gamma_calc.experiment.setup import Settings
from gamma_calc.files import write_all
from gamma_calc.program.expressions import rewritten
from gamma_calc.program.models import LoraStack
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import ProgramExperiment, program_sizes
from gamma_calc.simulation.slopes import slope_estimate
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict, verdict

FOLDER = Path(__file__).resolve().parent / "depth"
SCHEMES: Mapping[str, tuple[str, str, str, str]] = {
    "Init[A], one rate": ("-1/2", "zero", "-1/2", "-1/2"),
    "Init[B], one rate": ("zero", "0", "-1", "-1"),
    "LoRA+ from Init[A]": ("-1/2", "zero", "-1", "0"),
    "LoRA+ from Init[B]": ("zero", "0", "-1", "0"),
    "LoRA+ from A_0 of size 1 over n": ("-1", "zero", "-1", "0"),
}
"""The exponents of A_0, B_0, eta_A and eta_B."""
DEPTHS = (2, 3)
FEATURES = ("Z_A", "Z_B", "dZ")
GROWING = "LoRA+ from Init[A]"


def scheme(name: str, depth: int) -> Scheme:
    """The stack of a row."""
    keys = ("A", "B", "eta_A", "eta_B")
    title = f"{name.replace('[', ' ').replace(']', '').replace(',', '')} L{depth}"
    return Scheme(title, dict(zip(keys, SCHEMES[name], strict=True)), model=LoraStack(depth))


def with_the_path_cut(program: Program) -> Program:
    """The lower layer learns through an independent copy of the upper A_0, which no forward pass uses."""
    (upper,) = (tensor for tensor in program.parameters if tensor.name == "A[2]")
    copy = replace(upper, name="copy of A[2]", is_trained=False)
    slopes = {
        tensor: rewritten(slope, lambda leaf: copy if leaf is upper else leaf) if tensor.name.endswith("[1]") else slope
        for tensor, slope in program.gradients.items()
    }
    return replace(program, parameters=(*program.parameters, copy), gradients=slopes)


def cut_rows(checked: Checked) -> Iterator[dict[str, Any]]:
    """The upper features where the path is cut, judged by the exponents of the uncut stack."""
    experiment = checked.configuration
    assert isinstance(experiment, ProgramExperiment)
    squares = program_sizes(replace(experiment, program=with_the_path_cut(experiment.program))).mean_square
    for row in checked.rows:
        if row.t == experiment.steps and row.quantity in ("Z_A[2]", "Z_B[2]"):
            slope = slope_estimate(experiment.widths, squares[row.t, row.quantity, None])
            judged = verdict(row.leading.predicted.exponent, slope).verdict
            yield {"quantity": row.quantity, "measured": slope.slope, "ci": slope.interval, "verdict": judged.value}


def feature_rows(checked: Checked, alone: Mapping[str, Size]) -> Iterator[dict[str, Any]]:
    """The features of every layer at the last step: the stack's verdict, and that on the exponents of one module."""
    for row in checked.rows:
        name, _, layer = row.quantity.partition("[")
        if row.t == checked.configuration.steps and name in FEATURES:
            module = Fraction(str(alone[f"{name}[1]"]))
            yield {
                "layer": int(layer.rstrip("]")),
                "feature": name,
                **{key: row.leading.json()[key] for key in ("predicted", "measured", "ci", "law")},
                "verdict": row.verdict.value,
                "one_module": {
                    "predicted": str(module),
                    "verdict": verdict(module, row.leading.far or row.leading.estimate).verdict.value,
                },
            }


def judged_stack(checked: Checked, module: Scheme) -> dict[str, Any]:
    """The verdicts on a stack, its control, and its features beside the exponents of one module, as plain data."""
    tally = Counter(row.verdict.value for row in checked.rows)
    alone = trajectory(program_of(module), checked.configuration.steps).last.sizes
    return {
        "verdicts": {each.value: tally[each.value] for each in Verdict},
        "control": checked.control.verdict.value,
        "features": list(feature_rows(checked, alone)),
    }


def recorded() -> dict[str, Any]:
    """Measure everything; the plain data of the recording."""
    stacks = {(name, depth): scheme(name, depth) for depth in DEPTHS for name in SCHEMES}
    found = crosscheck(*stacks.values(), settings=Settings(device="cpu"))
    rows, cut = [], []
    for (name, depth), checked in zip(stacks, found.schemes, strict=True):
        rows.append({"scheme": name, "depth": depth, **judged_stack(checked, scheme(name, 1))})
        if (name, depth) == (GROWING, 2):
            cut = list(cut_rows(checked))
    return {
        "schema": 1,
        "rule": {"tolerance": TOLERANCE, **RULE},
        "stacks": rows,
        "cut": cut,
        "environment": environment(found, "python -m validation.depth"),
    }


PAGE = """# LoRA in depth, measured

Written by `python -m validation.depth`; the derivation is [derivations/depth.md](../../derivations/depth.md). Derived
and measured here; no published depth exponent of LoRA is known to us.

Stacks of adapters on one residual stream, z_l = z_(l-1) + B_l A_l z_(l-1), are trained under Adam with a loss that is
linear in the output. Every quantity and term of every layer at steps 1 to 4 is judged as `gamma-calc crosscheck` judges
it: {rule}.

{tally}

## The features of each layer at step 4

*One module* is the verdict on the same slope by the exponents of a single module, which know nothing of depth: a
control that has to FAIL where layers feel each other. Where parts cross far beyond the widths that are trained, the
slope of a population at widths 2^30 to 2^60 decides; it stands behind the slope of the trained widths.

{features}

## The path through the upper A_0, cut

At LoRA+'s rates from Init[A], two layers, the lower adapter is trained through an independent copy of the upper A_0
that no forward pass uses. The upper features then do not grow, and the exponents of the stack are refuted:

{cut}

For LoRA+ this says: from Init[A] its ratio n is not stable once adapters stand above each other; from Init[B] it is,
and so it is from an A_0 of size 1/n. {environment}.
"""


def page(data: Mapping[str, Any]) -> str:
    """The page of a recording."""
    tally, features = stack_tables(data["stacks"], {"scheme": "scheme", "depth": "layers"})
    cut = [["feature", "measured", "verdict on the uncut exponent"]]
    cut += [[row["quantity"], measured(row), row["verdict"]] for row in data["cut"]]
    where = data["environment"]
    return PAGE.format(
        rule="; ".join(f"{word}, {text}" for word, text in RULE.items()),
        tally=tally,
        features=features,
        cut=markdown_table(cut),
        environment=f"Recorded on {where['date']} with torch {where['torch']} on {where['device']}",
    )


def stack_tables(stacks: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> tuple[str, str]:
    """The verdicts on each stack, and the features of its layers; `titles` are those of the columns that name it."""
    tally = [[*titles.values(), *(each.value for each in Verdict), "control by alignment"]]
    features = [[*titles.values(), "layer", "feature", "derived", "measured", "verdict", "one module"]]
    for stack in stacks:
        head = [str(stack[key]) for key in titles]
        tally.append([*head, *(str(count) for count in stack["verdicts"].values()), stack["control"]])
        for row in stack["features"]:
            module = f"{row['one_module']['predicted']}: {row['one_module']['verdict']}"
            named = [str(row["layer"]), row["feature"], row["predicted"]]
            features.append([*head, *named, measured(row), row["verdict"], module])
    return markdown_table(tally), markdown_table(features)


def measured(row: Mapping[str, Any]) -> str:
    """A slope with its interval, and what a population says in its place."""
    low, high = row["ci"]
    law = row.get("law")
    far = "" if law is None else f"; population {law['measured']:.3f}"
    return f"{row['measured']:.3f} in [{low:.3f}, {high:.3f}]{far}"


def main() -> int:
    """Measure and write, or write the page of what is recorded; 1 if something is refuted or a control is not."""
    if sys.argv[1:] == ["--pages"]:
        data = json.loads((FOLDER / "depth.json").read_text(encoding="utf-8"))
    else:
        data = recorded()
    texts = {"depth.json": json.dumps(data, indent=1) + "\n", "README.md": page(data)}
    write_all({FOLDER / name: text for name, text in texts.items()})
    failed = any(stack["verdicts"][Verdict.FAIL.value] for stack in data["stacks"])
    return int(failed or any(row["verdict"] != Verdict.FAIL.value for row in data["cut"]))


if __name__ == "__main__":
    sys.exit(main())
