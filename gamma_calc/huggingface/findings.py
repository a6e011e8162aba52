"""All that lint finds in a case."""

from __future__ import annotations

from gamma_calc.huggingface.lint_case import Case, Finding, Severity
from gamma_calc.huggingface.loraplus_checks import LORAPLUS_CHECKS
from gamma_calc.huggingface.scheme_checks import SCHEME_CHECKS

CHECKS = (*SCHEME_CHECKS, *LORAPLUS_CHECKS)


def findings(case: Case) -> tuple[Finding, ...]:
    """All that applies, errors first, otherwise in the order of the table."""
    found = [
        Finding(each.id, each.severity, each.text(case), each.derivation, each.is_common)
        for each in CHECKS
        if each.applies(case)
    ]
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))
