"""The scheme that a configuration implements, and where it is stable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from gamma_calc.algebra import EMPTY, Affine, parsed_affine
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import INTERNALLY_STABLE, STABLE, Condition, conditions_of
from gamma_calc.analysis.decision import Decision, decision
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.derivation.alpha import SCALE, AlphaReading
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface.adapter_config import AdapterConfig, check_alive
from gamma_calc.huggingface.dora import in_dora
from gamma_calc.huggingface.initial_factors import INITIALISATIONS, Initialisation, Start
from gamma_calc.program.models import FAN_OUT, RANK
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import INITIAL, ZERO, Scheme
from gamma_calc.program.spec_file import scheme_from_text

RATE = "eta"
ADAM = "adam"
RHO, SIGMA, LAMBDA, KAPPA = "rho", "sigma", "lambda", "kappa"
PHI = "phi"
"""The exponent of the fan-out."""
(OF_MICA,) = (each.b for each in INITIALISATIONS if each.is_b_frozen)
"""The power of the fan-out that a frozen B starts at."""
OUTPUT, CHANGE = "Z_B", "Delta_Z_B"
PICKED_ENTRY, PICKED_RATE = Affine.of(Fraction(1, 2)), Affine.of(1)
"""What an entry of an embedding's A_0, and the rate of A, are of the ones written for them in a linear layer.

A token picks one column of A, where a linear layer sums n coordinates. Updates of A are aligned with these: one power
of n less. A_0 is independent of them: half a power.
"""
PICKED = f"# An embedding: A_0 is n^({PICKED_ENTRY}) times, and A's rate n^{PICKED_RATE} times, what is written here."


@dataclass(frozen=True, slots=True)
class StableEdge:
    """Where a scheme with the one rate eta is stable, and what happens at its largest stable rate.

    `scheme` says how A and B start and move, `derivation` what follows in the module that they are in. `with_rank` is
    the largest stable rate with r = n^rho left free.
    """

    scheme: Scheme
    derivation: Derivation
    with_rank: LargestRate

    @property
    def stable(self) -> Decision:
        """Where the output stays bounded."""
        return self.derivation.decisions[STABLE.name]

    @property
    def internally_stable(self) -> Decision:
        """Where A Z does too."""
        return self.derivation.decisions[INTERNALLY_STABLE.name]

    @property
    def largest(self) -> LargestRate:
        """The largest stable rate."""
        return self.derivation.max_stable[RATE]


def linear_spec(
    config: AdapterConfig, optimizer: str, scale: str, rate_b: str = RATE, constant: str = ""
) -> str | None:
    """The spec of A and B that the configuration implements on a linear layer, as TOML; None where it depends on data.

    The rank is fixed, and one rate drives both factors: a ratio that stays the same at every width has exponent 0.

    Args:
        scale: the exponent of s.
        rate_b: the exponent of B's rate, where the ratio does not stay the same.
        constant: what is added to the exponent of initial entries.
    """
    start = config.initialisation
    if start.a is None or start.b is None:
        return None
    entries = {key: form if form == ZERO else form + constant for key, form in (("A", start.a), ("B", start.b))}
    return _spec(f"peft-{start.name}", start, optimizer, {**entries, "eta_A": RATE, "eta_B": rate_b, SCALE: scale})


def embedding_spec(config: AdapterConfig, optimizer: str, scale: str, rate_b: str = RATE) -> str | None:
    """The same of an embedding, as one of a linear layer; None where PEFT makes no adapter of it, or another module."""
    start, found = config.initialisation, config.initialisation.of_embedding
    if found is None or config.variants:
        return None
    a = found.a if found.a == ZERO else str(parsed_affine(found.a) - PICKED_ENTRY)
    forms = {"A": a, "B": found.b, "eta_A": f"{RATE} - {PICKED_RATE}", "eta_B": rate_b, SCALE: scale}
    return f"{PICKED}\n{_spec('peft-embedding', start, optimizer, forms)}"


def sure_rates(config: AdapterConfig, optimizer: str, *, of_embedding: bool = False) -> tuple[Affine, ...]:
    """Forms whose least is a rate at which a linear layer, or an embedding, is surely stable; little is left beside it.

    Exponents: r = n^rho, s = n^sigma, eta_B = eta_A n^lambda, and initial entries c = n^kappa times their power, where
    c is not 1. With that much free some sizes are only bounded from above, and stability from below.
    """
    rate_b = f"{RATE} + {LAMBDA}"
    if of_embedding:
        spec = embedding_spec(config, optimizer, SIGMA, rate_b)
    else:
        constant = "" if config.initialisation.constant == 1 else f" + {KAPPA}"
        spec = linear_spec(config, optimizer, SIGMA, rate_b, constant) if is_derived(config, optimizer) else None
    if spec is None:
        return ()
    free = _free_in_rank(scheme_from_text(spec))
    scheme, (stable,) = _asked(free, None if of_embedding else config, (STABLE,))
    bound = bounded(program_of(scheme), stable.bounded, scheme.domain, None)
    region = decision(stable, bound, is_free=True).region
    return largest_rate(RATE, region.members[0] if region.members else EMPTY).bounds or ()  # any part is surely stable


def is_derived(config: AdapterConfig, optimizer: str) -> bool:
    """Whether the module of a configuration is derived here: DoRA's where one factor starts at zero, by no raw step."""
    if not config.variants:
        return True
    return config.is_dora and config.initialisation.start is Start.NOTHING and not OPTIMIZERS[optimizer].step.degree


