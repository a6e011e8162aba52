"""How a verdict is shown: its sign, and its place among others."""

from __future__ import annotations

SIGNS = {"PASS": "\N{CHECK MARK}", "FAIL": "\N{BALLOT X}", "INCONCLUSIVE": "?"}
SIGNS |= {"confirmed": SIGNS["PASS"], "refuted": SIGNS["FAIL"], "undecided": SIGNS["INCONCLUSIVE"]}
SEVERITY = ("FAIL", "INCONCLUSIVE", "PASS")


def signed(verdict: str) -> str:
    """The verdict behind its sign; a word that is not known stands alone.

    >>> signed("INCONCLUSIVE"), signed("UNKNOWN")
    ('? INCONCLUSIVE', 'UNKNOWN')
    """
    return f"{SIGNS.get(verdict, '')} {verdict}".strip()


def severity(verdict: str) -> int:
    """The place of a verdict in that order; a word that is not known comes last.

    >>> severity("FAIL"), severity("PASS")
    (0, 2)
    """
    return SEVERITY.index(verdict) if verdict in SEVERITY else len(SEVERITY)
