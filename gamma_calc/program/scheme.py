"""A scheme: the exponents that a fine-tuning recipe for LoRA chooses, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from gamma_calc.algebra import (
    Affine,
    AffineLike,
    Constraint,
    Equality,
    Inequality,
    Polyhedron,
    exact,
    parsed_affine,
    parsed_inequality,
)
from gamma_calc.errors import BadInput, named_in, nearest, quoted
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Trained
from gamma_calc.program.models import BESIDE, EXTRA, FACTOR_RATES, INIT, MODULE, MOVES, RANK, RATE, Model
from gamma_calc.program.optimizers import OPTIMIZERS, SIMPLE, Moments, Optimizer, Raw, descent, named_optimizer

REQUIRED, KEYS, CAN_BE_ZERO = MODULE.required, MODULE.keys, MODULE.can_be_zero
INITIAL, RATES = MODULE.parameters, MODULE.rates
ZERO = "zero"
"""What stands for None in a text."""
NEAR_ZERO = re.compile(r"\w?z?ero|z\w?e?ro|ze\w?r?o|zer\w?o?|zero\w", re.IGNORECASE)
"""What is within one edit of it."""
A_RATE = re.compile(r"0?\.00\d+|\d+(\.\d+)?e[-+]?\d+", re.IGNORECASE)
"""A number that nobody writes for an exponent, and everybody for a learning rate."""
TOP = ("name", "optimizer", "model", "exponents", "parameters", "trained", "domain")
"""The keys of a scheme's file."""
RESERVED = frozenset((*TOP, *KEYS, "between", "T")) - {RANK}
"""Words of a scheme's file, and the number of steps in answers, which name no free exponent in it."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")
NAME_RULE = "up to 64 letters, digits, blanks or . _ + -"
LARGEST = 10**30
"""What the numerator and the denominator of a value stay below."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Scheme:
    """Init, learning rates, scale, rank and optimiser of a network, as exponents of the width.

    `exponents` holds one affine form a key of the `model` (None: zero, such as a factor that starts there). A form
    other than that of the rank may refer to `rank`, so "-rank/2" is a variance of 1/r whatever the rank. `trained` are
    the factors that are trained, without those single parameters that are `frozen`; `between` are the inequalities
    declared on the free exponents. A factor that is not trained needs no rate. Texts are read as those of a spec file
    are, numbers as forms, and the name of an optimiser as the optimiser.

    Raises:
        BadInput: a value is none that a spec file may have, a key is missing or unknown, what has to be a power of the
            width is zero, an axis would shrink with the width, the rank would outgrow it, or the declared domain is
            empty.

    >>> Scheme("mine", {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta + 1"})
    <mine under adam: A -1/2, B zero, eta_A eta, eta_B eta + 1>
    """

    name: str
    exponents: Mapping[str, Affine | None]
    optimizer: Optimizer = OPTIMIZERS["adam"]
    trained: frozenset[str] = frozenset(INITIAL)
    between: tuple[Constraint, ...] = ()
    model: Model = MODULE
    frozen: frozenset[str] = frozenset()

    if TYPE_CHECKING:  # what is read is more than what is kept

        def __init__(
            self,
            name: str,
            exponents: Mapping[str, AffineLike | str | None],
            optimizer: Optimizer | str = ...,
            trained: Collection[str] = ...,
            between: Sequence[Constraint | str] = ...,
            model: Model = ...,
            frozen: frozenset[str] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise BadInput(f"name: found {quoted(self.name)}, expected {NAME_RULE}")
        trained = _trained(self.trained)
        read = {
            "exponents": _exponents(self.exponents, self.model, trained),
            "optimizer": _optimizer(self.optimizer),
            "trained": trained,
            "between": _inequalities(self.between),
        }
        for name, value in read.items():
            object.__setattr__(self, name, value)
        _check_keys(self)
        _check_rule(self)
        defaults = {key: form for key, form in self.model.defaults.items() if key not in (*EXTRA, *BESIDE)}
        object.__setattr__(self, "exponents", MappingProxyType({**defaults, **self.exponents}))
        _check_free(self)
        if self.domain.is_empty:
            raise BadInput(f"{self.name}: no value of the free exponents is left: {_axis_rules(self)}")

    def __repr__(self) -> str:
        said = {key: form for key, form in self.exponents.items() if self.model.defaults.get(key, "none") != form}
        forms = ", ".join(f"{key} {ZERO if form is None else form}" for key, form in said.items())
        return f"<{self.title}: {forms}>"

    def __hash__(self) -> int:
        shape = self.model, self.trained, self.frozen
        return hash((self.name, tuple(self.exponents.items()), self.optimizer, self.between, *shape))

    def __reduce__(self) -> tuple[type[Scheme], tuple[Any, ...]]:
        shape = self.trained, self.between, self.model, self.frozen
        return Scheme, (self.name, dict(self.exponents), self.optimizer, *shape)

    def __getitem__(self, key: str) -> Affine:
        """The exponent of a key, with `rank` replaced by what it stands for."""
        value = self.form(key)
        if value is None and key not in self.exponents:
            known = ", ".join(self.exponents)
            raise BadInput(f"{self.name}: a key", found=key, expected=f"one of {known}", choices=self.exponents)
        if value is None:
            raise BadInput(f"{self.name}: {key} is zero and has no exponent")
        return value

    def parameter(self, name: str, shape: tuple[Axis, ...]) -> Trained:
        """A parameter with the exponents of its keys."""
        init, rate = map(self.form, self.keys_of(name))
        beside: dict[str, Any] = {key: self.form(key) for key in MOVES}
        return Trained(name, shape, init, rate or Affine.of(0), self.is_trained(name), **beside)

    def keys_of(self, name: str) -> tuple[str, str]:
        """The keys of a parameter's init and rate: its own, or those that it shares with others, as A[2] does A's."""
        factor = name.partition("[")[0]

        def key(own: str, shared: str) -> str:
            return own if own in self.exponents or factor not in INITIAL else shared

        return key(f"{name}.{INIT}", factor), key(f"{name}.{RATE}", f"eta_{factor}")

    def form(self, key: str) -> Affine | None:
        """The exponent of a key, with `rank` replaced by what it stands for; None for zero, or no such key."""
        value = self.written(key)
        rank = self.exponents.get(RANK)
        return value if value is None or rank is None or key == RANK else value.substituted({RANK: rank})

    def written(self, key: str) -> Affine | None:
        """The exponent of a key as it is written; n^0 where nothing is and the optimiser has a number for it."""
        return self.exponents.get(key, Affine.of(0) if key in dict(self.optimizer.numbers) else None)

    def simple_step(self, asked: str) -> Raw | Moments:
        """The step of an optimiser that is no more than one, as a student and an optimiser of torch take it.

        Raises:
            BadInput: it is another one.
        """
        optimizer = self.optimizer
        if optimizer.update is not descent or not isinstance(optimizer.step, Raw | Moments):
            raise BadInput(asked, found=f"the optimiser {optimizer.name}", expected=f"one of {', '.join(SIMPLE)}")
        if self.form("epsilon") is not None:
            raise BadInput(asked, found="an epsilon of its own", expected="one that is negligible, as without the key")
        return optimizer.step

    def is_trained(self, name: str) -> bool:
        """Whether a parameter is trained: a factor, the factor of one layer such as B[2], or a weight."""
        factor = name.partition("[")[0]
        return (factor in self.trained or factor not in INITIAL) and name not in self.frozen

    @property
    def title(self) -> str:
        """The scheme and its optimiser, as headings name them."""
        return f"{self.name} under {self.optimizer.name}"

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents, in the order in which the keys mention them."""
        forms = (self.form(key) for key in self.model.keys if key in self.exponents)
        return tuple(dict.fromkeys(name for form in forms if form is not None for name in form.free))

    @property
    def rates(self) -> tuple[str, ...]:
        """The free exponents that occur in a learning rate."""
        rates = [self[key] for key in self.model.rates if key in self.exponents]
        return tuple(name for name in self.free if any(name in rate.free for rate in rates))

    @property
    def trained_rates(self) -> Mapping[str, str]:
        """The key of the learning rate of each trained parameter, such as {"A": "eta_A"} or {"B[2]": "B[2].rate"}."""
        names = {key.removeprefix("eta_").removesuffix(f".{RATE}"): key for key in self.model.rates}
        return {name: key for name, key in names.items() if key in self.exponents and self.is_trained(name)}

    @property
    def domain(self) -> Polyhedron:
        """Where the free exponents live: the declared inequalities, no axis shrinks, and the rank is at most n."""
        return Polyhedron.of(*self.declared, *map(Inequality, self.axis_forms))

    @property
    def declared(self) -> tuple[Constraint, ...]:
        """The declared inequalities, with what the rank stands for, where there is one, in its place."""
        rank = {RANK: self[RANK]} if RANK in self.exponents else {}
        return tuple(rule.substituted(rank) for rule in self.between)

    @property
    def axis_forms(self) -> tuple[Affine, ...]:
        """What an axis may be asks to be at least 0: no axis shrinks, and a rank is at most the width."""
        limits = ((self[key], *((Affine.of(1) - self[key],) if key == RANK else ())) for key in self.model.sizes)
        return tuple(form for forms in limits for form in forms)

    def at(self, values: Mapping[str, AffineLike | str]) -> Scheme:
        """The scheme with some free exponents replaced, exactly: by numbers, by forms, or by texts of such.

        Raises:
            BadInput: a name is not free in this scheme, its value is no exponent, or it breaks one of `between`.
        """
        for name in values:
            if name not in self.free:
                free = f"its free exponents are {', '.join(self.free)}" if self.free else "it has none"
                raise BadInput(f"{self.name}: {name!r} is not a free exponent; {free}.{nearest(name, self.free)}")
        forms = {name: nonzero_form(f"the value of {name}", value) for name, value in values.items()}
        exponents = {key: form if form is None else form.substituted(forms) for key, form in self.exponents.items()}
        between = tuple(rule.substituted(forms) for rule in self.between)
        for rule, there in zip(self.between, between, strict=True):
            if Polyhedron.of(there).is_empty:
                given = ", ".join(f"{name} = {form}" for name, form in forms.items() if name in rule.form.free)
                raise BadInput(f"{self.name}: between: {rule} does not hold at {given}")
        return replace(self, exponents=exponents, between=between)

    def under(self, optimizer: str) -> Scheme:
        """The same scheme under another optimiser."""
        return replace(self, optimizer=named_optimizer(optimizer))


def is_name(name: object) -> bool:
    """Whether a scheme can be called so: a name that is also a file's, on every system."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _check_rule(scheme: Scheme) -> None:
    """That the optimiser has a use for what is said of its update rule."""
    rule = scheme.optimizer
    for key in ("momentum", *BESIDE):
        if scheme.exponents.get(key) is not None and key not in rule.keys:
            users = ", ".join(each.name for each in OPTIMIZERS.values() if key in each.keys)
            found = quoted(str(scheme.exponents[key]))
            known = f"{rule.name} has no {key}; leave it out, or take an optimizer that has one: {users}"
            raise BadInput(f"{scheme.name}: {key}: found {found}, but {known}")


def _exponents(given: object, model: Model, trained: Collection[str]) -> dict[str, Affine | None]:
    if not isinstance(given, Mapping):
        keys = ", ".join(model.required)
        raise BadInput(f"exponents: found {quoted(given)}, expected a table from {keys} and the like")
    known, can_be_zero = frozenset(model.keys), frozenset(model.can_be_zero)
    for key in given:
        if key not in known:
            expected = ", ".join(key for key in model.keys if key not in model.own)
            raise BadInput(f"unknown exponent {quoted(key)}: expected {expected}.{nearest(str(key), model.keys)}")
    read = {key: exponent_form(key, value, can_be_zero) for key, value in given.items()}
    # No step uses the rate of a factor that is not trained: that of the other one stands for it.
    shared = next((read[key] for key in FACTOR_RATES if key in read), Affine.of(0))
    unused = (key for name, key in zip(INITIAL, FACTOR_RATES, strict=True) if name not in trained)
    return {**read, **{key: shared for key in unused if key in model.required and key not in read}}


def exponent_form(key: str, value: object, can_be_zero: Collection[str]) -> Affine | None:
    """A value as an affine form; None where it is zero.

    Raises:
        BadInput: it is no exponent that a spec file may have.
    """
    if value is None or type(value) is Affine:
        return value
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return constant_form(key, value)
    check_no_rate(key, value)
    if not isinstance(value, str):
        raise BadInput(f'{key}: found {quoted(value)}, expected an affine form as a string, such as "-1/2"')
    if key in can_be_zero:
        if value.strip() == ZERO:
            return None
        if NEAR_ZERO.fullmatch(value.strip()):
            expected = f"{ZERO}, or an exponent of a name less like it"
            raise BadInput(key, found=value, expected=expected, choices=(ZERO,))
    return _named(key, parsed_affine, value)


def check_no_rate(asked: str, value: object) -> None:
    """That a number is no learning rate, such as 2e-4, where an exponent of the width is meant.

    Raises:
        BadInput: it is written as one.
    """
    if isinstance(value, str | float) and A_RATE.fullmatch(str(value).strip()):
        expected = "an exponent, such as -1/2 for n^(-1/2); a rate itself goes to gamma-calc transfer, with --lr"
        raise BadInput(asked, found=value, expected=expected)


def nonzero_form(key: str, value: object, expected: str = 'an exponent, such as "-1/2"') -> Affine:
    """A value as an affine form, where it cannot be zero.

    Raises:
        BadInput: it is no exponent that a spec file may have.
    """
    form = exponent_form(key, value, ())
    if form is None:
        raise BadInput(key, found=value, expected=expected)
    return form


def constant_form(asked: str, value: object) -> Affine:
    """A number as a form.

    Raises:
        BadInput: it is not exact, or has more digits than one in a text may have.
    """
    number = exact(value)
    if max(abs(number.numerator), number.denominator) >= LARGEST:
        raise BadInput(asked, found=value, expected="numbers of at most 30 digits")
    return Affine.of(number)


def _optimizer(given: object) -> Optimizer:
    if isinstance(given, Optimizer):
        return given
    if not isinstance(given, str):
        raise BadInput(f'optimizer: found {quoted(given)}, expected a string such as "adam"')
    return named_optimizer(given)


def _trained(given: object) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Collection) or not all(each in INITIAL for each in given):
        raise BadInput(f"trained: found {quoted(given)}, expected a collection of {' and '.join(INITIAL)}")
    return frozenset(given)


