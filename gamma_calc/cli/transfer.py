"""The learning rates at another width, or rank, at the same place relative to the stability edge.

$ gamma-calc transfer init-a --lr 2e-4 --from-width 768 --to-width 4096 --from-rank 8 --to-rank 64 --alpha fixed
init-a under adam, from width 768, rank 8 to width 4096, rank 64
rate   given   transferred  law
eta_A  0.0002  8.66025e-05  n^(-1/2) r^(0)
eta_B  0.0002  8.66025e-05  n^(-1/2) r^(0)
...
lora_alpha is taken as kept: s goes as r^(-1) from rank to rank.

SPEC may also be an adapter_config.json. From one rank to another the answer depends on lora_alpha: --alpha fixed where
it is kept (s = alpha/r falls), proportional where alpha/r is. A spec's scale says it, and one that is no power of the
rank is alpha in proportion to r; a configuration says it where rank_pattern and alpha_pattern show it.

A free rate takes its largest stable value, which is derived. --lr is A's rate at the first place, and B's unless --lr-b
is given: a scheme says how the ratio of the two grows (LoRA+: in proportion to n), never what it is at one width.
--without and --align move the edge; where it is not known any more, neither are the rates.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gamma_calc.cli.options import add_question_arguments, positive, schemes, show, supposed, whole
from gamma_calc.derivation.tables import text_table
from gamma_calc.experiment.alpha import AlphaReading, agreed_alpha, alpha_named
from gamma_calc.experiment.transfer import Transferred, transferred
from gamma_calc.huggingface.adapter_config import AdapterConfig, config_from_file, is_config
from gamma_calc.huggingface.implemented_scheme import adapter_scheme


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, the rates, the widths, the ranks and --alpha."""
    add_question_arguments(parser)
    rate = positive("learning rate")
    parser.add_argument("--lr", metavar="X", required=True, type=rate, help="A's rate at the first place")
    parser.add_argument("--lr-b", metavar="X", type=rate, help="B's rate there (that of --lr)")
    for axis in ("width", "rank"):
        for end in ("from", "to"):
            option, is_width = f"--{end}-{axis}", axis == "width"
            words = f"the {axis} to carry the rate {end}"
            parser.add_argument(option, metavar="N", required=is_width, type=whole(option), help=words)
    words = " or ".join(reading.value for reading in AlphaReading)
    parser.add_argument("--alpha", metavar="READING", type=alpha_named, help=f"lora_alpha from rank to rank: {words}")


def answer(options: argparse.Namespace) -> int:
    """Print the rates."""
    (spec,) = options.specs
    config = config_from_file(Path(spec)) if is_config(spec) else None
    found = transferred(
        schemes(options, [spec])[0] if config is None else adapter_scheme(config),
        learning_rate=options.lr,
        learning_rate_b=options.lr_b,
        from_width=options.from_width,
        to_width=options.to_width,
        from_rank=options.from_rank,
        to_rank=options.to_rank,
        **supposed(options),
        alpha=options.alpha if config is None else _alpha(options, config),
        is_rank_stabilised=config is not None and config.is_rank_stabilised,
    )
    read: dict[str, Any] = {} if config is None else {"read": config.json()}
    origin = "" if config is None else f"\nRead from {spec}: {config}."
    show(options, lambda: {**found.json(), **read}, lambda: f"{_text(found)}{origin}")
    return 0


def _alpha(options: argparse.Namespace, config: AdapterConfig) -> AlphaReading | None:
    """What lora_alpha does between the ranks: what the configuration shows, else what was said.

    Raises:
        BadInput: neither says it, or they contradict each other.
    """
    said: AlphaReading | None = options.alpha
    if options.from_rank == options.to_rank:
        return said
    ranks = f"the rank changes from {options.from_rank} to {options.to_rank}"
    return agreed_alpha(said, config.alpha_reading, f"{options.specs[0]} has {config}, and {ranks}")


def _text(found: Transferred) -> str:
    law = found.law
    rows = [("rate", "given", "transferred", "law")]
    for key, form in law.exponents.items():
        power = f"n^({form.constant})"
        if law.rho is not None:
            power += f" r^({form.coefficient(law.rho)})"
        rows.append((key, f"{found.given[key]:g}", f"{found.rates[key]:g}", power))
    return "\n".join([f"{found.title}, from {found.start} to {found.end}", text_table(rows), *found.notes])
