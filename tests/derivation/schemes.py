"""The schemes whose documents are looked at: the catalogue, and specs that strain the layout."""

from __future__ import annotations

from functools import cache

from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

# Both initial factors random and the rank free: components of both parities, and sizes only bounded from above.
PARITIES = """
name = "parities"
[exponents]
A = "-1/2"
B = "q"
eta_A = "eta"
eta_B = "eta"
rank = "rho"
"""
SIX_FREE = """
name = "six free"
optimizer = "sgd"
[exponents]
A = "p - 1/2"
B = "q/3"
eta_A = "xi"
eta_B = "zeta - 1/7"
scale = "-k*5/3"
rank = "rho"
[domain]
between = ["0 <= k", "k <= 1"]
"""
# The longest names and numbers that a spec may hold.
LONGEST = """
name = "a-name_of sixty.four + characters which is as long as it may get"
optimizer = "sgd"
[exponents]
A = "p23456789012345678901234567890_1*123456789012345678901234567890/123456789012345678901234567891 - 1/2"
B = "q23456789012345678901234567890_1/987654321098765432109876543210"
eta_A = "abcdefghijklmnopqrstuvwxyz012345"
eta_B = "eta_bcdefghijklmnopqrstuvwxyz012 - 1/7"
scale = "-kbcdefghijklmnopqrstuvwxyz012345"
rank = "rhodefghijklmnopqrstuvwxyz012345"
"""
FROZEN = """
name = "frozen"
[exponents]
A = "-1/2"
B = "zero"
eta_A = "0"
eta_B = "eta"
[trained]
A = false
"""
STACK = """
name = "stack"
[exponents]
A = "-1/2"
B = "zero"
eta_A = "eta"
eta_B = "eta"
[model]
kind = "lora-stack"
depth = 3
norm = true
"""
SPECS = {"stack": STACK, "parities": PARITIES, "six free": SIX_FREE, "longest": LONGEST, "frozen": FROZEN}


def scheme(name: str, optimizer: str = "") -> Scheme:
    found = scheme_from_text(SPECS[name]) if name in SPECS else catalogue_scheme(name)
    return found.under(optimizer) if optimizer else found


@cache
def derivation(name: str, optimizer: str = "", horizon: int | None = None) -> Derivation:
    return derived(scheme(name, optimizer), horizon)