def _inequalities(given: object) -> tuple[Constraint, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(each, str | Inequality | Equality) for each in given):
        raise BadInput(f'between: found {quoted(given)}, expected a list of inequalities such as ["0 <= k"]')
    read = ((rule,) if not isinstance(rule, str) else _named("between", parsed_inequality, rule) for rule in given)
    return tuple(rule for rules in read for rule in rules)


def _named(key: str, parse: Callable[..., T], text: str) -> T:
    """What `parse` makes of a text, with the key in its complaint and no key of the file among its names."""
    with named_in(key):
        return parse(text, forbidden=RESERVED)


def _check_keys(scheme: Scheme) -> None:
    model = scheme.model
    unrated = {f"{name}.{RATE}" for name in scheme.frozen}
    for key in model.required:
        if key not in scheme.exponents and key not in unrated:
            table, _, own = key.rpartition(".")
            where = f"[parameters.{table}]" if table else "[exponents]"
            raise BadInput(f'{scheme.name}: the exponent {key} is missing; write {own} = "..." under {where}')
    can_be_zero = frozenset(model.can_be_zero)
    for key, value in scheme.exponents.items():
        if value is None and key not in can_be_zero:
            *others, last = (key for key in model.can_be_zero if key not in model.own)
            raise BadInput(f"{scheme.name}: {key} cannot be zero; only {', '.join(others)} and {last} can")
    for name in scheme.frozen:
        if f"{name}.{RATE}" in scheme.exponents:
            raise BadInput(f"{scheme.name}: {name} is frozen and has a rate; leave one of the two out")


def _check_free(scheme: Scheme) -> None:
    if RANK in scheme.exponents and RANK in scheme[RANK].free:
        raise BadInput(f"{scheme.name}: the exponent of the rank cannot refer to itself")
    for rule in scheme.between:
        for name in rule.form.free:
            if name not in scheme.free and name != RANK:
                raise BadInput(
                    f"{scheme.name}: the domain speaks of {name!r}, which no exponent uses.{nearest(name, scheme.free)}"
                )


def _axis_rules(scheme: Scheme) -> str:
    rules = [
        f"{'0 <= rank <= 1' if key == RANK else f'{key} >= 0'} with {key} = {scheme[key]}" for key in scheme.model.sizes
    ]
    return "; ".join([*rules, *(f"{rule}" for rule in scheme.between)])
