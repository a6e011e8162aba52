"""Linting a LoRA configuration: the exponents it implements, where they are stable, and what stands out."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gamma_calc.algebra import Affine
from gamma_calc.derivation.alpha import SCALE, AlphaReading, alpha_named
from gamma_calc.derivation.transfer import MODULE_ALONE
from gamma_calc.document.tables import COLUMNS, Shown, text_table
from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapter_config import AdapterConfig
from gamma_calc.huggingface.adapter_file import config_from_file, config_from_mapping
from gamma_calc.huggingface.implemented_scheme import (
    PICKED_ENTRY,
    StableEdge,
    adapter_scheme,
    edge,
    embedding_spec,
    is_derived,
    linear_spec,
)
from gamma_calc.huggingface.lint_case import (
    EMBEDDING,
    LINEAR,
    Case,
    Check,
    Finding,
    Severity,
    power,
    rate_edge,
    ratio_at_edge,
)
from gamma_calc.huggingface.lint_checks import CHECKS, DERIVE_DORA, NEAR, position
from gamma_calc.numbers import check_rank, real_number, whole_number
from gamma_calc.program.models import RANK
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.scheme import KEYS, ZERO, Scheme

ADAMW = "adamw"


@runtime_checkable
class HasKeys(Protocol):
    """A configuration in memory that says what would stand in its file, as PEFT's do."""

    def to_dict(self) -> Mapping[str, Any]:
        """The keys and their values."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Linted(Shown):
    """What lint says of a configuration; `specs` are the TOML specs that its derivations speak of, by file name."""

    case: Case
    findings: tuple[Finding, ...]
    specs: Mapping[str, str]

    @property
    def has_error(self) -> bool:
        """Whether some finding is an error."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def is_unknown(self) -> bool:
        """Whether the exponents, or the stable region, could not be told."""
        return self.case.edge is None or self.case.edge.largest.bounds is None

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        config = self.case.config
        # As a spec writes them; all null where they are not known.
        exponents: dict[str, str | None] = dict.fromkeys(KEYS)
        if self.case.edge is not None:
            forms = self.case.edge.scheme.exponents
            exponents = {key: "zero" if form is None else str(form) for key, form in forms.items()}
        return {
            "schema": 1,
            "findings": [
                {
                    "id": each.id,
                    "severity": each.severity.value,
                    "text": each.text,
                    "derivation": each.derivation,
                    "common": each.is_common,
                }
                for each in self.findings
            ],
            "exponents": exponents,
            "read": {
                "init_lora_weights": config.initialisation.option,
                "rank": config.rank,
                "scale": config.scale,
                "optimizer": self.case.optimizer,
                "alpha": self.case.alpha.value,
            },
            "rate": self._rate_json(),
            "scope": MODULE_ALONE,
            "linear": _edge_json(self.case.linear),
            "embedding": _edge_json(self.case.embedding),
            "specs": dict(self.specs),
        }

    @property
    def scheme(self) -> Scheme:
        """The scheme that the configuration implements on linear layers, for any other question.

        Its rank is fixed, and its scale a power of r as for an alpha that is proportional to r: 0, or rank/2 in rsLoRA.

        Raises:
            BadInput, Unknown: as `adapter_scheme`.
        """
        return adapter_scheme(self.case.config, self.case.config.scale_exponent(AlphaReading.PROPORTIONAL))

    def __str__(self) -> str:
        return self.text()

    def text(self, specs: Path | None = None) -> str:
        """The answer to read; with the folder of the specs, the commands that derive each finding from them."""
        lines = [_advice(self), _title(self)]
        edge = self.case.edge
        if edge is None:
            lines.append("stable rates: unknown (see below)")
        else:
            asked = (
                (edge.stable, "the adapter's output stays bounded"),
                (edge.internally_stable, "A Z stays bounded too"),
            )
            lines.append(text_table([(each.condition.name, str(each), words) for each, words in asked]))
            lines.append(f"largest stable eta: {edge.largest.value}")
        if self.case.position is not None and self.case.position < 1 / NEAR:
            lines.append(f"{position(self.case)}.")
        for each in self.findings:
            if not each.is_common:
                lines.append(f"{each.severity.value:<7}  {each.id}")
                body = textwrap.wrap(each.text, COLUMNS) + _by(each.derivation, specs)
                lines += [f"{'':<9}{line}" for line in body]
        common = ", ".join(each.id for each in self.findings if each.is_common)
        if common:
            lines.append(f"Found in nearly every configuration, and said in --json: {common}.")
        return "\n".join([*lines, MODULE_ALONE])

    def _rate_json(self) -> dict[str, Any] | None:
        edge = self.case.rate_edge
        if edge is None:
            return None
        of_layers = {"layers": edge.layers, "rank": edge.rank, "scale": edge.scale}
        given = {"given": self.case.learning_rate, "ratio": self.case.position}
        return {"edge": edge.rate, "law": edge.law, **of_layers, **given}


