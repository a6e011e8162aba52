"""Parameters: which are trained, and what they start from.

The factors of PEFT's LoRA on linear layers take what a scheme says of A and B; those on a table start as PEFT has them.
Of the others a matrix is random and a vector (a norm's weight, a bias, those of VeRA) given, with the entries that the
model's own init has, unless it is said how large it is: then it is random too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gamma_calc.algebra import Affine
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.scheme import Scheme
from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.initial_sizes import InitialSize, Matrix
from gamma_calc.tracing.sizes import ZERO
from gamma_calc.tracing.values import flat

FACTOR = re.compile(
    r"(?P<module>.*)\.(lora_|(?P<of_peft>lora_embedding_|vera_lambda_))(?P<factor>[ABdb])\.[^.]+(\.weight)?"
)
"""What PEFT calls the factors of LoRA on a linear layer; on a table, and of VeRA, which start as PEFT has them."""


@dataclass(frozen=True, slots=True)
class AdapterFactor:
    """A factor of an adapter, "A" or "B", or "d" or "b" of VeRA, and the module that it belongs to.

    `is_of_scheme`: a scheme says what it starts from and its rate, as it does of LoRA on a linear layer.
    """

    module: str
    factor: str
    is_of_scheme: bool = True


@dataclass(frozen=True, slots=True)
class Init:
    """What is chosen for one parameter: its name, the exponents of its entries and rate; no rate where it is frozen.

    An `initial` of None is zero; what `is_given` starts from its own values, which are not random.
    """

    name: str
    initial: Affine | None
    rate: Affine | None
    is_given: bool = False


def adapter_of(parameter: str) -> AdapterFactor | None:
    """The factor that a parameter of a PEFT model is, by its name.

    >>> adapter_of("model.layers.0.q_proj.lora_A.default.weight")
    AdapterFactor(module='model.layers.0.q_proj', factor='A', is_of_scheme=True)
    """
    found = FACTOR.fullmatch(parameter)
    return None if found is None else AdapterFactor(found["module"], found["factor"], found["of_peft"] is None)


@dataclass(frozen=True, slots=True)
class Inits:
    """What a scheme and a policy choose for the parameters of a model.

    `trained` are the names of those that require a gradient; `names` what parameters are called in the problem;
    `initial` says how large matrices are that no scheme speaks of, `stated` how large what is random at the start is
    said to be: a vector too; `summed` the dimensions of each that are summed over, `growth_of` how they grow.
    """

    trained: frozenset[str]
    names: Mapping[str, str]
    scheme: Scheme
    rates: Mapping[str, Affine]
    adapters: Mapping[str, AdapterFactor]
    initial: InitialSize
    stated: Mapping[str, Affine | None]
    summed: Mapping[str, tuple[int, ...]]
    growth_of: Callable[[Axis], Affine]

    def of(self, operation: Operation, dims: tuple[tuple[Axis, ...], ...]) -> Init:
        """What is chosen for a parameter, which has these axes."""
        name, is_trained = self.names[operation.parameter], operation.parameter in self.trained
        adapter = self.adapters.get(operation.parameter)
        if adapter is not None and adapter.is_of_scheme:
            rate = self.scheme[f"eta_{adapter.factor}"] if is_trained else None
            return Init(name, self._of_factor(adapter.factor, dims), rate)
        rate = self.rates[operation.parameter] if is_trained else None
        if operation.parameter in self.stated:
            return Init(name, self.stated[operation.parameter], rate)
        if operation.is_vector:
            return Init(name, None, rate, is_given=True)
        if adapter is not None:
            return Init(name, _of_table(operation), rate)
        growths = tuple(map(self._growth, dims))
        return Init(name, self.initial(Matrix(operation, growths, self.summed.get(operation.parameter, ()))), rate)

    def _growth(self, axes: Iterable[Axis]) -> Affine:
        return sum(map(self.growth_of, axes), ZERO)

    def _of_factor(self, factor: str, dims: tuple[tuple[Axis, ...], ...]) -> Affine | None:
        """What a factor starts from: A with entries of a power of its number of inputs, which may be fixed."""
        initial = self.scheme.form(factor)
        if initial is None or factor != "A":
            return initial
        inputs = self._growth(flat(dims[1:]))
        if not (initial.is_constant or inputs.is_constant):
            raise Unknown(f"an A of entries n^({initial}) in powers of its number of inputs, n^({inputs})")
        return initial * inputs.constant if inputs.is_constant else inputs * initial.constant


def _of_table(factor: Operation) -> Affine | None:
    """What PEFT starts a factor of a table from: zero, or entries of variance 1 at every width."""
    assert factor.values is not None
    return ZERO if any(bool(value.any()) for value in factor.values) else None
