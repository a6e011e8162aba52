"""Run the benchmarks: python -m benchmarks [--record] [--widths N ...]."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.adapter_step import AGREEMENT, Case, disagreement, timed
from benchmarks.baselines import has_peft
from benchmarks.growth import growth, network_run, student_step
from benchmarks.machine import description

HERE = Path(__file__).parent
RESULTS, RECORDED = HERE / "results.json", HERE / "recorded.json"
STUDENT_WIDTHS = tuple(2**k for k in range(10, 16))
NETWORK_WIDTHS = tuple(2**k for k in range(14, 21, 2))


def main() -> int:
    """Print the figures and write them to results.json, or with --record to recorded.json."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=main.__doc__)
    parser.add_argument("--record", action="store_true", help="write the tracked recorded.json instead of results.json")
    parser.add_argument("--widths", type=int, nargs="+", default=[4096, 8192], metavar="N")
    parser.add_argument("--without-growth", action="store_true", help="leave out the growth with the width")
    arguments = parser.parse_args()
    if not has_peft():
        print("PEFT is not installed, so its column is left out: pip install 'gamma-calc[bench]'", file=sys.stderr)
    cases = [Case(n) for n in arguments.widths]
    difference = disagreement(cases[0])
    print(f"all ways to train agree: losses differ by at most {difference:.1e} of their size (float64)")
    if difference > AGREEMENT:
        print(f"that is more than {AGREEMENT:.0e}: nothing is timed", file=sys.stderr)
        return 1
    results: dict[str, object] = {"schema": 1, "machine": description(), "threads": torch.get_num_threads()}
    results["cases"] = [_printed_case(timed(case)) for case in cases]
    if not arguments.without_growth:
        results["growth"] = [
            _printed_growth(growth("network", network_run, NETWORK_WIDTHS)),
            _printed_growth(growth("teacher-student", student_step, STUDENT_WIDTHS)),
        ]
    target = RECORDED if arguments.record else RESULTS
    target.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target}")
    return 0


def _printed_case(case: dict[str, Any]) -> dict[str, Any]:
    ratios = ", ".join(f"{ratio:.0f} x {name}" for name, ratio in case["ratios"].items())
    own, floor = case["milliseconds"]["kernel"]["median"], case["milliseconds"]["floor"]
    print(f"{case['name']} n={case['n']}: {own:.2f} ms a step of one of {case['configurations']} configurations,")
    print(f"  faster by {ratios}; {case['times_floor']:.2f} x the floor of {floor:.2f} ms")
    return case


def _printed_growth(result: dict[str, Any]) -> dict[str, Any]:
    first, last = result["widths"][0], result["widths"][-1]
    gib = result["peak_bytes_so_far"][-1] / 2**30
    print(
        f"{result['name']}: {result['milliseconds'][-1]:.0f} ms a step at n = {last}; time grows as"
        f" n^{result['exponent']:.3f} from n = {first}; at most {gib:.1f} GiB"
    )
    return result


if __name__ == "__main__":
    sys.exit(main())
