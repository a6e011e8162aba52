"""Checks of what PEFT's create_loraplus_optimizer makes of a configuration."""

from __future__ import annotations

from gamma_calc.algebra import Affine
from gamma_calc.experiment.transfer import gain_through_above, stack_note
from gamma_calc.huggingface.implemented_scheme import RATE, edge, loraplus_spec
from gamma_calc.huggingface.lint_case import MEASURED, Case, Check, Severity

TWO_RATES = "gamma-calc compare lora-plus-a init-a"
CARRIED = "gamma-calc transfer lora-plus-b --lr 1e-4 --lr-b 1.6e-3 --from-width 1024 --to-width 4096"


def _stack(case: Case) -> str:
    """What several adapters on one residual stream make of a ratio that grows with the width."""
    spec = loraplus_spec(case.config, case.use.optimizer, case.use.alpha)
    growing = None if spec is None or case.config.variants else edge(spec, case.config.initialisation.start)
    if growing is None or growing.largest.exponent is None:
        return ""
    there = growing.scheme.at({RATE: Affine.of(growing.largest.exponent)})
    return stack_note(gain_through_above(there, there["eta_B"]))


LORAPLUS_CHECKS = (
    Check(
        "loraplus-one-dimensional",
        Severity.WARNING,
        lambda case: case.use.loraplus_ratio is not None and case.has_small_tensors,
        lambda case: (
            "create_loraplus_optimizer gives every one-dimensional tensor (biases, norms, also those of a "
            "trained head) B's rate, and a head's matrices A's."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-weight-decay",
        Severity.WARNING,
        lambda case: case.use.loraplus_ratio is not None and case.use.weight_decay != 0,
        lambda case: (
            "create_loraplus_optimizer sets every group's weight decay from loraplus_weight_decay, which is 0 "
            "by default: a plain weight_decay, or that of AdamW, has no effect."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-embedding-rate",
        Severity.WARNING,
        lambda case: case.use.loraplus_ratio is not None and bool(case.embeddings),
        lambda case: (
            "create_loraplus_optimizer trains adapters of embeddings at loraplus_lr_embedding, 1e-6 by "
            "default, whatever the learning rate."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-ratio-below-one",
        Severity.WARNING,
        lambda case: case.use.loraplus_ratio is not None and case.use.loraplus_ratio < 1,
        lambda case: (
            "A ratio below 1 gives B the smaller rate; LoRA+ wants B's to be the larger, and the more so the "
            "wider the model."
        ),
        TWO_RATES,
    ),
    Check(
        "loraplus-ratio-fixed",
        Severity.INFO,
        lambda case: case.use.loraplus_ratio is not None,
        lambda case: (
            "The ratio is read as the same at every width, which moves constants and no exponent. LoRA+ has "
            f"the ratio grow in proportion to n. {_stack(case)}".rstrip()
        ),
        CARRIED,
    ),
)
