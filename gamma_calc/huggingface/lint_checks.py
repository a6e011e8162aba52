"""Checks of a configuration: its initialisation, its scale and its rate, and what PEFT's LoRA+ helper makes of it."""

from __future__ import annotations

from gamma_calc.algebra import Affine
from gamma_calc.analysis.conditions import factors_of
from gamma_calc.analysis.two_modules import two_are_stable
from gamma_calc.derivation.alpha import AlphaReading
from gamma_calc.errors import quoted
from gamma_calc.huggingface.adapter_config import OTHERS
from gamma_calc.huggingface.adapter_keys import DORA, QALORA
from gamma_calc.huggingface.dora import MAGNITUDE
from gamma_calc.huggingface.implemented_scheme import RATE, RHO, StableEdge, edge, is_derived, linear_spec
from gamma_calc.huggingface.initial_factors import Start
from gamma_calc.huggingface.layer_names import ALL_LINEAR, IN_BLOCKS
from gamma_calc.huggingface.lint_case import EMBEDDING, LINEAR, MEASURED, Case, Check, Severity, power
from gamma_calc.program.models import RANK
from gamma_calc.program.scheme import INITIAL, ZERO

DERIVE_DORA = "gamma-calc derive dora"
DERIVE, EXPONENTS = f"gamma-calc derive {LINEAR}", f"gamma-calc exponents {LINEAR}"
RANK_LAW = f"gamma-calc transfer {LINEAR} --lr 1 --from-width 1024 --to-width 1024 --from-rank 8 --to-rank 16"
EMBEDDING_DERIVE = f"gamma-calc derive {EMBEDDING}"
TWO_RATES = "gamma-calc compare lora-plus-a init-a"
GROWING_RATIO = "gamma-calc compare lora-plus-a lora-plus-b"

RANDOM_B = (
    "It wants A zero and B random (lora-plus-b): PEFT has no option for that, so write them after the model is wrapped."
)

NEAR = 2
"""A rate below the edge by less than this factor is worth a warning: the constant is known no better."""


def _odd_ranks(case: Case) -> list[int]:
    """The odd ranks of linear layers under an initialisation that needs even ones."""
    ranks = [rank for rank, _ in case.config.linear_sizes.values()]
    return [rank for rank in ranks if rank % 2 and case.config.initialisation.needs_even_rank]


def _by_patterns(case: Case) -> str:
    """Which layers are spoken of, where the patterns make several kinds, and which keys are not read."""
    config = case.config
    size = config.rank, config.alpha
    kind = next(name for name, each in config.linear_sizes.items() if each == size)
    keys = ", ".join(map(quoted, config.unread))
    return (
        "rank_pattern or alpha_pattern gives layers a rank, and so a scale, of their own: what is said here, but for "
        f"the edge under a rate, holds for those with r = {size[0]} and lora_alpha = {size[1]:g}, as {kind or OTHERS}."
        + (f" Which layers {keys} takes is not read from the expression." if keys else "")
    )


def _beside_experts(case: Case) -> str:
    """What PEFT's ParamWrapper does not take beside target parameters; nothing where there is no such thing."""
    config, start = case.config, case.config.initialisation
    if not config.parameters:
        return ""
    others = {
        f"lora_dropout = {config.dropout:g}": config.dropout,
        f"init_lora_weights={start.name}": start.needs_weight,
        "lora_bias": config.has_lora_bias,
        "fan_in_fan_out": config.is_transposed,
    }
    return ", ".join((*_variants(case), *(name for name, is_set in others.items() if is_set)))


def _beside_embeddings(case: Case) -> str:
    """What PEFT's Embedding does not take, where some target is one by name."""
    config, start = case.config, case.config.initialisation
    if not case.config.embeddings:
        return ""
    others = {
        f"init_lora_weights={start.name}": start.of_embedding is None,
        "lora_bias": config.has_lora_bias,
        "trainable_token_indices": config.has_adapted_tokens,
    }
    variants = (name for name in _variants(case) if name != DORA)
    return ", ".join((*variants, *(name for name, is_set in others.items() if is_set)))


