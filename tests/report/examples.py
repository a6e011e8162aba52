"""Synthetic results: what the tests of the report show, and a person may look at.

Init[A] under Adam at eta = n^-1/2: every term follows its power law but for a little noise of fixed size.
"""

from __future__ import annotations

from fractions import Fraction

from gamma_calc.report.plots import Panel, Series, Sheet

WIDTHS = tuple(2**k for k in range(7, 14))
HALF = Fraction(1, 2)
NOTHING = (None,) * len(WIDTHS)
WOBBLE = (0.03, -0.05, 0.02, 0.04, -0.03, -0.02, 0.01)

Powers = dict[str, tuple[Fraction | None, float]]

INIT_A: dict[str, Powers] = {
    "A": {"A_0": (-HALF, 0.0), "U_A": (-HALF, 3.0)},
    "B": {"B_0": (None, 0.0), "U_B": (-HALF, 2.0)},
    "Z_A": {"A_0": (Fraction(0), 1.0), "U_A": (HALF, 0.5)},
    "Z_B": {"B_0 A_0": (None, 0.0), "B_0 U_A": (None, 0.0), "U_B A_0": (-HALF, 3.0), "U_B U_A": (Fraction(0), 2.5)},
    "delta_1": {"B_0 dA": (None, 0.0), "U_B dA": (Fraction(0), 1.2)},
    "delta_2": {"dB A_0": (-HALF, 2.0), "dB U_A": (Fraction(0), 1.0)},
    "delta_3": {"dB dA": (Fraction(0), 0.3)},
    "Delta_Z_B": {
        "B_0 dA": (None, 0.0),
        "U_B dA": (Fraction(0), 1.2),
        "dB A_0": (-HALF, 2.0),
        "dB U_A": (Fraction(0), 1.0),
        "dB dA": (Fraction(0), 0.3),
    },
}


def series(
    label: str,
    predicted: Fraction | None,
    offset: float = 0.0,
    *,
    slope: Fraction | None = None,
    widths: tuple[int, ...] = WIDTHS,
    verdict: str = "PASS",
    is_leading: bool = True,
    is_upper: bool = False,
) -> Series:
    """A power law of the predicted slope, or of another one; without either it is exactly zero."""
    actual = predicted if slope is None else slope
    if actual is None:
        empty = (None,) * len(widths)
        return Series(label, widths, empty, empty, empty, predicted, verdict, is_leading, is_upper)
    value = tuple(
        offset + float(actual) * (width.bit_length() - 1) + WOBBLE[i % len(WOBBLE)] for i, width in enumerate(widths)
    )
    low, high = tuple(y - 0.09 for y in value), tuple(y + 0.09 for y in value)
    return Series(label, widths, value, low, high, predicted, verdict, is_leading, is_upper)


def panel(title: str, powers: Powers) -> Panel:
    """A panel in which everything is as predicted."""
    leading = max((power for power, _ in powers.values() if power is not None), default=None)
    return Panel(
        title,
        tuple(
            series(name, power, offset, is_leading=power == leading and power is not None)
            for name, (power, offset) in powers.items()
        ),
    )


def init_a() -> Sheet:
    """All quantities at the last of four steps, all PASS."""
    panels = tuple(panel(title, powers) for title, powers in INIT_A.items())
    return Sheet("init-a: every exponent as predicted", "adam, eta_A = eta_B = 4 n^-1/2, t = 4, 16 seeds", panels)


def mixed() -> Sheet:
    """Every verdict and every kind of absence."""
    return Sheet(
        "A sheet of trouble, with $dollars$ & <brackets>",
        "What a figure has to say when things go wrong; this line is long enough that it has to be broken in two, and"
        " it goes on and on about the widths, the seeds and the steps until that has happened for certain.",
        (
            Panel("fails", (series("U_A", HALF, 1.0, slope=Fraction(0), verdict="FAIL"), series("A_0", Fraction(0)))),
            Panel(
                "undecided",
                (
                    series("U_B U_A", Fraction(0), 1.0, verdict="INCONCLUSIVE"),
                    series("U_B A_0", -HALF, verdict="INCONCLUSIVE", is_leading=False),
                ),
            ),
            Panel("zero", (series("dB dA", None, verdict="PASS"),)),
            Panel("not zero", (series("B_0 A_0", None, slope=Fraction(-1), verdict="FAIL", is_leading=False),)),
            Panel(
                "zero but should not be", (Series("U_B dA", WIDTHS, NOTHING, NOTHING, NOTHING, -HALF, "FAIL", True),)
            ),
            Panel("bound", (series("a long name of a term, cut", -HALF, slope=Fraction(-1), is_upper=True),)),
        ),
    )
