"""How an upper adapter's input comes to know its A_0, apart from what hides it: python -m validation.network_paths

In a network A_0 Z = A_0 Z_1 + A_0 (Z - Z_1): what it was at first, n^0, and what the change of the input adds. Through
the path that the theory names (the loss gradient of the layers below passes through A_0^T B^T, and what they learn is
aligned with A_0), the second part tends to n^(1/2), in the direction of -B^T dL/dZbar. Its mean along that direction is
measured as it is and with the path cut (no gradient through the upper adapters to their inputs), with the same seeds:
the difference of the two has no n^0 part to hide it.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gamma_calc.derivation.tables import markdown_table
from gamma_calc.experiment.prediction import pinned
from gamma_calc.files import write_all
from gamma_calc.huggingface import init_lora_, lora_adapters, scheme_optimizer
from gamma_calc.huggingface.adapters import Adapter
from gamma_calc.huggingface.families import Shape, family_model, linear_readout
from gamma_calc.program.catalogue import CATALOGUE
from validation.families import FIRST_SEED

PLACE = Path(__file__).resolve().parent / "networks" / "paths.json"
FAMILY, SHAPE, UPPER, RATE = "llama", Shape(), "layers.1", 1 / 4
WIDTHS, SEEDS, STEPS = (128, 512, 2048), 8, 3
SCHEMES, TARGETS = ("init-a", "lora-plus-a"), ("q_proj", "v_proj")


class _Watched:
    """The inputs of an adapter at every step, and B^T dL/dZbar."""

    def __init__(self, adapter: Adapter) -> None:
        self.initial = adapter.A.detach().clone()
        self.inputs: list[Tensor] = []
        self.slopes: list[Tensor] = []
        self.adapter = adapter
        adapter.lora_A.register_forward_hook(self._saw_input)
        adapter.lora_B.register_forward_hook(self._saw_output)

    def _saw_input(self, module: Any, inputs: Any, output: Tensor) -> None:
        self.inputs.append(inputs[0].detach().flatten(0, 1))

    def _saw_output(self, module: Any, inputs: Any, output: Tensor) -> None:
        output.register_hook(self._saw_slope)

    def _saw_slope(self, slope: Tensor) -> None:
        self.slopes.append(slope.detach().flatten(0, 1) @ self.adapter.B.detach())

    @property
    def along(self) -> float:
        """The mean over positions of A_0 (Z_3 - Z_1) in the direction of -B_1^T dL/dZbar."""
        moved, slopes = (self.inputs[STEPS - 1] - self.inputs[0]) @ self.initial.T, self.slopes[1]
        sizes = slopes.norm(dim=1)
        seen = sizes > 0
        return float(-((moved * slopes).sum(1)[seen] / sizes[seen]).mean())


def measured(name: str, width: int, seed: int, *, is_cut: bool) -> dict[str, float]:
    """What is said of each target after a short run."""
    scheme = pinned(CATALOGUE[name])
    model = init_lora_(family_model(FAMILY, width, seed, SHAPE), scheme, generator=torch.Generator().manual_seed(seed))
    upper = [each for each in lora_adapters(model) if UPPER in each.name]
    if is_cut:
        for each in upper:
            each.lora_A.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
    watched = {target: _Watched(each) for target in TARGETS for each in upper if target in each.name}
    optimizer = scheme_optimizer(model, scheme, RATE, base_width=1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        linear_readout(model, seed, SHAPE).backward()
        optimizer.step()
    return {target: each.along for target, each in watched.items()}


def recorded() -> Iterator[dict[str, Any]]:
    """The difference that the path makes, with its standard error over seeds."""
    for name in SCHEMES:
        for width in WIDTHS:
            seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
            runs = [[measured(name, width, seed, is_cut=is_cut) for is_cut in (False, True)] for seed in seeds]
            for target in TARGETS:
                found = torch.tensor([whole[target] - cut[target] for whole, cut in runs], dtype=torch.float64)
                error = float(found.std()) / math.sqrt(SEEDS)
                mean = round(float(found.mean()), 3)
                yield {"scheme": name, "target": target, "width": width, "mean": mean, "error": round(error, 3)}


def table() -> str:
    """The recorded differences, a line a scheme and target, and the slopes between neighbouring widths."""
    rows = json.loads(PLACE.read_text(encoding="utf-8"))["rows"]
    lines = [["scheme", "adapter", *(f"n = {width}" for width in WIDTHS), "slopes"]]
    for name in SCHEMES:
        for target in TARGETS:
            own = [row for row in rows if (row["scheme"], row["target"]) == (name, target)]
            steps = [(one["width"], one["mean"], two["width"], two["mean"]) for one, two in pairwise(own)]
            slopes = [f"{math.log(b / a) / math.log(m / n):.2f}" if min(a, b) > 0 else "" for n, a, m, b in steps]
            cells = [f"{row['mean']:.2f} ± {row['error']:.2f}" for row in own]
            lines.append([name, target, *cells, ", ".join(slopes)])
    return markdown_table(lines)


def main() -> int:
    """Measure, and write the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated names in transformers
        rows = list(recorded())
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    write_all({PLACE: f'{{\n "schema": 1,\n "rows": [\n{lines}\n ]\n}}\n'})
    return 0


if __name__ == "__main__":
    sys.exit(main())
