"""Which learning rate: a sweep on a model and data of your own, with its interval, carried to another model.

$ gamma-calc tune ./tiny --data notes.txt --to ./large
init-a under adam on tiny: 60 steps of 8 blocks of at most 64 tokens, 3 seeds
rate      validation loss  test perplexity  sound runs
...
0.00391   4.75 ± 0.021     124.6 ± 3.5      3 of 3
0.00781   4.728 ± 0.061    121.8 ± 9.3      3 of 3
0.0156    4.719 ± 0.065    118.7 ± 8.1      3 of 3  *
0.0312    4.734 ± 0.014    120.2 ± 9.8      3 of 3
...
Best learning rate: 0.0122 (95 % interval 0.0074 to 0.02, over 3 seeds)
On ./large:
layer   count  fan-in      rank  s  eta_A                   eta_B                   law
q_proj  8      64 -> 1024  8     1  0.012212 -> 0.00305301  0.012212 -> 0.00305301  n^(-1/2)
v_proj  8      64 -> 1024  8     1  0.012212 -> 0.00305301  0.012212 -> 0.00305301  n^(-1/2)
...

MODEL is the folder of a saved model, an installed package that carries one, or a config.json without weights: that is
built, of so many words as the text has, and briefly trained. DATA is a text file, or a table (.csv, .tsv, .jsonl) with
a column text and, to classify, one called label. --widths builds a family from the configuration in place of the model.
All layers have one rate, B's --ratio times that of A; over a family that grows as the scheme says. --to names the model
that you mean to train: its rates follow from the scheme's law, layer by layer: that of one module, or with --network
that of the whole model. A grid of rates is made longer where its end is best. A sound run is one whose loss ends below
where it began; the others, diverged ones, are left out. The star is the best rate with most sound runs.

Nothing is downloaded, unless with --download, and no code of a model's folder is run. Finished runs are kept: after
Ctrl-C or a kill the same command does the rest. The exit status is 3 where the best rate is not known.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamma_calc.cli.options import (
    add_json_argument,
    add_optimizer_argument,
    add_value_arguments,
    values,
    whole,
    whole_numbers,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.cli.training import (
    MOST,
    Ready,
    add_run_arguments,
    add_training_arguments,
    adjusted_plan,
    run_experiment,
)
from gamma_calc.document.tables import text_table
from gamma_calc.errors import BadInput, named_in
from gamma_calc.huggingface.adapter_config import HEADS
from gamma_calc.huggingface.adapter_file import UNSET, config_from_mapping, document_from
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import SIMPLE
from gamma_calc.program.spec_file import scheme_from, spec_text

if TYPE_CHECKING:
    from gamma_calc.experiment.claims import Report
    from gamma_calc.huggingface.language.tuning import Tuned, Tuning

NOT_CARRIED = (
    *("target_parameters", "exclude_modules", "layers_to_transform", "layers_pattern", "layer_replication"),
    *("lora_bias", "trainable_token_indices", "rank_pattern", "alpha_pattern"),
)
"""Keys of an adapter_config.json that a run here has nothing for."""

SCHEME = "init-a"
WIDEST = 10**6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, the data, the scheme, the size of the sweep, the target, and where to leave the results."""
    parser.add_argument("model", metavar="MODEL", help="a folder, an installed package, or a config.json")
    parser.add_argument("--data", metavar="WHAT", required=True, help="a text file, or a table with text (and label)")
    parser.add_argument("--scheme", metavar="SPEC", default=SCHEME, help=f"the initialisation and rates ({SCHEME})")
    add_optimizer_argument(parser, f"one of {', '.join(SIMPLE)}, or a trainer's name of one, such as adamw_torch")
    add_value_arguments(parser)
    words = "an adapter_config.json: its r, lora_alpha, target_modules; nothing drops out"
    parser.add_argument("--adapter", metavar="FILE", type=Path, help=words)
    parser.add_argument("--to", metavar="CONFIG", help="the model to carry the best rate to: its config.json")
    words = "carry it by the largest rate of the whole model, as gamma-calc model derives it, not by one module's"
    parser.add_argument("--network", action="store_true", help=words)
    parser.add_argument(
        "--widths",
        metavar="LIST",
        type=whole_numbers("--widths", WIDEST),
        default=(),
        help="a family in place of the model: 64,128",
    )
    parser.add_argument("--layers", metavar="K", type=whole("--layers", MOST), help="layers of a model that is built")
    parser.add_argument("--download", action="store_true", help="let MODEL and --data be names on the hub")
    add_training_arguments(parser.add_argument_group("the training"))
    add_run_arguments(parser)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Train, print the best rate and where it is carried, and write the folder.

    Returns:
        0; 3 where the best rate is not known; 130 after Ctrl-C.
    """
    status, report = run_experiment(options, partial(_ready, options), "tune")
    return UNKNOWN if report is not None and report.data["rate"] is None else status


def _ready(options: argparse.Namespace) -> Ready:
    from gamma_calc.huggingface.language.tuning import run_studies, tuning_report

    with shown_runs():
        tuning = _tuning(options)
    return Ready(partial(run_studies, tuning), tuning_report, _text)


def _tuning(options: argparse.Namespace) -> Tuning:
    from gamma_calc.huggingface.language.data import is_labelled, is_remote
    from gamma_calc.huggingface.language.model_source import bare_configuration, is_at_hand
    from gamma_calc.huggingface.language.settings import LLAMA, ROBERTA
    from gamma_calc.huggingface.language.tuning import DEFAULTS, family, ready_to_tune

    if not options.download and is_remote(options.data):
        raise BadInput("--data", found=options.data, expected="a file; --download fetches data sets by their names")
    has_labels = is_labelled(options.data)
    plan = DEFAULTS[ROBERTA if has_labels else LLAMA]
    if options.head_rate is not None and not has_labels:
        raise BadInput("--head-rate: only a classifier has a head that is trained beside its adapters; leave it out")
    plan = adjusted_plan(options, plan, schemes=(_scheme(options),))
    if options.adapter is not None:
        plan = replace(plan, training=replace(plan.training, **_adapter(options, has_labels=has_labels)))
    if not options.download and not is_at_hand(options.model):
        expected = "a folder, a config.json or an installed package; --download takes a name on the hub"
        raise BadInput("MODEL", found=options.model, expected=expected)
    if options.network and options.to is None:
        raise BadInput("--network: it says by which law a rate is carried; it goes with --to CONFIG")
    if len(set(options.widths)) < len(options.widths):
        raise BadInput("--widths", found=", ".join(map(str, options.widths)), expected="each width once")
    carried = {"target": options.to, "is_of_network": options.network, "workers": options.workers}
    config = bare_configuration(options.model) if not options.widths else Path(options.model)
    if config is None:
        if options.layers is not None:
            raise BadInput("--layers is for a model that is built (--widths, or a config.json alone); leave it out")
        return ready_to_tune([plan], **carried)
    plans, widths = family(plan, config, options.widths, options.layers)
    return ready_to_tune(plans, widths, **carried)


def _scheme(options: argparse.Namespace) -> str:
    """The scheme as a run is sent it: by its name in the catalogue, or as the text of a spec."""
    scheme = scheme_from(options.scheme)
    if options.optimizer is not None:
        scheme = scheme.under(options.optimizer)
    scheme = scheme.at(values(options))
    return scheme.name if CATALOGUE.get(scheme.name) == scheme else spec_text(scheme)


def _adapter(options: argparse.Namespace, *, has_labels: bool) -> dict[str, Any]:
    """Rank, alpha and target modules of an adapter_config.json.

    Raises:
        BadInput: it says more than that, or an option says it too.
    """
    place, document = document_from(options.adapter)
    with named_in(place):
        config = config_from_mapping(document)
    said = {key: document.get(key) for key in NOT_CARRIED}
    heads = HEADS["SEQ_CLS"] if has_labels else ()  # trained whole, as a run does
    if config.keys.slips:
        raise BadInput(f"--adapter {options.adapter}: {config.keys.slips_text}")
    more = [*config.variants, *(["rslora"] if config.is_rank_stabilised else [])]
    start = config.initialisation
    more += [f"init_lora_weights {start.name}"] if start.option is not True else []
    more += [key for key, value in said.items() if type(value) is int or value not in UNSET]  # 0 is a layer
    more += [f"bias {config.bias}"] if config.bias != "none" else []
    more += ["modules_to_save"] if {*config.saved_modules} - {*heads} else []
    if more:
        expected = "plain LoRA of one rank on target_modules, which starts as --scheme says"
        raise BadInput(f"--adapter {options.adapter}: found {', '.join(more)}, expected {expected}")
    if given := [name for name in ("rank", "alpha", "targets") if getattr(options, name) is not None]:
        raise BadInput(f"--adapter says it: leave out {', '.join(f'--{name}' for name in given)}")
    return {"rank": config.rank, "alpha": config.alpha, "targets": config.targets}


def _text(found: Tuned, _: Report) -> str:
    carried = found.carried
    lines = [found.title, text_table(found.table()), *found.answer]
    if carried is not None:
        lines += [f"On {found.tuning.target}:", text_table(carried.table()), *carried.notes]
    return "\n".join(lines)
