"""Where rules come from. Papers whose theorem numbers could not be checked are cited by statement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A bibliographic entry; `key` is how a rule cites it."""

    key: str
    authors: str
    title: str
    year: int
    identifier: str

    def __str__(self) -> str:
        return f"{self.authors}. {self.title}. {self.year}. {self.identifier}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A paper and the statement in it that is used."""

    paper: Paper
    statement: str

    def __str__(self) -> str:
        return f"[{self.paper.key}] {self.statement}"


HAYOU_INIT = Paper(
    "hayou2024impact",
    "S. Hayou, N. Ghosh, B. Yu",
    "The Impact of Initialization on LoRA Finetuning Dynamics",
    2024,
    "arXiv:2406.08447",
)
HAYOU_PLUS = Paper(
    "hayou2024loraplus",
    "S. Hayou, N. Ghosh, B. Yu",
    "LoRA+: Efficient Low Rank Adaptation of Large Models",
    2024,
    "arXiv:2402.12354",
)
YANG = Paper(
    "yang2021feature",
    "G. Yang, E. J. Hu",
    "Tensor Programs IV: Feature Learning in Infinite-Width Neural Networks",
    2021,
    "arXiv:2011.14522",
)
EVERETT = Paper(
    "everett2024scaling",
    "K. Everett et al.",
    "Scaling Exponents Across Parameterizations and Optimizers",
    2024,
    "arXiv:2407.05872",
)
BACCELLI = Paper(
    "baccelli1992synchronization",
    "F. Baccelli, G. Cohen, G. J. Olsder, J.-P. Quadrat",
    "Synchronization and Linearity: An Algebra for Discrete Event Systems",
    1992,
    "Wiley",
)
JORDAN = Paper(
    "jordan2024muon",
    "K. Jordan et al.",
    "Muon: An Optimizer for Hidden Layers in Neural Networks",
    2024,
    "https://kellerjordan.github.io/posts/muon/",
)
KINGMA = Paper(
    "kingma2015adam", "D. P. Kingma, J. Ba", "Adam: A Method for Stochastic Optimization", 2015, "arXiv:1412.6980"
)
PASCANU = Paper(
    "pascanu2013difficulty",
    "R. Pascanu, T. Mikolov, Y. Bengio",
    "On the Difficulty of Training Recurrent Neural Networks",
    2013,
    "arXiv:1211.5063",
)
LOSHCHILOV = Paper(
    "loshchilov2019decoupled",
    "I. Loshchilov, F. Hutter",
    "Decoupled Weight Decay Regularization",
    2019,
    "arXiv:1711.05101",
)
ZHANG = Paper(
    "zhang2019root",
    "B. Zhang, R. Sennrich",
    "Root Mean Square Layer Normalization",
    2019,
    "arXiv:1910.07467",
)
VASWANI = Paper(
    "vaswani2017attention",
    "A. Vaswani et al.",
    "Attention Is All You Need",
    2017,
    "arXiv:1706.03762",
)
THIS = Paper(
    "gammacalc", "The gamma_calc authors", "gamma_calc: the rules of the calculus, calculus/rules.py", 2026, ""
)
