"""Train what a run can decide of the atlas, and write validation/atlas/: python -m validation.atlas

As `gamma-calc atlas --check` does. A claim that is derived otherwise than it is printed has a page in
validation/disputes.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from derivations.atlas_pages import page_of
from gamma_calc.atlas.claims import claims
from gamma_calc.atlas.comparison import atlas
from gamma_calc.atlas.measurement import NETWORK, SETTINGS, measured
from gamma_calc.document.tables import markdown_table
from gamma_calc.files import write_all
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict

FOLDER = Path(__file__).resolve().parent / "atlas"
SIZES = {"one module": SETTINGS, "a network": NETWORK}
INDEX = """# What runs say of the atlas

Written by `python -m validation.atlas`. Of [the atlas](../../derivations/atlas/README.md) a run decides {count} claims:
{verdicts}. A verdict is that of `gamma-calc crosscheck`: {rule}.

An exponent at a point is measured as it is. At a largest value some quantity of the condition has to be n^0 through it:
the first that is, and that would grow beyond it, is measured, with each part of its size. All else that is free has its
largest value beside it, so the runs of a source with a rate for each layer are one. The rest is not decided by a run:
regions, functions of what is free, alignments that a source supposes in place of those that are derived.

{table}

{environment}.
"""


def recorded() -> dict[str, Any]:
    """Measure everything; the plain data of the recording."""

    def shown(done: int, count: int) -> None:
        print(f"{done} of {count} schemes", flush=True)

    rows = {
        row.claim.id: {"derived": str(row.answer), **row.measured}
        for row in measured(atlas(), shown)
        if row.measured is not None
    }
    settings = {name: {"widths": each.widths, "seeds": each.seeds} for name, each in SIZES.items()}
    where = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "torch": torch.__version__, "device": "cpu"}
    rule = {"tolerance": TOLERANCE, **RULE}
    return {"schema": 1, "rule": rule, "settings": settings, "rows": rows, "environment": where}


def page(data: Mapping[str, Any]) -> str:
    """The page of a recording."""
    sources = {claim.id: claim.source for claim in claims()}
    table = [("claim", "derived", "measured is", "step", "slope", "verdict")]
    for name, row in data["rows"].items():
        slope, interval = row["slope"], row["ci"]
        told = "zero" if row["verdict"] == Verdict.PASS.value else "none"
        told = told if slope is None else f"{slope:.3f} in [{interval[0]:.3f}, {interval[1]:.3f}]"
        link = f"[{name}](../../derivations/atlas/{page_of(sources[name])}#{name})"
        table.append((link, f"`{row['derived']}`", row["quantity"], str(row["t"]), told, row["verdict"]))
    tally = Counter(row["verdict"] for row in data["rows"].values())
    trained = "; ".join(
        f"{name} at widths {min(each['widths'])} to {max(each['widths'])}, {each['seeds']} runs each"
        for name, each in data["settings"].items()
    )
    where = data["environment"]
    return INDEX.format(
        count=len(data["rows"]),
        verdicts=", ".join(f"{tally[each.value]} {each.value}" for each in Verdict),
        rule="; ".join(f"{word}, {text}" for word, text in RULE.items()),
        table=markdown_table(table),
        environment=f"Trained: {trained}. Recorded on {where['date']} with torch {where['torch']} on {where['device']}",
    )


def main() -> int:
    """Measure and write, or write the page of what is recorded; 1 if something is refuted."""
    is_known = sys.argv[1:] == ["--pages"]
    data = json.loads((FOLDER / "atlas.json").read_text(encoding="utf-8")) if is_known else recorded()
    write_all({FOLDER / "atlas.json": json.dumps(data, indent=1) + "\n", FOLDER / "README.md": page(data)})
    return int(any(row["verdict"] == Verdict.FAIL.value for row in data["rows"].values()))


if __name__ == "__main__":
    sys.exit(main())
