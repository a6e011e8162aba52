"""The checker of certificates, which knows affine forms and nothing else of the package; see docs/certificate.md."""

from gamma_calc.derivation.checker.claims import Verified, verified
from gamma_calc.derivation.checker.proofs import Malformed, Refuted

__all__ = ["Malformed", "Refuted", "Verified", "verified"]
