"""Time the exact core: python -m benchmarks.symbolic [--sympy-seconds 60] [--out FILE].

Four figures, in processor time: questions about polyhedra in eight unknowns with thirty inequalities; vertices as
their number grows; `exponents` and `derive` of schemes with up to eleven free exponents; and the recursion to a
canonical form, by this package and by sympy's Max, simplified.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from statistics import median

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.algebra.linear_program import maximum
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.derivation.questions import derive, exponents
from gamma_calc.program.lora import lora_module
from gamma_calc.program.spec_file import scheme_from_text

UNKNOWNS, INEQUALITIES, SETS = 8, 30, 10
LIMIT_MS = 50
STEPS = 4
SPEC = 'optimizer = "{}"\n[exponents]\nA = "p"\nB = "q"\neta_A = "a"\neta_B = "b"\nscale = "s"\n'

SYMPY = """
import sys, time
from sympy import Max, Piecewise, Rational, piecewise_fold, simplify, symbols
p, q, a, b, s = symbols("p q a b s", real=True)
T, way, optimizer = int(sys.argv[1]), sys.argv[2], sys.argv[3]
start = time.process_time()
z_a, db, b_t, z_b = p + Rational(1, 2), q + Rational(1, 2), q, []
for t in range(1, T + 1):
    step_a, step_b = (a + s + db, b + s + z_a) if optimizer == "sgd" else (a, b)
    delta = [s + b_t + step_a + 1, s + step_b + z_a, s + step_b + step_a + 1]
    z_a, db, b_t = Max(z_a, step_a + 1), Max(db, step_b + 1), Max(b_t, step_b)
    z_b = Max(s + b_t + z_a, *delta)
if way == "cases":
    z_b = piecewise_fold(z_b.rewrite(Piecewise))
