"""What is trained, on how much, and how: everything of an experiment that does not depend on the run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.model_source import BUILT

SCHEMES = ("init-a", "init-b")
"""The two initialisations that the paper compares, by their names in the catalogue; the first is said to be better."""


@dataclass(frozen=True, slots=True)
class LanguageTraining:
    """How one run trains.

    Args:
        length: tokens of a text, or of a block of running text; longer texts are cut.
        head_rate: the learning rate of the classifier's head, the same for every run; PEFT trains it in full. A
            language model's head is frozen.
        targets: the layers that are adapted, or one regular expression; none for PEFT's own choice, which is the query
            and value projections.
        ratio: B's learning rate over A's.
        is_linear: whether the rate falls linearly to zero after a warm-up of 6 % of the steps; else it is constant.
    """

    steps: int = 60
    batch: int = 8
    length: int = 64
    rank: int = 8
    alpha: float = 8.0
    head_rate: float = 1e-3
    targets: tuple[str, ...] = ()
    is_linear: bool = False
    ratio: float = 1.0

    def __post_init__(self) -> None:
        if self.length < 4:
            raise BadInput("--length", found=str(self.length), expected="at least 4 tokens")


@dataclass(frozen=True, slots=True)
class Building:
    """A model that is built from a configuration and briefly trained before it is adapted.

    Without that its features are those of random weights, from which little can be learned by adapting them.

    Args:
        config: the JSON text of a configuration of transformers, built at this width and with so many layers; by
            default a RoBERTa or a Llama.
    """

    width: int = 128
    layers: int = 2
    head_width: int = 32
    vocabulary: int = 2048
    steps: int = 600
    batch: int = 16
    rate: float = 1e-3
    config: str = ""

    def __post_init__(self) -> None:
        if self.width < self.head_width or self.width % self.head_width:
            expected = f"a multiple of {self.head_width}"
            raise BadInput("--width", found=str(self.width), expected=expected)


@dataclass(frozen=True, slots=True)
class Plan:
    """One experiment: two schemes, a grid of rates, and seeds.

    Args:
        log2_rates: the lowest and the highest rate of the grid, an octave apart; it is made longer where the lowest
            loss lies at its end.
        held_out: the most validation examples or blocks, and the most test ones.
        schemes: names of the catalogue, or specs as text.
    """

    experiment: str
    name: str
    model: str
    data: str
    training: LanguageTraining
    building: Building
    log2_rates: tuple[int, ...]
    seeds: int
    held_out: int
    schemes: tuple[str, ...] = SCHEMES

    def __post_init__(self) -> None:
        if self.held_out < 2:
            raise BadInput("--held-out", found=str(self.held_out), expected="at least 2")
        if self.seeds < 2:
            raise BadInput("--seeds", found=str(self.seeds), expected="at least 2, for an interval")
        if len(self.log2_rates) < 3:
            found = ":".join(f"{2.0**rate:g}" for rate in (self.log2_rates[0], self.log2_rates[-1]))
            raise BadInput("--rates", found=found, expected="at least 3, one an octave: LOW:HIGH with 4 LOW <= HIGH")


ROBERTA, LLAMA = "roberta", "llama"
"""Classification and language modelling, each by the name of the paper's model of that kind."""

FULL = {
    name: Plan(name, "full", BUILT, data, LanguageTraining(steps=200), Building(), tuple(range(-12, -4)), 5, held_out)
    for name, data, held_out in ((ROBERTA, "stdlib", 256), (LLAMA, "pydoc", 128))
}
QUICK = {
    name: replace(
        plan,
        name="quick",
        training=replace(plan.training, steps=60, length=32),
        building=replace(plan.building, width=64, vocabulary=1024, steps=200),
        log2_rates=tuple(range(-10, -4)),
        seeds=3,
        held_out=128,
    )
    for name, plan in FULL.items()
}