def _refused_together(case: Case) -> str:
    """What PEFT takes on no layer: two variants at once, a bias of B with most options, and keys that exclude others.

    An initialisation that freezes B counts as a variant.
    """
    config, start = case.config, case.config.initialisation
    start_named = f"init_lora_weights={start.name}"
    at_once = (*_variants(case), *((start_named,) if start.is_b_frozen else ()))
    if config.has_lora_bias and len(at_once) < 2:
        at_once = ("lora_bias", *(name for name in _variants(case) if name == DORA))
        at_once += () if isinstance(start.option, bool) else (start_named,)
    together = [f"{' and '.join(at_once)} together"] if len(at_once) > 1 else []
    return ", ".join((*together, *config.refused))


def _other_form(case: Case) -> str:
    """What PEFT reads otherwise in a text than in a list; nothing where it is said as it should be."""
    config = case.config
    if config.has_expression and config.targets[0] in IN_BLOCKS:
        (name,) = config.targets
        return (
            f'target_modules is a text, which PEFT takes for an expression of a whole name: "{name}" is no module\'s. '
            f'["{name}"] takes those whose name ends so.'
        )
    if not config.has_expression and ALL_LINEAR in config.targets:
        return f'In a list PEFT takes "{ALL_LINEAR}" for the name of a module; by itself it is every linear layer.'
    return ""


def _is_unfrozen(case: Case) -> bool:
    """Whether A starts at zero, as beside a frozen B, and B is trained."""
    return case.config.initialisation.a == ZERO and not case.config.initialisation.is_b_frozen


def _variants(case: Case) -> tuple[str, ...]:
    """The variants that PEFT compares with what a layer takes: QALoRA is left aside where a layer is not quantised."""
    return tuple(name for name in case.config.variants if name != QALORA)


def _internal_growth(case: Case) -> str:
    assert case.edge is not None
    size = case.edge.derivation.at_max["Z_A"].upper if case.edge.derivation.at_max else "1/2"
    return (
        f"The entries of A do not shrink as the width grows ({case.config.initialisation.spread}), so A Z grows as "
        f"{power('n', str(size))} whatever the rate: no learning rate keeps it bounded. {_size_of_features(case)}"
        "init_lora_weights=true draws A with standard deviation of order n^(-1/2)."
    )


def _size_of_features(case: Case) -> str:
    """How large A Z is at the start at one width: the root of n entries of A's size; nothing without a width."""
    initial = None if case.edge is None else case.edge.scheme.exponents[INITIAL[0]]
    if case.width is None or initial is None or case.config.has_only_embeddings:
        return ""
    n, r = float(case.width), float(case.config.rank)
    powers = n ** (float(initial.constant) + 1 / 2) * r ** float(initial.coefficient(RANK))
    size = case.config.initialisation.constant * powers
    return f"At n = {case.width}, r = {case.config.rank} it starts near {size:.2g} times the size of Z. "


def _has_no_internal_rate(case: Case) -> bool:
    return case.edge is not None and case.edge.internally_stable.region.is_empty


def _grows_at_the_edge(case: Case) -> bool:
    if case.edge is None or not case.edge.derivation.at_max or _has_no_internal_rate(case):
        return False
    size = case.edge.derivation.at_max["Z_A"].upper
    return any(piece.is_constant and piece.constant > 0 for piece in size.pieces)


def _edge_growth(case: Case) -> str:
    assert case.edge is not None
    found = case.edge
    size = power("n", str(found.derivation.at_max["Z_A"].upper))
    return (
        f"At the largest stable rate, {power('n', str(found.largest.value))}, A Z grows as {size}; it stays bounded "
        f"where {found.internally_stable.region}."
    )


def _undertrained(case: Case) -> str:
    assert case.edge is not None
    names = _factors(case)
    return f"{_shares(case.edge, names)}: {'it hardly learns' if len(names) == 1 else 'they hardly learn'}."


def _factors(case: Case) -> tuple[str, ...]:
    """The factors that hardly learn."""
    return () if case.edge is None else tuple(each for each in case.edge.derivation.undertrained if each in INITIAL)


def _shares(found: StableEdge, names: tuple[str, ...]) -> str:
    """By how much each of some parameters changes the output at the largest stable rate."""
    parts = {each.name: each.contribution for each in factors_of(found.derivation.scheme.model)}
    sizes = [
        f"{name} changes the output by {power('n', str(found.derivation.at_max[parts[name]].upper))}" for name in names
    ]
    return f"At the largest stable rate, {power('n', str(found.largest.value))}, {' and '.join(sizes)}"