simplify(z_b)
print(time.process_time() - start)
"""
"""Z_B in five free exponents, both factors random and trained. A sum of maxima reaches one level in sympy only as
cases; `simplify` alone leaves it nested, which is no canonical form, and is timed beside it."""

RATES = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}
BOTH = {"A": "p", "B": "q", "eta_A": "a", "eta_B": "b"}
STILL = dict.fromkeys(("momentum", "decay", "feedback"), "0")
EXTRA = {"momentum": "m", "decay": "d", "feedback": "f"}
FREE: Mapping[str, Mapping[str, str]] = {
    "a b": RATES,
    "a b, m = d = f = 0": RATES | STILL,
    "a b, m = -1/4, d = 1/3, f = 0": RATES | {"momentum": "-1/4", "decay": "1/3", "feedback": "0"},
    "a b m d f": RATES | EXTRA,
    "p q a b": BOTH,
    "p q a b, m = d = f = 0": BOTH | STILL,
    "p q a b m, d = f = 0": BOTH | STILL | {"momentum": "m"},
    "p q a b d, m = f = 0": BOTH | STILL | {"decay": "d"},
    "p q a b f, m = d = 0": BOTH | STILL | {"feedback": "f"},
    "p q a b s": BOTH | {"scale": "s"},
    "p q a b s, m = d = f = 0": BOTH | STILL | {"scale": "s"},
    "p q a b s m d f": BOTH | {"scale": "s"} | EXTRA,
    "p q a b s m d f k": BOTH | {"scale": "s", "rank": "k"} | EXTRA,
    "p q a b s m d f k g o": BOTH | {"scale": "s", "rank": "k", "gradient": "g", "fan_out": "o"} | EXTRA,
}
"""Schemes by their free exponents: of A_0 (p), B_0 (q), their rates, and the keys that begin so, fan-out being o."""

WAYS = ("cases", "max")
OPTIMIZERS = ("adam", "sgd")


def milliseconds(work: Callable[[], object]) -> float:
    """The processor time of one piece of work: the work has one thread, so on an idle machine this is the wall time."""
    start = time.process_time()
    work()
    return 1e3 * (time.process_time() - start)


def forget() -> None:
    """Empty every cache of the package, so that nothing answers for the solver."""
    for name, module in tuple(sys.modules.items()):
        if name.startswith("gamma_calc"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def random_inequalities(unknowns: int, count: int, seed: int) -> list[Inequality]:
    """Half-spaces with small integer coefficients that hold around 0, a few of which follow from others."""
    draw = random.Random(seed)
    names = [Affine.symbol(f"x{index}") for index in range(unknowns)]
    forms = (sum((draw.randint(-3, 3) * x for x in names), Affine.of(draw.randint(1, 6))) for _ in range(count))
    return [Inequality(form) for form in forms]


def polyhedra_figures() -> dict[str, object]:
    """Milliseconds of each question on several random sets: median and worst."""
    times: dict[str, list[float]] = {"irredundant form": [], "emptiness": [], "implication": []}
    for seed in range(SETS):
        given = random_inequalities(UNKNOWNS, INEQUALITIES, seed)
        (claim,) = random_inequalities(UNKNOWNS, 1, 1000 + seed)
        forget()
        times["irredundant form"].append(milliseconds(partial(Polyhedron.of, *given)))
        times["emptiness"].append(milliseconds(partial(maximum, Affine.of(0), given)))
        found = Polyhedron.of(*given)
        times["implication"].append(milliseconds(partial(found.implies, claim)))
    return {
        "unknowns": UNKNOWNS,
        "inequalities": INEQUALITIES,
        "limit_ms": LIMIT_MS,
        **{name: {"median_ms": median(each), "worst_ms": max(each)} for name, each in times.items()},
    }


def vertex_figures() -> list[dict[str, float]]:
    """Vertices of cut cubes of growing dimension: their number, and microseconds for each of them."""
    found = []
    for unknowns in range(3, UNKNOWNS + 1):
        names = [Affine.symbol(f"x{index}") for index in range(unknowns)]
        sides = [Inequality(sign * x + 1) for x in names for sign in (1, -1)]
        total = sum(names, Affine.of(0))
        cuts = [Inequality(Fraction(unknowns, 3) - total), Inequality(total + Fraction(unknowns, 2) + Fraction(1, 7))]
        cut = Polyhedron.of(*sides, *cuts)
        forget()
        taken = milliseconds(cut.vertices)
        count = len(cut.vertices())
        found.append({"unknowns": unknowns, "vertices": count, "ms": taken, "us_per_vertex": 1e3 * taken / count})
    return found


def free_figures() -> list[dict[str, object]]:
    """Milliseconds of `exponents` and of `derive`, how many of four steps are written out, and what is decided."""
    found = []
    for free, forms in FREE.items():
        for optimizer in OPTIMIZERS:
            lines = [f'optimizer = "{optimizer}"', "[exponents]", *(f'{key} = "{form}"' for key, form in forms.items())]
            scheme = scheme_from_text("\n".join(lines), default_name="free")
            forget()
            exponents_ms = milliseconds(partial(exponents, scheme))
            steps = len(exponents(scheme).steps)
            forget()
            derive_ms = milliseconds(partial(derive, scheme))
            is_unknown = derive(scheme).derivation.is_unknown
            figures = {
                "exponents_ms": exponents_ms,
                "steps": steps,
                "derive_ms": derive_ms,
                "is_decided": not is_unknown,
            }
            found.append({"free": free, "optimizer": optimizer, **figures})
    return found


def recursion_ms(optimizer: str, steps: int) -> float:
    """The recursion of `steps` steps to its canonical form, with nothing remembered: the median of five."""
    scheme = scheme_from_text(SPEC.format(optimizer), default_name="both")
    taken = []
    for _ in range(5):
        forget()
        taken.append(milliseconds(lambda: trajectory(lora_module(scheme), steps, scheme.domain)))
    return median(taken)


def sympy_ms(optimizer: str, way: str, limit: float) -> dict[int, float]:
    """Milliseconds of sympy for 1, 2, ... steps, up to the first that it does not finish within `limit` seconds."""
    found: dict[int, float] = {}
    for steps in range(1, STEPS + 1):
        words = [sys.executable, "-c", SYMPY, str(steps), way, optimizer]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=limit, check=True)
        except subprocess.TimeoutExpired:
            break
        found[steps] = 1e3 * float(done.stdout)
    return found


def recursion_figures(optimizer: str, limit: float) -> dict[str, object]:
    """Milliseconds by number of steps, here and in sympy, and the ratio at the most steps that sympy finishes."""
    ours = {steps: recursion_ms(optimizer, steps) for steps in range(1, STEPS + 1)}
    figures: dict[str, object] = {"optimizer": optimizer, "ms": ours, "sympy_limit_s": limit}
    for way in WAYS:
        theirs = sympy_ms(optimizer, way, limit)
        most = max(theirs, default=None)
        ratio = None if most is None else theirs[most] / ours[most]
        figures[f"sympy_{way}"] = {"ms": theirs, "finishes": most, "ratio": ratio}
    return figures


def main() -> int:
    """Print the figures, and write them where asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.symbolic", description=main.__doc__)
    parser.add_argument("--sympy-seconds", type=float, default=60.0, metavar="S", help="how long sympy may take")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    figures = {
        "schema": 1,
        "polyhedra": polyhedra_figures(),
        "vertices": vertex_figures(),
        "free": free_figures(),
        "recursion": [recursion_figures(optimizer, arguments.sympy_seconds) for optimizer in OPTIMIZERS],
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
