"""What follows from a scheme: conditions, largest stable rates, and the derivation.

$ gamma-calc derive init-a
Use init-a under adam with a learning rate of n^(-1/2): both factors learn, and Z_A grows like n^(1/2).
init-a under adam, for every fixed number of steps
stable             eta <= -1/2
internally_stable  eta <= -1
feature_learning   eta = -1/2   from step 2 on
efficient          eta = -1/2   from step 3 on
largest stable eta: -1/2
...

$ gamma-calc derive init-a --without A5
$ gamma-calc derive init-a --align aligned=alpha
$ gamma-calc derive my-scheme.toml --latex derivation.tex --markdown derivation.md
$ gamma-calc derive init-a --latex appendix.tex --short --fragment
$ gamma-calc derive init-a --certificate init-a.json --smtlib init-a.smt2 --rocq init_a.v

Under [exponents] a TOML file has A, B, eta_A and eta_B, and may have scale, rank, fan_out, gradient, and these, which
are absent unless written: momentum = "0" (m = beta m + G with beta = n^0), decay = "0" (decoupled, lambda = n^0),
epsilon = "-1" (that of Adam is n^-1, else negligible), floor = "zero" (that of Adafactor is none, else n^0) and
feedback = "0" (a loss gradient dZ + kappa Z_B with kappa = n^0).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from gamma_calc.analysis.decision import Status
from gamma_calc.certificate.certificate import Certificate, certificate
from gamma_calc.certificate.rocq import rocq
from gamma_calc.certificate.smtlib import smtlib
from gamma_calc.cli.options import (
    add_horizon_argument,
    add_question_arguments,
    check_not_read,
    hint_of_values,
    schemes,
    show,
    supposition_arguments,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.questions import Derived, derive
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.files import write_all

DOCUMENTS = {
    "latex": "the derivation as a LaTeX document",
    "markdown": "the derivation as Markdown",
    "certificate": "a certificate, which `gamma-calc verify` checks",
    "smtlib": "the claims as SMT-LIB 2: every answer has to be unsat",
    "rocq": "the claims as lemmas for Rocq (Coq)",
}
"""What can be written, by the option that asks for it."""

PROOFS = ("--certificate", "--smtlib", "--rocq")
"""The options whose files a program checks."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, --steps, and the documents to write."""
    add_question_arguments(parser)
    add_horizon_argument(parser)
    for name, what in DOCUMENTS.items():
        parser.add_argument(f"--{name}", metavar="FILE", type=Path, help=f"write {what}")
    parser.add_argument("--short", action="store_true", help="leave out of --latex and --markdown what is seen at once")
    parser.add_argument("--fragment", action="store_true", help="make --latex a file for \\input, without a preamble")


def answer(options: argparse.Namespace) -> int:
    """Print what follows, and write the documents asked for."""
    asked = schemes(options, options.specs)
    with shown_runs(hint_of_values(options, asked)):
        found = derive(*asked, steps=options.steps or "all", **supposition_arguments(options))
    proved = _write(options, found)
    show(options, found.json, lambda: "\n".join([str(found), *_left_open(found, proved)]))
    return UNKNOWN if found.derivation.is_unknown else 0


def _write(options: argparse.Namespace, found: Derived) -> Certificate | None:
    """Write the files asked for, all or none; returns the certificate where one was asked for."""
    if options.short and options.latex is None and options.markdown is None:
        raise BadInput("--short: there is nothing to shorten; it goes with --latex FILE or --markdown FILE")
    if options.fragment and options.latex is None:
        raise BadInput("--fragment: it goes with --latex FILE")
    proof = cache(lambda: _proof(found))
    texts: dict[str, Callable[[], str]] = {
        "latex": lambda: found.latex(short=options.short, fragment=options.fragment),
        "markdown": lambda: found.markdown(short=options.short),
        "certificate": lambda: proof().text(),
        "smtlib": lambda: smtlib(proof()),
        "rocq": lambda: rocq(proof()),
    }
    asked: dict[str, str] = {}
    for name in DOCUMENTS:
        if (path := getattr(options, name)) is None:
            continue
        check_not_read(f"--{name}", path, options.specs)
        place = os.path.realpath(path)
        if place in asked:
            raise BadInput(f"--{asked[place]} and --{name} both name {path}: give two files")
        asked[place] = name
    write_all({getattr(options, name): texts[name]() for name in asked.values()})
    return proof() if any(f"--{name}" in PROOFS for name in asked.values()) else None


def _proof(found: Derived) -> Certificate:
    try:
        return certificate(found.derivation)
    except Unknown as problem:
        raise Unknown(f"{problem}; --latex and --markdown hold the proof, without {' and '.join(PROOFS)}") from None


def _left_open(found: Derived, proved: Certificate | None) -> Iterator[str]:
    """Which conditions are decided, and not by the certificate that was written."""
    if proved is None:
        return
    decisions = found.derivation.decisions
    less = [each for each in proved.left_open if decisions[each].status is not Status.UNKNOWN]
    if less:
        more = "; with --at it may prove more" if found.derivation.free else ""
        yield f"The certificate proves less of {', '.join(less)}, see gamma-calc verify{more}."
