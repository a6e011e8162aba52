"""Record the cross-checks of real model families: python -m validation.families [NAME...], all by default.

Each recording is one `coordinate_check`: every exponent of every LoRA layer of a two-layer model, trained at every
width and seed in PEFT's own forward under torch's AdamW. Settings come from pilots on the seeds from 0 on; what is
recorded ran on seeds from `FIRST_SEED` on, which no setting was chosen on. Page and plot are made from the JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor, nn

from gamma_calc.algebra import Affine
from gamma_calc.files import checked_folder, write_all
from gamma_calc.huggingface import CoordinateCheck, CoordinateLayout, coordinate_check
from gamma_calc.huggingface.coordinates import LayerCheck
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.verdicts import Verdict
from validation.architectures import LOSSES, FamilyShape, family_model
from validation.family_page import family_figure, family_page

FOLDER = Path(__file__).resolve().parent / "families"
SCHEMES = ("init-a", "init-b", "lora-plus-a")
FIRST_SEED = 1000
"""Above every seed of the pilots."""

SCALE = 2.0**-10
"""s: small, so that adapters feel each other through the rest of the model only at larger widths."""

REFERENCE = FamilyShape(scale=SCALE)
WIDE = tuple(2**k for k in range(6, 13))
NARROW = tuple(2**k for k in range(5, 12))
DEFAULT_DECAY = 0.01
"""What torch's AdamW ships with."""

TERM_KEYS = ("term", "predicted", "upper", "measured", "ci", "verdict")
"""What is kept of a term; the reason of a row names the term that decided it."""

DECIMALS = 5
COMPACT = (",", ":")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording: a family, the loss that trains its adapters, and what differs from the reference setting."""

    family: str
    differs: str
    loss: str = "linear-readout"
    widths: tuple[int, ...] = WIDE
    seeds: int = 16
    weight_decay: float = 0.0
    shape: FamilyShape = REFERENCE

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The catalogue's schemes, with the decay's exponent where there is decay."""
        chosen = tuple(CATALOGUE[name] for name in SCHEMES)
        return tuple(map(_decaying, chosen)) if self.weight_decay else chosen


def _decaying(scheme: Scheme) -> Scheme:
    return replace(scheme, exponents={**scheme.exponents, "decay": Affine.of(0)})


_DECAY = "AdamW's default decay, under the decay rule: the factor without a gradient moves at step 1 too"
_ENTROPY = "cross-entropy in place of the linear readout: a loss whose gradient moves with the features"
_TRAINED = "the matrices trained on text before the adapters are put on, so that they are not iid"
_UNIT = "the adapters' scale s = 1, that of practice, in place of 2^-10: adapters feel each other"
_SHALLOW = "s = 1 in place of 2^-10, and one layer in place of two: no adapters stand above others"
_NARROW = "the widths and the seeds, which are those of the pretrained recording: its control"
_PRETRAINED = FamilyShape(scale=SCALE, pretraining=40)
RECORDINGS: Mapping[str, Recording] = MappingProxyType(
    {
        "llama": Recording("llama", "nothing"),
        "roberta": Recording("roberta", "nothing"),
        "llama-unit-scale": Recording("llama", _UNIT, seeds=8, shape=FamilyShape(scale=1.0)),
        "llama-unit-scale-shallow": Recording("llama", _SHALLOW, seeds=8, shape=FamilyShape(scale=1.0, layers=1)),
        "llama-decay": Recording("llama", _DECAY, seeds=8, weight_decay=DEFAULT_DECAY),
        "roberta-decay": Recording("roberta", _DECAY, seeds=8, weight_decay=DEFAULT_DECAY),
        "llama-cross-entropy": Recording("llama", _ENTROPY, "cross-entropy", seeds=8),
        "roberta-cross-entropy": Recording("roberta", _ENTROPY, "cross-entropy", seeds=8),
        "llama-narrow": Recording("llama", _NARROW, widths=NARROW, seeds=8),
        "roberta-narrow": Recording("roberta", _NARROW, widths=NARROW, seeds=8),
        "llama-pretrained": Recording("llama", _TRAINED, widths=NARROW, seeds=8, shape=_PRETRAINED),
        "roberta-pretrained": Recording("roberta", _TRAINED, widths=NARROW, seeds=8, shape=_PRETRAINED),
    }
)


def measured(recording: Recording) -> CoordinateCheck:
    """The check of a recording, on its fresh seeds."""

    def model(width: int, seed: int) -> nn.Module:
        found: nn.Module = family_model(recording.family, width, FIRST_SEED + seed, recording.shape)
        return found

    def loss(trained: nn.Module, seed: int) -> Tensor:
        return LOSSES[recording.loss](trained, FIRST_SEED + seed, recording.shape)

    layout = CoordinateLayout(recording.widths, recording.seeds, seed=FIRST_SEED)
    decay = recording.weight_decay
    return coordinate_check(model, loss, *recording.schemes, layout=layout, weight_decay=decay, progress=_progress)