def _other_equations(case: Case) -> str:
    changed = f"{', '.join(case.config.variants)} changes the module's equations; its stable region is not derived here"
    if not case.config.is_dora:
        return f"{changed}."
    if case.config.has_only_embeddings or is_derived(case.config, case.optimizer):
        return f"{changed} of embeddings."
    if case.config.initialisation.start is Start.CANCELLED:
        return f"{changed} where the product of A and B is taken out of the base weights."
    return f"{changed} where both factors start random or a step is raw. gamma-calc model has a model's."


def _has_slow_magnitudes(case: Case) -> bool:
    return case.linear is not None and MAGNITUDE in case.linear.derivation.undertrained


def _slow_magnitudes(case: Case) -> str:
    assert case.linear is not None
    return (
        f"{_shares(case.linear, (MAGNITUDE,))}: DoRA's magnitudes hardly learn at the rate of A and B. At one of their "
        "own, which stays as the width grows, they learn too."
    )


def _embedding_start(case: Case) -> str:
    start = case.config.initialisation.of_embedding
    assert case.embedding is not None and start is not None
    rate = case.embedding.largest
    begun = (
        f"By name {', '.join(case.config.embeddings)} is an embedding, and there PEFT starts with {start.spread}. "
        f"Its largest stable rate is {power('n', str(rate.value))}"
    )
    least = None if case.linear is None else case.linear.largest.exponent
    is_slow = least is not None and rate.exponent is not None and least < rate.exponent
    if not is_slow or case.loraplus_ratio is not None:
        return f"{begun}."
    return f"{begun}: at a rate that linear layers bear it hardly moves, and one rate drives all layers."


def _rank_law(case: Case) -> str:
    assert case.edge is not None and case.edge.with_rank.bounds is not None
    bound = min(case.edge.with_rank.bounds, key=lambda each: each.constant)
    growth = bound.coefficient(RHO)
    alone = "does not depend on the rank" if growth == 0 else f"goes as {power('r', growth)}"
    kept = "kept" if case.alpha is AlphaReading.FIXED else "kept in proportion to r"
    other = AlphaReading.PROPORTIONAL if case.alpha is AlphaReading.FIXED else AlphaReading.FIXED
    return (
        f"With lora_alpha {kept} as the rank changes, the largest stable rate {alone}, while r is small against n. "
        f"One configuration does not say what alpha does then; --alpha {other.value} reads it the other way."
    )


def position(case: Case) -> str:
    """Where the rate stands, in words."""
    edge, rate, config = case.rate_edge, case.learning_rate, case.config
    assert edge is not None and rate is not None and case.position is not None
    entries = 1 if case.config.has_only_embeddings else config.initialisation.constant
    constant = "" if entries == 1 else f", c = {entries:g} of the initial entries"
    square = " and a fan-out of the same size" if config.initialisation.is_b_of_fan_out else ""
    layers = f" for {edge.layers}" if edge.layers else ""
    return (
        f"The rate {rate:g} is {case.position:.3g} times the edge of the stable rates{layers}, {edge.law} = "
        f"{edge.rate:.2g} at n = {case.width}, r = {edge.rank}, s = {edge.scale:g}{constant}{square}, its constant "
        "taken as 1"
    )


def _is_for_one_only(case: Case) -> bool:
    """Whether two adapters on one residual stream are not stable at the largest rate of one."""
    return case.linear is not None and not case.config.variants and _is_too_much_for_two(case.linear)


def _is_too_much_for_two(edge: StableEdge) -> bool:
    largest = edge.largest.exponent
    return largest is not None and two_are_stable(edge.scheme.at({RATE: Affine.of(largest)})) is False


def _fixed_ratio(case: Case) -> str:
    """What a ratio does that is the same at every width, where the edge is, and what one that grows would do."""
    ratio, rate, met = case.loraplus_ratio, case.learning_rate, case.ratio_at_edge
    said = (
        f"B's learning rate is {ratio:g} times A's at every width, so both go with the width as they would without "
        "the ratio. LoRA+ asks for a ratio that grows with the width, twice as large in a model twice as wide."
    )
    at_edge = ""
    if met is not None:
        place = f"a ratio of {met:.3g}, its constant taken as 1"
        at_edge = f"At the rate {rate:g} and n = {case.width} the edge is reached at {place}."
    return " ".join(filter(None, (said, at_edge, _stack(case))))


