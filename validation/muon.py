"""Measure Muon on adapters, and write validation/muon/: python -m validation.muon

One module and stacks of two, each exponent judged as `gamma-calc crosscheck` judges it; the exponents of one module,
judged in every layer, are the control. The chapter `derivations/muon.md` derives them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gamma_calc import crosscheck
from gamma_calc.experiment.folder import environment
from gamma_calc.experiment.setup import Settings
from gamma_calc.files import write_all
from gamma_calc.program.models import LoraStack
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict
from validation.depth import judged_stack, stack_tables

FOLDER = Path(__file__).resolve().parent / "muon"
INITS: Mapping[str, tuple[str, str]] = {"Init[A]": ("-1/2", "zero"), "Init[B]": ("zero", "0")}
ROWS = (
    ("Init[A]", "muon", "0", 1),
    ("Init[A]", "muon", "0", 2),
    ("Init[A]", "muon", "-1/4", 2),
    ("Init[B]", "muon", "0", 1),
    ("Init[B]", "muon", "0", 2),
    ("Init[A]", "muon-rms", "-1/2", 2),
    ("Init[B]", "muon-rms", "-1", 2),
)
"""The init, the optimiser, the exponent of the one rate, and the number of adapters."""


def scheme(init: str, optimizer: str, rate: str, depth: int) -> Scheme:
    """The stack of a row."""
    a, b = INITS[init]
    title = f"{optimizer} {init[5]} L{depth} at {rate.replace('/', ' over ')}"
    exponents: dict[str, Any] = {"A": a, "B": b, "eta_A": rate, "eta_B": rate}
    return Scheme(title, exponents, named_optimizer(optimizer), model=LoraStack(depth))


def recorded() -> dict[str, Any]:
    """Measure everything; the plain data of the recording."""
    found = crosscheck(*(scheme(*row) for row in ROWS), settings=Settings(device="cpu"))
    rows = []
    for (init, optimizer, rate, depth), checked in zip(ROWS, found.schemes, strict=True):
        named = {"init": init, "optimizer": optimizer, "rate": rate, "depth": depth}
        rows.append({**named, **judged_stack(checked, scheme(init, optimizer, rate, 1))})
    return {
        "schema": 1,
        "rule": {"tolerance": TOLERANCE, **RULE},
        "stacks": rows,
        "environment": environment(found, "python -m validation.muon"),
    }


PAGE = """# Muon on adapters, measured

Written by `python -m validation.muon`; the derivation is [derivations/muon.md](../../derivations/muon.md). Derived and
measured here; no published exponent of Muon on LoRA is known to us.

One adapter, and two on one residual stream, are trained with a loss that is linear in the output. Steps are
orthogonalised by five rounds of Newton and Schulz, with Nesterov's momentum; `muon` scales them by
sqrt(fan_out / fan_in), `muon-rms` by 0.2 sqrt(max(fan_out, fan_in)). Every quantity and term of every layer at steps 1
to 4 is judged as `gamma-calc crosscheck` judges it: {rule}. A step that is not taken entry by entry has no population
at far widths, so what crosses over beyond the trained widths stays INCONCLUSIVE.

{tally}

## The features of each layer at step 4

*One module* is the verdict on the same slope by the exponents of a single module, which has to FAIL where layers feel
each other.

{features}

{environment}.
"""


def page(data: Mapping[str, Any]) -> str:
    """The page of a recording."""
    titles = {"init": "init", "optimizer": "optimiser", "rate": "rate", "depth": "layers"}
    tally, features = stack_tables(data["stacks"], titles)
    where = data["environment"]
    return PAGE.format(
        rule="; ".join(f"{word}, {text}" for word, text in RULE.items()),
        tally=tally,
        features=features,
        environment=f"Recorded on {where['date']} with torch {where['torch']} on {where['device']}",
    )


def main() -> int:
    """Measure and write, or write the page of what is recorded; 1 if something is refuted."""
    is_known = sys.argv[1:] == ["--pages"]
    data = json.loads((FOLDER / "muon.json").read_text(encoding="utf-8")) if is_known else recorded()
    texts = {"muon.json": json.dumps(data, indent=1) + "\n", "README.md": page(data)}
    write_all({FOLDER / name: text for name, text in texts.items()})
    return int(any(stack["verdicts"][Verdict.FAIL.value] for stack in data["stacks"]))


if __name__ == "__main__":
    sys.exit(main())