def lint(
    config: Path | str | Mapping[str, Any] | HasKeys,
    *,
    optimizer: str = ADAMW,
    alpha: AlphaReading | str = AlphaReading.FIXED,
    learning_rate: float | None = None,
    loraplus_ratio: float | None = None,
    width: int | None = None,
    weight_decay: float | None = None,
) -> Linted:
    """What the exponents say of a LoRA configuration.

    Args:
        config: the path of an adapter_config.json, or what stands in it, such as a LoraConfig.
        optimizer: a name that `named_optimizer` knows, as one writes it for torch or the Trainer.
        alpha: what happens to lora_alpha as the rank changes: "fixed" or "proportional".
        learning_rate, width: to place the rate against the edge at that width; both are needed for that.
        loraplus_ratio, weight_decay: as for PEFT's create_loraplus_optimizer.

    Raises:
        BadInput: the configuration or a number cannot be understood.
    """
    if isinstance(config, Path | str):
        read = config_from_file(Path(config))
    else:
        read = config_from_mapping(config.to_dict() if isinstance(config, HasKeys) else config)
    name, reading = named_optimizer(optimizer).name, alpha_named(alpha)
    for word, value in (("learning rate", learning_rate), ("LoRA+ ratio", loraplus_ratio)):
        if value is not None:
            real_number(word, value, is_positive=True)
    if learning_rate is not None and width is None:
        raise BadInput("a learning rate (--lr) needs a width (--width): it is large or small against a power of that")
    if width is not None:
        width = whole_number("width", width)
        check_rank(max(rank for rank, _ in read.linear_sizes.values()), width)
    if weight_decay is not None:
        real_number("weight decay", weight_decay, is_positive=False)
    use = learning_rate, loraplus_ratio, width, weight_decay
    written = _specs(read, name, reading)
    linear, embedding = written.get(LINEAR), written.get(EMBEDDING)
    of_linear = None if linear is None else edge(linear, read)
    of_embedding = None if embedding is None else edge(embedding)
    case = Case(read, of_linear, of_embedding, name, reading, *use)
    if width is not None and not case.is_rate_unused:
        case = replace(case, rate_edge=rate_edge(read, name, width, loraplus_ratio or 1.0))
        if learning_rate is not None and loraplus_ratio is not None:
            case = replace(case, ratio_at_edge=ratio_at_edge(read, name, width, learning_rate))
    specs = {file: f"{spec}\n" for file, spec in written.items() if not read.variants}
    found = [
        Finding(each.id, each.severity, each.text(case), _derivation(each, case), each.is_common)
        for each in CHECKS
        if each.applies(case)
    ]
    # Errors first, otherwise in the order of the table.
    return Linted(case, tuple(sorted(found, key=lambda each: list(Severity).index(each.severity))), specs)


def _specs(config: AdapterConfig, optimizer: str, alpha: AlphaReading) -> dict[str, str]:
    """The specs of the kinds of layers that a configuration has, where they are known."""
    found, scale = dict[str, str | None](), config.scale_exponent(alpha)
    if not config.has_only_embeddings and is_derived(config, optimizer):
        found[LINEAR] = linear_spec(config, optimizer, scale)
    if config.embeddings:
        found[EMBEDDING] = embedding_spec(config, optimizer, scale)
    return {file: spec for file, spec in found.items() if spec is not None}


def _derivation(check: Check, case: Case) -> str:
    """Where a finding comes from; a spec says nothing of DoRA's module."""
    if case.config.is_dora and LINEAR in check.derivation:
        return DERIVE_DORA
    return check.derivation.replace(LINEAR, EMBEDDING) if case.config.has_only_embeddings else check.derivation


def _advice(found: Linted) -> str:
    """What to do, in one sentence."""
    ids = {
        severity: ", ".join(each.id for each in found.findings if each.severity is severity and not each.is_common)
        for severity in Severity
    }
    if ids[Severity.ERROR]:
        return f"Change this before training: {ids[Severity.ERROR]}."
    if found.is_unknown:
        return f"The exponents of this configuration are not known: {ids[Severity.WARNING] or ids[Severity.INFO]}."
    if ids[Severity.WARNING]:
        return f"Look at this before training: {ids[Severity.WARNING]}."
    return "Nothing stands in the way of training with this."


def _by(derivation: str, specs: Path | None) -> list[str]:
    """Where a finding comes from; a command on a spec only where the spec was written, so that it runs as printed."""
    words = derivation.split(" ")
    if not any(word.endswith(".toml") for word in words):
        return [f"by: {derivation}"]
    if specs is None:
        return []
    placed = [shlex.quote(str(specs / word)) if word.endswith(".toml") else word for word in words]
    return [f"by: {' '.join(placed)}"]


def _title(found: Linted) -> str:
    """What was read, in words."""
    config, edge = found.case.config, found.case.edge
    size = f"r = {config.rank}, lora_alpha = {config.alpha:g}, s = {config.scale:g}"
    starts = (config.initialisation.a, config.initialisation.b)
    how = "what A and B start from is not known" if None in starts else "which rates are stable is not derived"
    if edge is not None:
        a, b, s = (edge.scheme.exponents[key] for key in ("A", "B", SCALE))
        if found.case.config.has_only_embeddings and a is not None:
            a += PICKED_ENTRY
        how = f"A starts at {_size(a)}, B at {_size(b)}"
        size += " at every rank" if s == Affine.of(0) else f" ({_size(s)} from rank to rank)"
    of_dora = "DoRA, " if config.is_dora else ""
    return f"{of_dora}init_lora_weights={config.initialisation.name}: {how}; {size}; under {found.case.optimizer}"


def _size(form: Affine | None) -> str:
    """A size as a product of powers of the width and of the rank."""
    if form is None:
        return ZERO
    powers = (("n", form.constant), ("r", form.coefficient(RANK)))
    return " ".join(power(base, exponent) for base, exponent in powers if exponent) or "n^0"


def _edge_json(found: StableEdge | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "stable": str(found.stable),
        "internally_stable": str(found.internally_stable),
        "max_stable": found.largest.value,
        "max_stable_in_rank": found.with_rank.value,
        "at_max": {name: str(size) for name, size in found.derivation.at_max.items()},
        "undertrained": list(found.derivation.undertrained),
    }