def _progress(done: int, total: int) -> None:
    print(
        f"\r{time.strftime('%H:%M:%S')} {done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True
    )


def plain(name: str, found: CoordinateCheck, seconds: float) -> dict[str, Any]:
    """The recording as plain data: the check's own answer, the sizes behind it, its settings and its origin."""
    recording, answer = RECORDINGS[name], found.json()
    rows = [(layer, row) for layer in found.layers for row in layer.rows]
    for entry, (layer, row) in zip(answer["quantities"], rows, strict=True):
        entry["sizes"] = _sizes(layer, row.t, row.quantity)
        _shorten(entry)
    shape = recording.shape
    answer["settings"] |= {
        "family": recording.family,
        "differs": recording.differs,
        "loss": recording.loss,
        "weight_decay": recording.weight_decay,
        "first_seed": FIRST_SEED,
        "layers": shape.layers,
        "rank": shape.rank,
        "scale": str(Fraction(shape.scale)),
        "batch": [shape.sequences, shape.length],
        "pretraining": shape.pretraining,
    }
    rounded: dict[str, Any] = _rounded({**answer, "environment": _environment(name, seconds)})
    return rounded


def _shorten(entry: dict[str, Any]) -> None:
    """Leave out what the rest shows.

    That is why a row passed, the terms that are zero as predicted, a lone other one, and the slope of `sizes`.
    """
    entry["reason"] = "" if entry["verdict"] == Verdict.PASS.value else entry["reason"]
    as_zero = {"predicted": "-oo", "verdict": Verdict.PASS.value}
    kept = [{key: term[key] for key in TERM_KEYS} for term in entry["terms"] if not as_zero.items() <= term.items()]
    is_the_row = len(kept) == 1 and kept[0]["measured"] == entry["measured"]
    entry["terms"] = [] if is_the_row else kept
    entry.pop("raw_slope", None)


def _rounded(value: Any) -> Any:
    """Plain data with numbers of at most `DECIMALS` decimals: far below every interval."""
    match value:
        case float():
            return round(value, DECIMALS)
        case dict():
            return {key: _rounded(each) if key != "sizes" else each for key, each in value.items()}
        case list():
            return list(map(_rounded, value))
    return value


def _sizes(layer: LayerCheck, t: int, quantity: str) -> list[float]:
    """The root mean square of a whole quantity at each width, over entries and seeds."""
    squares = layer.measurement.mean_square[t, quantity, None]
    return [float(f"{value:.4g}") for value in np.sqrt(squares.mean(axis=1))]


def _environment(name: str, seconds: float) -> dict[str, str]:
    packages = ("gamma_calc", "torch", "transformers", "peft", "numpy")
    return {
        "command": f"python -m validation.families {name}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": f"{seconds:.0f}",
        "python": platform.python_version(),
        **{package: version(package.replace("_", "-")) for package in packages},
        "machine": f"{platform.system()} {platform.machine()}, CPU",
    }


def compact_text(data: Mapping[str, Any]) -> str:
    """JSON with a line for each quantity, so that a file of hundreds stays small and can still be compared."""
    lines = []
    for key, value in data.items():
        if key in ("quantities", "layers"):
            inner = ",\n".join(f"  {json.dumps(entry, separators=COMPACT)}" for entry in value)
            lines.append(f' "{key}": [\n{inner}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> int:
    """Record what is named; the exit status is 0 whatever the verdicts, which are the result and not an error."""
    parser = argparse.ArgumentParser(prog="validation.families", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RECORDINGS)}")
    parser.add_argument("--pages", action="store_true", help="only make pages and plots again, from the JSON")
    arguments = parser.parse_args()
    names = arguments.names or list(RECORDINGS)
    if unknown := [name for name in names if name not in RECORDINGS]:
        parser.error(f"no recording {unknown[0]!r}; expected {', '.join(RECORDINGS)}")
    checked_folder(FOLDER)
    for name in names:
        write(name, recorded(name) if arguments.pages else _recorded_anew(name))
    return 0


def recorded(name: str) -> dict[str, Any]:
    """The JSON of a recording."""
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return data


def _recorded_anew(name: str) -> dict[str, Any]:
    started = time.monotonic()
    found = measured(RECORDINGS[name])
    print(f"{name}: {found.summary}", flush=True)
    return plain(name, found, time.monotonic() - started)


def write(name: str, data: Mapping[str, Any]) -> None:
    """Write the JSON of a recording, and the page and plot made from it."""
    stem = FOLDER / name
    write_all(
        {
            stem.with_suffix(".json"): compact_text(data),
            stem.with_suffix(".md"): family_page(name, data),
            stem.with_suffix(".svg"): family_figure(name, data),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