def adapter_scheme(config: AdapterConfig, scale: str = "0") -> Scheme:
    """The scheme that the configuration implements on a linear layer, under Adam; s is as at one rank, or as said.

    Raises:
        BadInput: nothing is trained, or no scheme says what the output starts from.
        Unknown: the sizes depend on data, or the equations are others.
    """
    check_alive(config)
    option = config.initialisation
    spec = linear_spec(config, ADAM, config.scale_exponent(AlphaReading.PROPORTIONAL))
    if spec is None or (config.variants and not config.is_dora):
        cause = ", ".join(config.variants) or f"init_lora_weights={json.dumps(option.option)}"
        raise Unknown(f"{cause}: its exponents cannot be read from the configuration; gamma-calc lint says why")
    if option.start is Start.CANCELLED:
        question = ", and gamma-calc transfer pissa --lr X --from-width N --to-width M its rates at one rank"
        rates = question if option.rewrites_base else ""
        raise BadInput(
            f"init_lora_weights={json.dumps(option.option)}: B_0 A_0 is taken out of the output, which no scheme says"
            + ("" if config.is_dora else f"; gamma-calc lint has its edge{rates}")
        )
    scheme = scheme_from_text(spec)
    return replace(scheme, exponents={**scheme.exponents, SCALE: parsed_affine(scale)})


def through_fan_out(scheme: Scheme, *, is_mica: bool) -> Scheme:
    """A scheme with the fan-out m = n^phi left free; that of MiCA has its frozen B at the size m^(-1/2).

    The left singular vectors of W have m coordinates. A spec writes sizes in n alone, and so B as n^(-1/2).

    Raises:
        BadInput: it is said to be MiCA's, and starts B otherwise, or trains it.
    """
    name = PHI
    while name in scheme.free:
        name += "_"
    phi = Affine.symbol(name)
    through = replace(scheme, exponents={**scheme.exponents, FAN_OUT: phi})
    if not is_mica:
        return through
    b = scheme.exponents[INITIAL[1]]
    if b is None or str(b) != OF_MICA or scheme.is_trained(INITIAL[1]):
        found = f"{ZERO if b is None else b}, {'trained' if scheme.is_trained(INITIAL[1]) else 'frozen'}"
        raise BadInput(f"{scheme.name}: B", found=found, expected=f"{OF_MICA} and frozen, as MiCA has it")
    return replace(through, exponents={**through.exponents, INITIAL[1]: b.constant * phi})


def edge(spec: str, config: AdapterConfig | None = None) -> StableEdge:
    """The stable region of a spec, in the module of a configuration; without one, of LoRA's from a zero product.

    Where B_0 A_0 is cancelled the output starts from the base model's, and what has to stay bounded is its change.
    """
    scheme = scheme_from_text(spec)
    with_rank = _derived(_free_in_rank(scheme), config, (STABLE,))
    return StableEdge(scheme, _derived(scheme, config, (STABLE, INTERNALLY_STABLE)), with_rank.max_stable[RATE])


def _free_in_rank(scheme: Scheme) -> Scheme:
    return replace(scheme, exponents={**scheme.exponents, RANK: Affine.symbol(RHO)})


def _derived(scheme: Scheme, config: AdapterConfig | None, conditions: tuple[Condition, ...]) -> Derivation:
    inside, asked = _asked(scheme, config, conditions)
    return derived(inside, conditions=asked)


def _asked(
    scheme: Scheme, config: AdapterConfig | None, conditions: tuple[Condition, ...]
) -> tuple[Scheme, tuple[Condition, ...]]:
    """The scheme in the module of a configuration, and the conditions on what is there in place of the output."""
    if config is not None and config.is_dora:
        inside, names = in_dora(scheme, Affine.symbol(RATE)), {each.name for each in conditions}
        return inside, tuple(each for each in conditions_of(inside.model) if each.name in names)
    output = CHANGE if config is not None and config.initialisation.start is Start.CANCELLED else OUTPUT
    return scheme, tuple(
        replace(each, bounded=tuple(output if name == OUTPUT else name for name in each.bounded)) for each in conditions
    )


def _spec(name: str, start: Initialisation, optimizer: str, forms: Mapping[str, str]) -> str:
    """A spec as text; `scale` in a form is replaced by what it stands for, to which a spec itself cannot refer."""
    scale = {SCALE: parsed_affine(forms[SCALE])}
    written = {
        key: str(parsed_affine(form).substituted(scale)) if SCALE in form else form for key, form in forms.items()
    }
    lines = [f'name = "{name}"', f'optimizer = "{optimizer}"', "[exponents]"]
    lines += [f'{key} = "{form}"' for key, form in written.items()]
    lines += ["[trained]", "B = false"] if start.is_b_frozen else []
    return "\n".join(lines)
