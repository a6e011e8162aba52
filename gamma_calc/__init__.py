"""gamma_calc: how large a fine-tuning scheme's rates may be as the width grows, derived exactly and measured.

Names are resolved when they are first used, so that asking for an exponent does not load torch.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own costs more than all else here, and a Ctrl-C meanwhile is nobody's to answer
if TYPE_CHECKING:
    from typing import Any

    from gamma_calc.derivation.comparison import Comparison, compare
    from gamma_calc.derivation.diff import Diff, diff
    from gamma_calc.derivation.questions import Derived, Exponents, derive, exponents
    from gamma_calc.derivation.regions import ConditionRegion, region
    from gamma_calc.derivation.verification import Verification, verify
    from gamma_calc.experiment.crosscheck import Crosscheck, crosscheck
    from gamma_calc.experiment.setup import Settings
    from gamma_calc.experiment.sweep_questions import StoredRuns, Swept, stored_runs, sweep
    from gamma_calc.experiment.transfer import Transferred, transfer
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
    "CATALOGUE": "gamma_calc.program.catalogue",
    "Comparison": "gamma_calc.derivation.comparison",
    "ConditionRegion": "gamma_calc.derivation.regions",
    "Crosscheck": "gamma_calc.experiment.crosscheck",
    "Derived": "gamma_calc.derivation.questions",
    "Diff": "gamma_calc.derivation.diff",
    "Explorer": "gamma_calc.explorer.page",
    "Exponents": "gamma_calc.derivation.questions",
    "Linted": "gamma_calc.huggingface.lint",
    "Problem": "gamma_calc.program.problem",
    "Scheme": "gamma_calc.program.scheme",
    "Settings": "gamma_calc.experiment.setup",
    "StoredRuns": "gamma_calc.experiment.sweep_questions",
    "Swept": "gamma_calc.experiment.sweep_questions",
    "Traced": "gamma_calc.tracing.traced",
    "Transferred": "gamma_calc.experiment.transfer",
    "Verification": "gamma_calc.derivation.verification",
    "compare": "gamma_calc.derivation.comparison",
    "crosscheck": "gamma_calc.experiment.crosscheck",
    "derive": "gamma_calc.derivation.questions",
    "diff": "gamma_calc.derivation.diff",
    "explore": "gamma_calc.explorer.page",
    "exponents": "gamma_calc.derivation.questions",
    "lint": "gamma_calc.huggingface.lint",
    "region": "gamma_calc.derivation.regions",
    "scheme_from_text": "gamma_calc.program.spec_file",
    "stored_runs": "gamma_calc.experiment.sweep_questions",
    "sweep": "gamma_calc.experiment.sweep_questions",
    "traced": "gamma_calc.tracing.traced",
    "transfer": "gamma_calc.experiment.transfer",
    "verify": "gamma_calc.derivation.verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gamma_calc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
