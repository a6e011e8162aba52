"""gamma_calc: how large a fine-tuning scheme's rates may be as the width grows, derived exactly and measured.

Names are resolved when they are first used, so that asking for an exponent does not load torch.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own costs more than all else here, and a Ctrl-C meanwhile is nobody's to answer
if TYPE_CHECKING:
    from typing import Any

    from gamma_calc.certificate.verification import Verification, verify
    from gamma_calc.derivation.comparison import Comparison, compare
    from gamma_calc.derivation.diff import Diff, diff
    from gamma_calc.derivation.questions import Derived, Exponents, derive, exponents
    from gamma_calc.derivation.regions import ConditionRegion, region
    from gamma_calc.derivation.transfer import Transferred, transfer
    from gamma_calc.experiment.crosscheck import Crosscheck, crosscheck
    from gamma_calc.experiment.setup import Settings
    from gamma_calc.experiment.sweep_questions import StoredRuns, Swept, stored_runs, sweep
    from gamma_calc.explorer.page import Explorer, explore
    from gamma_calc.huggingface.lint import Linted, lint
    from gamma_calc.program.catalogue import CATALOGUE
    from gamma_calc.program.problem import Problem
    from gamma_calc.program.scheme import Scheme
    from gamma_calc.program.spec_file import scheme_from_text
    from gamma_calc.tracing.traced import Traced, traced

__version__ = "0.1.0"

__all__ = [
    "CATALOGUE",
    "Comparison",
    "ConditionRegion",
    "Crosscheck",
    "Derived",
    "Diff",
    "Explorer",
    "Exponents",
    "Linted",
    "Problem",
    "Scheme",
    "Settings",
    "StoredRuns",
    "Swept",
    "Traced",
    "Transferred",
    "Verification",
    "compare",
    "crosscheck",
    "derive",
    "diff",
    "explore",
    "exponents",
    "lint",
    "region",
    "scheme_from_text",
    "stored_runs",
    "sweep",
    "traced",
    "transfer",
    "verify",
]

_HOMES = {
    "derivation.comparison": ("Comparison", "compare"),
    "derivation.diff": ("Diff", "diff"),
    "derivation.questions": ("Derived", "Exponents", "derive", "exponents"),
    "derivation.regions": ("ConditionRegion", "region"),
    "certificate.verification": ("Verification", "verify"),
    "experiment.crosscheck": ("Crosscheck", "crosscheck"),
    "experiment.setup": ("Settings",),
    "experiment.sweep_questions": ("StoredRuns", "Swept", "stored_runs", "sweep"),
    "derivation.transfer": ("Transferred", "transfer"),
    "explorer.page": ("Explorer", "explore"),
    "huggingface.lint": ("Linted", "lint"),
    "program.catalogue": ("CATALOGUE",),
    "program.problem": ("Problem",),
    "program.scheme": ("Scheme",),
    "program.spec_file": ("scheme_from_text",),
    "tracing.traced": ("Traced", "traced"),
}
"""The names by the modules that they come from."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
