"""A reproduction small enough for a test, and a process that carries it out."""

from __future__ import annotations

from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

from gamma_calc.experiment.reproduction import reproduction
from gamma_calc.experiment.reproduction_plan import ReproductionPlan
from gamma_calc.simulation.store import Store

TINY = ReproductionPlan(
    "tiny",
    widths=(16, 32, 64, 128),
    runs=3,
    steps=20,
    points=30,
    test_points=5,
    edge_widths=(16, 24, 32),
    edge_runs=3,
    edge_steps=3,
    edge_points=20,
    far_widths=(2**30, 2**40, 2**50),
    far_runs=3,
    offsets=(Fraction(0),),
)


def reproduction_telling(path: Path, told: Connection) -> None:
    """Carry it out and tell after each run how many are in the store."""
    with Store(path) as store:
        reproduction(TINY, store, workers=1, progress=lambda done, total: told.send(len(store.keys)))
    told.close()
