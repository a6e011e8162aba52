"""gamma_calc: how large a fine-tuning scheme's rates may be as the width grows, derived exactly and measured.

Names are resolved when they are first used, so that asking for an exponent does not load torch.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own costs more than all else here, and a Ctrl-C meanwhile is nobody's to answer
if TYPE_CHECKING:
    from typing import Any

    from gamma_calc.derivation.questions import Derived, Exponents, derive, exponents
    from gamma_calc.experiment.crosscheck import Crosscheck, crosscheck
    from gamma_calc.experiment.setup import Settings
    from gamma_calc.experiment.transfer import Transferred, transferred
    from gamma_calc.explorer.page import Explorer, explore
    from gamma_calc.program.catalogue import CATALOGUE
    from gamma_calc.program.problem import Problem
    from gamma_calc.program.scheme import Scheme
    from gamma_calc.program.spec_file import scheme_from_text
    from gamma_calc.tracing.traced import Traced, traced

__version__ = "0.1.0"

__all__ = [
    "CATALOGUE",
    "Crosscheck",
    "Derived",
    "Explorer",
    "Exponents",
    "Problem",
    "Scheme",
    "Settings",
    "Traced",
    "Transferred",
    "crosscheck",
    "derive",
    "explore",
    "exponents",
    "scheme_from_text",
    "traced",
    "transferred",
]

_HOMES = {
    "CATALOGUE": "gamma_calc.program.catalogue",
    "Crosscheck": "gamma_calc.experiment.crosscheck",
    "Derived": "gamma_calc.derivation.questions",
    "Explorer": "gamma_calc.explorer.page",
    "Exponents": "gamma_calc.derivation.questions",
    "Problem": "gamma_calc.program.problem",
    "Scheme": "gamma_calc.program.scheme",
    "Settings": "gamma_calc.experiment.setup",
    "Traced": "gamma_calc.tracing.traced",
    "Transferred": "gamma_calc.experiment.transfer",
    "crosscheck": "gamma_calc.experiment.crosscheck",
    "derive": "gamma_calc.derivation.questions",
    "explore": "gamma_calc.explorer.page",
    "exponents": "gamma_calc.derivation.questions",
    "traced": "gamma_calc.tracing.traced",
    "scheme_from_text": "gamma_calc.program.spec_file",
    "transferred": "gamma_calc.experiment.transfer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gamma_calc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
