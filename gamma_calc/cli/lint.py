"""What the exponents say of a PEFT configuration: the scheme it implements, its stable rates, and what stands out.

$ gamma-calc lint adapter_config.json
true under adam, r = 8, s = 2: A -1/2, B zero, s -rank
stable             eta <= -1/2
internally_stable  eta <= -1
largest stable eta: -1/2
info     hidden-features-grow-at-edge
         At the largest stable rate, n^(-1/2), A Z grows as n^(1/2); ...
         by: gamma-calc derive peft.toml
...

--lr with --width places the rate against the edge. lora_alpha is read as kept when the rank changes (--alpha fixed).
--specs writes the specs that the derivations name. An error makes the exit status 1, unknown exponents make it 3.
"""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from gamma_calc.cli.options import add_json_argument, print_json, refuse_suppositions
from gamma_calc.cli.tables import table
from gamma_calc.cli.transfer import rate, size
from gamma_calc.errors import BadInput
from gamma_calc.experiment.alpha import AlphaReading, alpha_named
from gamma_calc.files import write_files
from gamma_calc.huggingface.lint import ADAMW, Linted, linted, optimizer_called
from gamma_calc.program.optimizers import OPTIMIZERS

ERROR, UNKNOWN = 1, 3
ALL_ASSUMED = (
    "what lint finds was measured where all assumptions hold; write the specs with --specs DIR, and ask "
    "`gamma-calc derive DIR/peft.toml` under others"
)
COLUMNS = 110


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE, --optimizer, --lr, --loraplus-ratio, --weight-decay, --width, --alpha, --specs and --json."""
    parser.add_argument("file", metavar="FILE", type=Path, help="an adapter_config.json, or the folder it lies in")
    names = ", ".join(dict.fromkeys([ADAMW, *OPTIMIZERS]))
    parser.add_argument(
        "--optimizer", metavar="NAME", type=optimizer_called, default=ADAMW, help=f"one of {names} ({ADAMW})"
    )
    parser.add_argument("--lr", metavar="X", type=rate, help="the learning rate (with --width)")
    parser.add_argument("--width", metavar="N", type=size, help="the width of the model")
    parser.add_argument("--loraplus-ratio", metavar="X", type=_ratio, help="loraplus_lr_ratio, if LoRA+ is used")
    parser.add_argument("--weight-decay", metavar="X", type=_decay, help="the weight decay asked of the optimiser")
    parser.add_argument(
        "--alpha", metavar="READING", type=alpha_named, default=AlphaReading.FIXED, help="fixed or proportional (to r)"
    )
    parser.add_argument("--specs", metavar="DIR", type=Path, help="a folder to write the specs into")
    refuse_suppositions(parser, ALL_ASSUMED)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what was found."""
    if options.lr is not None and options.width is None:
        raise BadInput("--lr needs --width: a rate is large or small against a power of the width")
    found = linted(
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
    if options.json:
        print_json(found.json())
    else:
        print(_text(found))
    return ERROR if found.has_error else UNKNOWN if found.is_unknown else 0


def _decay(text: str) -> float:
    return 0.0 if text.strip("0") in ("", ".") else rate(text, "--weight-decay")


def _ratio(text: str) -> float:
    return rate(text, "--loraplus-ratio")


def _text(found: Linted) -> str:
    lines = [_title(found)]
    edge = found.case.linear
    if edge is None:
        lines.append("stable rates: unknown (see below)")
    else:
        lines.append(table([(each.condition.name, str(each)) for each in (edge.stable, edge.internally_stable)]))
        lines.append(f"largest stable eta: {edge.largest.value}")
    for each in found.findings:
        lines.append(f"{each.severity.value:<7}  {each.id}")
        body = [*textwrap.wrap(each.text, COLUMNS), f"by: {each.derivation}"]
        lines += [f"{'':<9}{line}" for line in body]
    return "\n".join(lines)


def _title(found: Linted) -> str:
    config = found.case.config
    exponents = found.json()["exponents"]
    words = {"A": "A", "B": "B", "scale": "s"}
    shown = ", ".join(f"{word} {exponents[key] or 'unknown'}" for key, word in words.items())
    setting = f"under {found.case.use.optimizer}, r = {config.rank}, s = {config.scale:g}"
    return f"{config.initialisation.name} {setting}: {shown}"