def _stack(case: Case) -> str:
    """What several adapters on one residual stream make of a ratio that grows with the width."""
    spec = linear_spec(case.config, case.optimizer, case.config.scale_exponent(case.alpha), f"{RATE} + 1")
    growing = None if spec is None or case.config.variants else edge(spec, case.config)
    if growing is None or not _is_too_much_for_two(growing):
        return ""
    return (
        "With this initialisation such a ratio is too much for a model with several adapters on its residual stream: "
        f"two are not stable at the largest rates of one. {RANDOM_B}"
    )


CHECKS = (
    Check(
        "dead-adapter",
        Severity.ERROR,
        lambda case: bool(case.config.dead) or case.config.drops_all,
        lambda case: (
            f"lora_alpha is 0{case.config.dead_text}, so the scale is 0, both gradients are 0, and nothing is ever "
            f"trained{' there' if case.config.dead_text else ''}."
            if case.config.dead
            else "lora_dropout is 1, so what A is given is 0, both gradients are 0, and nothing is ever trained."
        ),
        "s = alpha/r and Z stand in both gradients",
    ),
    Check(
        "scale-not-positive",
        Severity.ERROR,
        lambda case: case.config.alpha < 0 and case.config.initialisation.needs_positive_scale,
        lambda case: (
            f"lora_alpha is {case.config.alpha:g}, so s is negative, and PEFT fills A and B with NaN: it takes the "
            "roots of singular values over s."
        ),
        MEASURED,
    ),
    Check(
        "odd-rank",
        Severity.ERROR,
        lambda case: bool(_odd_ranks(case)) and not case.config.has_only_embeddings,
        lambda case: f"PEFT refuses this initialisation at the odd rank {_odd_ranks(case)[0]}; expected an even one.",
        MEASURED,
    ),
    Check(
        "experts-refused",
        Severity.ERROR,
        lambda case: bool(_beside_experts(case)),
        lambda case: f"PEFT refuses target_parameters together with {_beside_experts(case)}.",
        MEASURED,
    ),
    Check(
        "embeddings-refused",
        Severity.ERROR,
        lambda case: bool(_beside_embeddings(case)),
        lambda case: (
            f"By name {', '.join(case.config.embeddings)} is an embedding, and PEFT refuses those together with "
            f"{_beside_embeddings(case)}."
        ),
        MEASURED,
    ),
    Check(
        "options-refused",
        Severity.ERROR,
        lambda case: bool(_refused_together(case)),
        lambda case: f"PEFT takes on no layer: {_refused_together(case)}.",
        MEASURED,
    ),
    Check(
        "misspelt-keys",
        Severity.WARNING,
        lambda case: bool(case.config.keys.slips),
        lambda case: case.config.keys.slips_text,
        MEASURED,
    ),
    Check(
        "misspelt-targets",
        Severity.WARNING,
        lambda case: bool(case.config.slips),
        lambda case: case.config.slips_text,
        MEASURED,
    ),
    Check(
        "targets-in-another-form",
        Severity.WARNING,
        lambda case: bool(_other_form(case)),
        _other_form,
        MEASURED,
    ),
    Check(
        "patterns-without-target",
        Severity.WARNING,
        lambda case: bool(case.config.idle_patterns),
        lambda case: case.config.idle_text,
        MEASURED,
    ),
    Check(
        "scale-is-negative",
        Severity.WARNING,
        lambda case: case.config.alpha < 0,
        lambda case: (
            f"lora_alpha is {case.config.alpha:g}, so s = {case.config.scale:g} is negative. PEFT takes it: s B A is "
            "then the adapter of |s| with B turned round, and everything said here is of |s|. Most likely it is a slip."
        ),
        MEASURED,
    ),
    Check("hidden-features-grow", Severity.ERROR, _has_no_internal_rate, _internal_growth, EXPONENTS),
    Check(
        "output-changed-at-start",
        Severity.WARNING,
        lambda case: case.start is Start.SOMETHING,
        lambda case: (
            "Both factors start random and s B A is left in the output: the model changes before any step, by "
            "an amount that does not fall with the width. PEFT means this option for debugging."
        ),
        EXPONENTS,
    ),
    Check(
        "size-depends-on-data",
        Severity.WARNING,
        lambda case: not case.has_known_start,
        lambda case: (
            f"The factors depend on more than the configuration says ({case.config.initialisation.spread}): their "
            "exponents cannot be read from it."
        ),
        MEASURED,
    ),
    Check(
        "equations-differ",
        Severity.WARNING,
        lambda case: (
            bool(case.config.variants) and (bool(case.config.embeddings) or not is_derived(case.config, case.optimizer))
        ),
        _other_equations,
        MEASURED,
    ),
    Check(
        "base-weights-rewritten",
        Severity.WARNING,
        lambda case: (
            case.config.initialisation.rewrites_base
            and case.config.initialisation.is_known
            and not case.config.has_only_embeddings
        ),
        lambda case: (
            "The factors are taken out of the base weights, which change with it. The exponents suppose "
            "leading singular values of W of order 1 and inputs that do not lie along its leading singular directions."
        ),
        EXPONENTS,
    ),
    Check(
        "factor-hardly-learns",
        Severity.WARNING,
        lambda case: bool(_factors(case)),
        _undertrained,
        EXPONENTS,
    ),
    Check("magnitudes-hardly-learn", Severity.WARNING, _has_slow_magnitudes, _slow_magnitudes, DERIVE_DORA),
    Check(
        "embedding-starts-otherwise",
        Severity.WARNING,
        lambda case: case.embedding is not None,
        _embedding_start,
        EMBEDDING_DERIVE,
    ),
    Check(
        "scale-differs-by-layer",
        Severity.WARNING,
        lambda case: case.config.has_patterns,
        _by_patterns,
        DERIVE,
    ),
    Check(
        "rate-above-edge",
        Severity.ERROR,
        lambda case: case.position is not None and case.position > 1,
        lambda case: f"{position(case)}. There a few steps already change the output by more than its size.",
        MEASURED,
    ),
    Check(
        "rate-near-edge",
        Severity.WARNING,
        lambda case: case.position is not None and 1 / NEAR <= case.position <= 1,
        lambda case: f"{position(case)}: within a factor of {NEAR} of it.",
        MEASURED,
    ),
    Check(
        "rate-not-placed",
        Severity.WARNING,
        lambda case: (
            case.learning_rate is not None
            and case.rate_edge is None
            and case.config.alpha != 0
            and not case.is_rate_unused
        ),
        lambda case: (
            "The learning rate is not placed: its edge is known here where a step is of one size in every entry, as "
            "Adam's is, and what A and B start from follows from the configuration alone."
        ),
        MEASURED,
    ),
    Check(
        "one-module-alone",
        Severity.WARNING,
        _is_for_one_only,
        lambda case: (
            "At the largest stable rate of one module two adapters on one residual stream are not stable: gamma-calc "
            "model derives what a model bears."
        ),
        MEASURED,
    ),
    Check(
        "matrices-of-experts",
        Severity.INFO,
        lambda case: bool(case.config.parameters),
        lambda case: (
            f"{', '.join(case.config.parameters)} (target_parameters): each matrix of a stack of experts is taken as a "
            "layer of its own at rank r, which is what PEFT trains, and their number as fixed."
        ),
        MEASURED,
    ),
    Check(
        "modules-saved",
        Severity.INFO,
        lambda case: bool(case.config.trained_whole),
        lambda case: (
            f"{' and '.join(case.config.trained_whole)} trains whole, by default at the adapters' rate: "
            "no exponent here speaks of it. scheme_optimizer gives it other_learning_rate."
        ),
        MEASURED,
    ),
    Check(
        "tokens-trained",
        Severity.INFO,
        lambda case: case.config.has_trained_tokens,
        lambda case: (
            "trainable_token_indices trains rows of the embedding, by default at the adapters' rate: no exponent here "
            "speaks of it. scheme_optimizer gives it other_learning_rate."
        ),
        MEASURED,
    ),
    Check(
        "biases-trained",
        Severity.INFO,
        lambda case: case.config.trains_biases,
        lambda case: "Biases train too, at the adapters' rate: no exponent here speaks of them; gamma-calc model does.",
        MEASURED,
    ),
    Check(
        "alpha-not-given",
        Severity.INFO,
        lambda case: "lora_alpha" in case.config.keys.missing,
        lambda case: case.config.keys.missing_text("lora_alpha"),
        MEASURED,
    ),
    Check(
        "rank-not-given",
        Severity.INFO,
        lambda case: "r" in case.config.keys.missing,
        lambda case: case.config.keys.missing_text("r"),
        MEASURED,
    ),
    Check(
        "unknown-keys",
        Severity.INFO,
        lambda case: bool(case.config.keys.others),
        lambda case: (
            f"{', '.join(map(quoted, case.config.keys.others))}: not known to PEFT 0.21, which leaves out what it does "
            "not know; nor is it to gamma_calc."
        ),
        MEASURED,
    ),
    Check("hidden-features-grow-at-edge", Severity.INFO, _grows_at_the_edge, _edge_growth, DERIVE, is_common=True),
    Check(
        "rank-law",
        Severity.INFO,
        lambda case: case.start is Start.NOTHING and case.edge is not None and case.edge.with_rank.bounds is not None,
        _rank_law,
        RANK_LAW,
        is_common=True,
    ),
    Check(
        "b-frozen",
        Severity.INFO,
        lambda case: case.config.initialisation.is_b_frozen,
        lambda case: "This initialisation freezes B on purpose: only A is trained, and delta_2 is zero throughout.",
        EXPONENTS,
    ),
    Check(
        "b-not-frozen",
        Severity.WARNING,
        _is_unfrozen,
        lambda case: (
            f'init_lora_weights="{case.config.initialisation.name}" starts A and B as MiCA does, and trains B too: '
            'PEFT freezes it under "mica" alone.'
        ),
        MEASURED,
    ),
    Check(
        "square-layers",
        Severity.INFO,
        lambda case: case.config.initialisation.is_b_of_fan_out and not case.config.has_only_embeddings,
        lambda case: (
            "The entries of B start at a power of the fan-out m, and what is said here is of layers whose m is of the "
            "size of their fan-in n. Where m is smaller, as in v_proj under grouped queries, the edge is lower by "
            "(m/n)^(1/2)."
        ),
        MEASURED,
    ),
    Check(
        "no-trainable-init-b",
        Severity.INFO,
        lambda case: case.start is Start.NOTHING and not case.config.has_only_embeddings and not _is_unfrozen(case),
        lambda case: (
            "No option of init_lora_weights is a trainable Init[B] (A zero, B random and trained) on linear "
            "layers: it takes writing the factors after the model is wrapped."
        ),
        "gamma-calc compare init-a init-b",
        is_common=True,
    ),
    Check(
        "loraplus-one-dimensional",
        Severity.WARNING,
        lambda case: case.loraplus_ratio is not None and case.has_small_tensors,
        lambda case: (
            "create_loraplus_optimizer gives every one-dimensional tensor (biases, DoRA's magnitudes, norms, also "
            "those of a trained head) B's rate, and a head's matrices A's."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-weight-decay",
        Severity.WARNING,
        lambda case: case.loraplus_ratio is not None and case.weight_decay != 0,
        lambda case: (
            "create_loraplus_optimizer sets every group's weight decay from loraplus_weight_decay, which is 0 "
            "by default: a plain weight_decay, or that of AdamW, has no effect."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-embedding-rate",
        Severity.WARNING,
        lambda case: case.loraplus_ratio is not None and bool(case.config.embeddings),
        lambda case: (
            "create_loraplus_optimizer trains adapters of embeddings at loraplus_lr_embedding, 1e-6 by "
            "default, whatever the learning rate."
        ),
        MEASURED,
    ),
    Check(
        "loraplus-ratio-below-one",
        Severity.WARNING,
        lambda case: case.loraplus_ratio is not None and case.loraplus_ratio < 1 and not case.is_rate_unused,
        lambda case: (
            "A ratio below 1 gives B the smaller rate; LoRA+ wants B's to be the larger, and the more so the "
            "wider the model."
        ),
        TWO_RATES,
    ),
    Check(
        "loraplus-ratio-fixed",
        Severity.INFO,
        lambda case: case.loraplus_ratio is not None and not case.is_rate_unused,
        _fixed_ratio,
        GROWING_RATIO,
    ),
)
