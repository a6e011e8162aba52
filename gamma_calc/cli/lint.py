"""What the exponents say of a PEFT configuration: the scheme it implements, its stable rates, and what stands out.

$ gamma-calc lint adapter_config.json --lr 2e-4 --width 4096
Nothing stands in the way of training with this.
init_lora_weights=true: A starts at n^(-1/2), B at zero; r = 8, lora_alpha = 16, s = 2 (r^(-1) from rank to rank); ...
stable             eta <= -1/2  the adapter's output stays bounded
internally_stable  eta <= -1    A Z stays bounded too
largest stable eta: -1/2
The rate 0.0002 is 0.0512 times the edge of the stable rates, n^(-1/2) r^(-1/2) s^(-1/2) = 0.0039 at n = 4096, ...
...

--lr with --width places the rate against the edge: above it is an error, within a factor of 2 below it a warning. Its
constant is taken as 1, which is a judgement: docs/lint.md has what was measured. lora_alpha is read as kept when the
rank changes (--alpha fixed). --specs writes the specs, and names the commands that derive the findings from them. An
error makes the exit status 1, unknown exponents make it 3.
"""

from __future__ import annotations

import argparse
import os
import shlex
from functools import partial
from pathlib import Path

from gamma_calc.cli.options import (
    OPTIMIZER_NAMES,
    add_json_argument,
    add_optimizer_argument,
    positive,
    refuse_suppositions,
    show,
    whole,
)
from gamma_calc.cli.outputs import FAILED, UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.alpha import AlphaReading, alpha_named
from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_values import not_negative
from gamma_calc.files import write_files
from gamma_calc.huggingface.lint import ADAMW, Linted, lint

ALL_ASSUMED = (
    "what lint finds was measured where all assumptions hold; write the specs with --specs DIR, and ask "
    "`gamma-calc derive DIR/peft.toml` under others"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --optimizer, --lr, --loraplus-ratio, --weight-decay, --width, --alpha, --specs and --json."""
    parser.add_argument("file", metavar="FILE", type=Path, help="an adapter_config.json, or the folder it lies in")
    add_optimizer_argument(parser, f"{OPTIMIZER_NAMES} ({ADAMW})", default=ADAMW)
    parser.add_argument("--lr", metavar="X", type=positive("--lr"), help="the learning rate (with --width)")
    parser.add_argument("--width", metavar="N", type=whole("--width"), help="the width of the model")
    ratio = positive("--loraplus-ratio")
    parser.add_argument("--loraplus-ratio", metavar="X", type=ratio, help="loraplus_lr_ratio, if LoRA+ is used")
    parser.add_argument(
        "--weight-decay",
        metavar="X",
        type=partial(not_negative, "--weight-decay"),
        help="the weight decay asked of the optimiser",
    )
    parser.add_argument(
        "--alpha", metavar="READING", type=alpha_named, default=AlphaReading.FIXED, help="fixed or proportional (to r)"
    )
    parser.add_argument("--specs", metavar="DIR", type=Path, help="a folder to write the specs into")
    refuse_suppositions(parser, ALL_ASSUMED)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what was found."""
    if options.specs is not None and not os.path.isdir(options.specs.parent):
        raise BadInput(f"--specs {options.specs}: there is no folder {options.specs.parent}; make it first")
    with shown_runs():
        found = lint(
            options.file,
            optimizer=options.optimizer,
            alpha=options.alpha,
            learning_rate=options.lr,
            loraplus_ratio=options.loraplus_ratio,
            width=options.width,
            weight_decay=options.weight_decay,
        )
    if options.specs is not None:
        write_files(options.specs, found.specs)
    show(options, found.json, lambda: _text(found, options.specs, _again(options)))
    return FAILED if found.has_error else UNKNOWN if found.is_unknown else 0


def _text(found: Linted, specs: Path | None, again: str) -> str:
    text = found.text(specs)
    if specs is None:
        said = "Specs, and the commands that derive this from them"
        return f"{text}\n{said}: {again} --specs ." if found.specs else text
    written = [str(specs / name) for name in found.specs]
    is_said = not written or any(name in text for name in written)
    return text if is_said else f"{text}\nSpecs: {', '.join(written)}"


def _again(options: argparse.Namespace) -> str:
    """The command that asks this anew, as far as it decides the specs."""
    words = ["gamma-calc", "lint", str(options.file), "--optimizer", options.optimizer, "--alpha", options.alpha.value]
    return shlex.join(words)
