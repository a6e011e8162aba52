"""Record whole networks against their own theory: python -m validation.networks [NAME...], all by default.

Adapters of scale s = 1, that of practice, on every attention or on every linear layer of two layers of five families,
trained at every width and seed under PEFT. Each exponent of each adapter is judged by what is derived of the traced
network, and again by the theory of one module, which is the control. `--page` only writes the page.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from gamma_calc.document.tables import markdown_table
from gamma_calc.experiment.prediction import Predicted, Prediction, at_largest_rate, predictions
from gamma_calc.experiment.verdicts import VerdictRow, judged, judged_alone
from gamma_calc.files import write_all
from gamma_calc.huggingface.coordinates import together
from gamma_calc.huggingface.family_training import (
    CoordinateLayout,
    LayerMeasurement,
    family_observations,
    layer_measurement,
)
from gamma_calc.huggingface.network_predictions import network_predictions, traced_adapters, traced_predictions
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.verdicts import RULE, Verdict
from gamma_calc.tracing.names import WRAPPING
from validation.architectures import FamilyShape, adapted_layers, family_model, linear_readout
from validation.families import FIRST_SEED, SCHEMES
from validation.implicit_matrices import wide_model
from validation.network_paths import CUT, PATH, Key, Squares, Theory, apart, deep_terms, path_squares, without_path
from validation.rejudged import PLACE as AGAIN

FOLDER = Path(__file__).resolve().parent / "networks"
STEPS = 3
WIDE = tuple(2**k for k in range(6, 13))
NARROW = tuple(2**k for k in range(5, 12))
FAR = tuple(2**k for k in (11, 12, 13, 14, 15, 17))
"""Widths of models whose matrices are not stored: six, over six octaves."""
FAMILIES = ("llama", "qwen3", "gpt2", "roberta", "opt")
MIXTURE = "mixtral"
"""A family in which each token takes some experts; the theory holds that choice."""
RECURRENT = "qwen3.5"
"""A family of which every other layer, and more, is a recurrence over tokens in place of attention."""
SCAN = "mamba"
"""A family of which every layer is such a recurrence, with time steps that learn."""
DEEP = "lora-plus-a"
"""The scheme of which one module's theory is false in depth."""


ATTENTION, ALL = FamilyShape(), FamilyShape(is_all_linear=True)


@dataclass(frozen=True, slots=True)
class Run:
    """A family and its adapters, trained at rates k n^c: c is a scheme's own, or the largest stable one of a module."""

    family: str
    k: Fraction
    widths: tuple[int, ...] = NARROW
    seeds: int = 16
    shape: FamilyShape = ATTENTION
    schemes: tuple[str, ...] = SCHEMES
    is_implicit: bool = False
    """Whether the frozen matrices are not stored."""


TEXT = """# Whole networks against their own theory, at s = 1

Written by `python -m validation.networks`. Eight families with two layers each, in PEFT's own forward pass under
torch's AdamW: N(0, 1/n) matrices, N(0, 1) embeddings, a loss that is linear in the logits, s = 1 as in practice, three
steps at rates k n^c from Init[A], Init[B] and LoRA+, c at the edge of one module. Every exponent of every adapter is
predicted from the traced network, layer by layer, and judged as in every cross-check: {rule}. *Control*: of the rows
under LoRA+ from Init[A], those that FAIL by the theory of one module, which has to fail in depth. Settings were found
in pilots of Llama on seeds from 0 on; what is shown ran on seeds from {first} on.

{counts}

`mixtral` has four experts in each layer, of which a token takes two. Its router chooses anew at every step, while the
theory holds its choice at the start: {mixture}, and {beside}. The first layer of `qwen3.5` is a gated delta rule, a
recurrence over tokens, the second one attention: {recurrent}. `mamba` has no attention, and its time steps come from a
product of rank n/16: {scan}.

## What FAILs

Of the {all} FAIL ({by_scheme}) {deep} are rows to which one module's theory gives another exponent, of {shifted} more
it says something else by term and does not FAIL, and {holding} more hold a term with A_0 at the last step. In these
A_0 meets an input that has come to know it, which makes more of the sum, in most n^(1/2) times as much. What hides
that growth is the size of its coefficient: it is a product of rates, k^3 under Init[A] at small k, beside a part of
A_0 Z that is about 1.

### Far out, and with that part measured apart

The same families again at widths of 2^11 to 2^17, with frozen matrices that are never stored
(`validation/implicit_matrices.py` says which law they have), and every verdict by the same rule. With adapters on
queries and values the rates are twice those above, k = 1/2, for all rows: that brings the growth forward, and leaves
what an adapter adds, of size r k^2 = 2 under Init[A], near the size of its input, where no softmax saturates.
*Apart*: a term with A_0 to which the network gives more than it has where a path is cut is measured on the part of the
input that makes the difference, Z less the input of the same run in which no gradient passes through this adapter to
its input, so that the layers below learn nothing of its A_0 (`validation/network_paths.py`). That is done for every
such term at the last step. {far_seeds} seeds, since with ten most rows that were open asked for a few more; of the rows
with all linear layers eight seeds had confirmed between 71.9 % (RoBERTa) and 82.8 % (Qwen3).

{far}

With adapters on queries and values four rows FAIL so, all of one adapter: the query of RoBERTa's second layer under
LoRA+ from Init[A]. Its part of A_0 Z has a slope of {query} where 1/2 is derived, and local slopes of {local} from
width to width: its runs scatter.

With adapters on all linear layers {whole} FAIL by the whole sums and {parted} with that part apart
({parted_by_scheme}), in place of {narrow} at the widths above. What is left is most of it LoRA+ from Init[A], whose
growth scatters over seeds, and down_proj, whose input is a product of two that learn.

Of the {refuted} paths that FAIL, {above} under LoRA+ have a slope above the one that is derived, and that cannot last.
Behind a norm |Z| is n^(1/2), and a row of A_0 has length 1: A_0 Z is at most n^(1/2), whatever Z knows of A_0 (Cauchy
and Schwarz). At these rates B moves by n^0, so what such an adapter adds is at most n^(1/2) an entry, and A_0 Z behind
it at most n. These bounds are what is derived. Behind a norm A_0 Z has come to {shares} % of its bound at the largest
width, and to less at the least one ({early} %): a slope above 1/2 is that share still growing. Of the others no
measurement isolates a reason.

The theory derives the network with the path cut as well: a program can stop a gradient as a run can. There A_0 Z is
n^0, or grows as its input does, by n^(1/2) or n^1 under LoRA+ in the layers whose input others make grow. Verdicts on
the two parts of A_0 Z at the last step, PASS, FAIL, INCONCLUSIVE, each on what is derived of it. *Control*: how often
what is derived of the whole network FAILs for the run whose path is cut, as it has to; none passes.

{parts}

Three FAIL with the path cut, each of the last matrix of the second layer under LoRA+ from Init[A], where 1/2 is
derived, and 1 of Qwen3, in which that matrix reads a product of two:

{cut}

They cannot last either: their Z is what an adapter behind a norm adds, at most n^(1/2), or a product of two of these,
and an A_0 that knows nothing of Z makes no more of it than the size of its entries.

In numbers, for adapters on queries and values, with their root mean squares at the least and the largest width:

{paths}

Most of what FAILs in the narrow recordings is a crossover: the part that is derived to lead is there, has the slope
that is derived, and leads beyond those widths. In the tables they stay what they are.

### What was wrong, and how it was found

With adapters on all linear layers of Llama, gate_proj and up_proj of the second layer, and down_proj, whose input they
make, were once derived to grow by n^0, n^0 and n^(1/2). Measured far out, where matrices are not stored
(`llama-all-linear-far`, r and k as before), they grow by n^(1/2), n^(1/2) and n^(3/2), and refuted that in 14 rows.
The reason was a sum: attention weights that have come to know W_o, times W_o^T y, against what B_v learned from
W_o^T x. Its summands change their sign with W_o in one part and not in another, and were read as aligned. But they
change it with W_o^T y alone, and for a y that knows x by a random walk only, the sum is n^(1/2) times smaller. Read as
too large, this path led a normalised step and left the others too small a share. The rule now asks what changes its
sign alone, and whether x and y are in turn products of one matrix that know of each other by a walk. It changed these
14 rows, the same 14 of Qwen3, and no exponent of any other recording; 39 exponents of RoBERTa that were bounds have
become exact.

What the rule says was compared with what Llama had shown already. Qwen3 (`qwen3-all-linear-far`), which norms queries
and keys and has else the layers and the seeds of Llama, was measured after it was written. Z_A at step 3 of LoRA+ from
Init[A]:

{wider}

### The rows

{failed}

## What depth changes

The rows of Z_A and Z_B at step 3 for which the network's theory has another exponent than one module's, with the
verdict on each of the two. A row is as good as its worst term.

{depth}

## The recorded families, judged again

Recordings of [Llama and RoBERTa](../README.md#real-model-families-layer-by-layer), judged there by the theory of one
module, by that of the network: from the slopes that are recorded, without a new run (`python -m validation.rejudged`).
At s = 2^-10 adapters were kept from moving each other, so what the network's theory says of that cannot show.

{rejudged}

The rows that FAIL by one module's theory, and what the network's makes of them:

{derived}

## Not measured here

Attention logits are no quantity of an adapter. Those of a transformer with adapters, block by block, are held to their
slopes in `tests/simulation/test_transformer.py`.
"""
QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)
FAR_SEEDS = 24
"""Seeds at these widths; with ten, most of the rows that are open ask for a few more."""

FOUND, UNSEEN = "llama", "qwen3"
"""The family in which a rule was found to be wrong, and the one that was measured far out after it was mended."""


def _all_linear(family: str, *, is_far: bool) -> str:
    return f"{family}-all-linear{'-far' if is_far else ''}"


RUNS: Mapping[str, Run] = MappingProxyType(
    {family: Run(family, QUARTER) for family in FAMILIES}
    | {_all_linear(family, is_far=False): Run(family, QUARTER, seeds=8, shape=ALL) for family in FAMILIES}
    | {f"{family}-far": Run(family, HALF, FAR, FAR_SEEDS, is_implicit=True) for family in FAMILIES}
    | {
        _all_linear(family, is_far=True): Run(family, QUARTER, FAR, FAR_SEEDS, shape=ALL, is_implicit=True)
        for family in FAMILIES
    }
    | {
        MIXTURE: Run(MIXTURE, QUARTER),
        RECURRENT: Run(RECURRENT, QUARTER),
        SCAN: Run(SCAN, QUARTER),
        "llama-rank-2": Run("llama", Fraction(1, 2), WIDE, shape=FamilyShape(rank=2), schemes=(DEEP,)),
    }
)


def recorded(name: str) -> dict[str, Any]:
    """Train and judge a run; its plain data."""
    run, started = RUNS[name], time.process_time()
    schemes = [at_largest_rate(CATALOGUE[each]) for each in run.schemes]
    layout = CoordinateLayout(run.widths, run.seeds, STEPS, seed=FIRST_SEED)

    def model(width: int, seed: int) -> Any:
        built = wide_model if run.is_implicit else family_model
        return built(run.family, width, FIRST_SEED + seed, run.shape)

    def loss(trained: Any, seed: int) -> Any:
        return linear_readout(trained, FIRST_SEED + seed, run.shape)

    seen = family_observations(model, loss, schemes, layout, [run.k] * len(schemes), 0.0, None, None)
    rows: list[dict[str, Any]] = []
    paths: list[dict[str, Any]] = []
    for index, scheme in enumerate(schemes):
        whole, alone = theories(run, scheme)
        cut = theories_without_paths(run, scheme) if run.is_implicit else {}
        deep = {layer: keys for layer in cut if (keys := deep_terms(whole[layer], cut[layer], STEPS))}
        squares = path_squares(model, loss, scheme, layout, float(run.k), deep) if deep else {}
        for layer, observations in seen[index].items():
            measurement = layer_measurement(observations, layout)
            pairs = [judged(scheme.name, found, measurement) for found in (whole[layer], alone)]
            own = squares.get(layer, {})
            for row, module, predicted in zip(*pairs, whole[layer], strict=True):
                parted = apart(row, predicted, own, measurement) if row.t == STEPS else row
                rows.append({**plain(layer, row, module), **({} if parted == row else {"apart": plain_path(parted)})})
            if own:
                both = of_initial(whole[layer]), of_initial(cut[layer])
                paths.append({"scheme": scheme.name, "layer": layer, **_path(own, *both, measurement)})
    seconds = round(time.process_time() - started)
    return {"schema": 1, "name": name, **settings(run), "seconds": seconds, "paths": paths, "rows": rows}


def plain_path(row: VerdictRow) -> dict[str, Any]:
    """A row whose path is measured apart, as plain data."""
    return {"verdict": row.verdict.value, **({} if row.verdict is Verdict.PASS else {"reason": row.reason})}


def _path(
    squares: Mapping[Key, Squares], whole: Predicted, cut: Predicted, measurement: LayerMeasurement
) -> dict[str, Any]:
    """A_0 Z at the last step in two: what the path makes, and what is left where it is cut, each as it is derived."""
    found: dict[str, Any] = {}
    for name, key, predicted in (("path", PATH, whole), ("cut", CUT, cut)):
        one = judged_alone(predicted, squares[key], measurement)
        found[name] = {
            "derived": str(predicted),
            "measured": None if one.measured is None else round(one.measured, 3),
            "ci": [round(end, 3) for end in one.estimate.interval or ()],
            "verdict": one.judgement.verdict.value,
            "sizes": [float(f"{value:.3g}") for value in np.sqrt(squares[key].mean(axis=1))],
        }
    control = judged_alone(whole, squares[CUT], measurement)
    return {**found, "control": control.judgement.verdict.value}


def of_initial(found: Theory) -> Predicted:
    """What is predicted of A_0 Z at the last step."""
    quantity, term = PATH
    return next(each.terms[term] for each in found if (each.quantity, each.t) == (quantity, STEPS))


def theories(run: Run, scheme: Scheme) -> tuple[Mapping[str, tuple[Prediction, ...]], tuple[Prediction, ...]]:
    """What is predicted of each adapter in the network, and what is of one module."""
    whole = network_predictions(family_model(run.family, NARROW[0], 0, run.shape), scheme, STEPS)
    return {layer: joined(found) for layer, found in whole.items()}, joined(predictions(scheme, STEPS))


def theories_without_paths(run: Run, scheme: Scheme) -> Mapping[str, Theory]:
    """What is predicted of each adapter in a network in which no gradient passes through it to its input."""
    found = traced_adapters(family_model(run.family, NARROW[0], 0, run.shape), scheme)
    layers = {layer.module.removeprefix(WRAPPING): layer for layer in found.layers}
    return {name: joined(traced_predictions(without_path(found, layer), STEPS)[name]) for name, layer in layers.items()}


def joined(found: tuple[Prediction, ...]) -> tuple[Prediction, ...]:
    """The predictions in one order of quantities, whatever theory they come from."""
    return tuple(sorted(map(together, found), key=lambda each: (each.t, each.quantity)))


def settings(run: Run) -> dict[str, Any]:
    """The settings of a run as plain data."""
    shape = run.shape
    return {
        "family": run.family,
        "adapters": adapted_layers(run.family, shape),
        "k": str(run.k),
        "rank": shape.rank,
        "layers": shape.layers,
        "scale": str(Fraction(shape.scale)),
        "widths": list(run.widths),
        "seeds": run.seeds,
    }


def plain(layer: str, row: VerdictRow, alone: VerdictRow) -> dict[str, Any]:
    """A row as plain data: `module` is what one module's theory predicts and the verdict on that."""
    leading = row.leading
    interval = leading.estimate.interval
    found = {
        "scheme": row.scheme,
        "layer": layer,
        "quantity": row.quantity,
        "t": row.t,
        "predicted": str(leading.predicted),
        "upper": leading.predicted.is_upper,
        "measured": None if leading.measured is None else round(leading.measured, 3),
        "ci": None if interval is None else [round(end, 3) for end in interval],
        "verdict": row.verdict.value,
        "module": [str(alone.leading.predicted), alone.verdict.value],
    }
    return found if row.verdict is Verdict.PASS else {**found, "reason": row.reason}


def written(data: Mapping[str, Any]) -> str:
    """A recording as JSON, a line a row."""
    rows = ",\n".join(f"  {json.dumps(row, separators=(',', ':'))}" for row in data["rows"])
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in data.items() if key != "rows")
    return f'{{\n{head} "rows": [\n{rows}\n ]\n}}\n'


def page() -> str:
    """The page of what is recorded: the counts, then every row that FAILs."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) for name in RUNS if (path := FOLDER / f"{name}.json").exists()
    ]
    rule = "; ".join(f"{word}, {text}" for word, text in RULE.items())
    narrow, far = ([data for data in found if RUNS[data["name"]].is_implicit is is_far] for is_far in (False, True))
    wide = [data for data in far if RUNS[data["name"]].shape.is_all_linear]
    failed = "\n".join(line for data in narrow for line in _failed(data))
    every = [row for data in narrow for row in data["rows"] if row["verdict"] == Verdict.FAIL.value]
    return TEXT.format(
        first=FIRST_SEED,
        rule=rule,
        counts=_counts(narrow),
        **{
            place: _confirmed(next(data for data in narrow if data["name"] == name))
            for place, name in (("mixture", MIXTURE), ("recurrent", RECURRENT), ("scan", SCAN), ("beside", FOUND))
        },
        all=len(every),
        **Counter(map(_known_input, every)),
        by_scheme=", ".join(f"{scheme}: {sum(row['scheme'] == scheme for row in every)}" for scheme in SCHEMES),
        far_seeds=FAR_SEEDS,
        far=_far(far),
        **_scattered(far),
        **_above(far),
        **_counts_of_wide(narrow, wide),
        parts=_parts(far),
        paths=_paths([data for data in far if data not in wide]),
        wider=_wider(found),
        failed=failed,
        depth=_depth(narrow),
        rejudged=_rejudged(),
        derived=_derived(),
    )


def _again() -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = json.loads(AGAIN.read_text(encoding="utf-8"))["recordings"]
    return found


def _rejudged() -> str:
    words = [each.value for each in Verdict]
    lines = [["recording", *(f"{theory}: {word}" for theory in ("one module", "network") for word in words)]]
    for each in _again():
        counts = [str(each[theory][word]) for theory in ("module", "network") for word in words]
        lines.append([f"[`{each['name']}`](../families/{each['name']}.md)", *counts])
    return markdown_table(lines)


def _derived() -> str:
    lines = [["recording", "scheme", "adapter", "quantity", "t", "one module", "network", "verdict", "by its term"]]
    for each in _again():
        for row in each["rows"]:
            if row["module"] == Verdict.FAIL.value:
                named = [each["name"], row["scheme"], row["layer"], row["quantity"], str(row["t"])]
                lines.append([*named, row["alone"], row["predicted"], row["network"], row["term"]])
    return markdown_table(lines)


def is_finite(row: Mapping[str, Any]) -> bool:
    """Whether an exponent is predicted, and not zero."""
    return bool(row["predicted"] != "-oo")


def is_deep(row: Mapping[str, Any]) -> bool:
    """Whether the network's theory has another exponent than one module's."""
    return bool(row["predicted"] != row["module"][0])


def _known_input(row: Mapping[str, Any]) -> str:
    """In what a row that FAILs shows that depth adds to it: its exponent, what one module's theory is, or its term."""
    if is_deep(row):
        return "deep"
    if row["module"][1] != Verdict.FAIL.value:
        return "shifted"
    return "holding" if row["t"] == STEPS and "A_0:" in row["reason"] else "rest"


def _counts(found: Sequence[Mapping[str, Any]]) -> str:
    words = [each.value for each in Verdict]
    lines = [["recording", "adapters on", "r", "k", "widths", "seeds", "finite rows", *words, "confirmed", "control"]]
    for data in found:
        rows = [row for row in data["rows"] if is_finite(row)]
        count = Counter(row["verdict"] for row in rows)
        control = Counter(row["module"][1] for row in data["rows"] if row["scheme"] == DEEP)
        named = [f"[`{data['name']}`]({data['name']}.json)", data["adapters"], str(data["rank"]), data["k"]]
        widths = f"{data['widths'][0]} to {data['widths'][-1]}"
        share = f"{100 * count[Verdict.PASS.value] / len(rows):.1f} %"
        judged_alone = f"{control[Verdict.FAIL.value]} FAIL"
        numbers = [str(len(rows)), *(str(count[word]) for word in words)]
        lines.append([*named, widths, str(data["seeds"]), *numbers, share, judged_alone])
    return markdown_table(lines)


def _confirmed(data: Mapping[str, Any]) -> str:
    """How many rows of a recording are confirmed, in words."""
    count = Counter(row["verdict"] for row in data["rows"] if is_finite(row))
    confirmed, refuted = count[Verdict.PASS.value], count[Verdict.FAIL.value]
    return f"{confirmed} of the {count.total()} finite rows of `{data['name']}` are confirmed, {refuted} FAIL"


def _far(found: Sequence[Mapping[str, Any]]) -> str:
    words = [each.value for each in Verdict]
    head = ["recording", "adapters on", "k", "seeds", "finite rows", *words, *(f"apart: {word}" for word in words)]
    lines = [[*head, "confirmed", "control"]]
    for data in found:
        rows = [row for row in data["rows"] if is_finite(row)]
        counts = [Counter(judged_apart(row) if is_apart else row["verdict"] for row in rows) for is_apart in (0, 1)]
        numbers = [str(count[word]) for count in counts for word in words]
        share = f"{100 * counts[1][Verdict.PASS.value] / len(rows):.1f} %"
        control = sum(row["module"][1] == Verdict.FAIL.value for row in data["rows"] if row["scheme"] == DEEP)
        named = [f"[`{data['name']}`]({data['name']}.json)", data["adapters"], data["k"], str(data["seeds"])]
        lines.append([*named, str(len(rows)), *numbers, share, f"{control} FAIL"])
    return markdown_table(lines)


def _counts_of_wide(narrow: Sequence[Mapping[str, Any]], wide: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The FAIL with adapters on all linear layers: at narrow widths, far out, and there with a path's part apart."""
    fail = Verdict.FAIL.value
    parted = [row["scheme"] for data in wide for row in data["rows"] if judged_apart(row) == fail]
    families = [data for data in narrow if RUNS[data["name"]].shape.is_all_linear]
    return {
        "narrow": sum(row["verdict"] == fail for data in families for row in data["rows"]),
        "whole": sum(row["verdict"] == fail for data in wide for row in data["rows"]),
        "parted": len(parted),
        "parted_by_scheme": ", ".join(f"{scheme}: {parted.count(scheme)}" for scheme in SCHEMES),
    }


def _parts(found: Sequence[Mapping[str, Any]]) -> str:
    """The verdicts on the two parts of A_0 Z, by recording and scheme."""
    lines = [["recording", "scheme", "adapters", "by the path", "path cut", "control"]]
    for data in found:
        for scheme in dict.fromkeys(each["scheme"] for each in data["paths"]):
            parts = [each for each in data["paths"] if each["scheme"] == scheme]
            counts = [Counter(each[part]["verdict"] for each in parts) for part in ("path", "cut")]
            verdicts = [", ".join(str(count[word.value]) for word in Verdict) for count in counts]
            control = sum(each["control"] == Verdict.FAIL.value for each in parts)
            lines.append([data["name"], scheme, str(len(parts)), *verdicts, f"{control} FAIL"])
    return markdown_table(lines)


def _scattered(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The one path with adapters on queries and values that FAILs, and the parts that do with their paths cut.

    Of each the slope, and those from width to width.
    """
    ((_, query, local),) = _refuted(found, "path", is_all_linear=False)
    cut = _refuted(found, "cut", is_all_linear=True)
    words = (f"- `{name}`: {slope}, and {steps} from width to width" for name, slope, steps in cut)
    return {"query": query, "local": local, "cut": "\n".join(words)}


def _refuted(found: Sequence[Mapping[str, Any]], part: str, *, is_all_linear: bool) -> Iterator[tuple[str, str, str]]:
    for data in found:
        for each in data["paths"] if RUNS[data["name"]].shape.is_all_linear is is_all_linear else ():
            if each[part]["verdict"] == Verdict.FAIL.value:
                local = np.diff(np.log2(each[part]["sizes"])) / np.diff(np.log2(data["widths"]))
                yield data["name"], _measured(each[part]), ", ".join(f"{slope:.2f}" for slope in local)


def _above(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The paths that FAIL with a slope above the derived one, and how near they are to n^(1/2) behind a norm."""
    paths = refuted_paths(found)
    above = [(data, each["path"]) for data, each in paths if is_above(each["path"])]
    ends = [shares(data, path) for data, path in above if path["derived"] == "1/2"]
    early, late = zip(*ends, strict=True)
    return {
        "refuted": len(paths),
        "above": len(above),
        "early": f"{100 * min(early):.1f} to {100 * max(early):.1f}",
        "shares": f"{100 * min(late):.1f} to {100 * max(late):.1f}",
    }


def refuted_paths(found: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The paths that FAIL, each behind its recording."""
    paths = [(data, each) for data in found for each in data["paths"]]
    return [(data, each) for data, each in paths if each["path"]["verdict"] == Verdict.FAIL.value]


def is_above(path: Mapping[str, Any]) -> bool:
    """Whether a slope is measured above the one that is derived."""
    return bool(path["measured"] > Fraction(path["derived"]))


def shares(data: Mapping[str, Any], path: Mapping[str, Any]) -> tuple[float, float]:
    """What A_0 Z is of n^(1/2), at the least width and at the largest."""
    first, *_, last = np.asarray(path["sizes"]) / np.sqrt(data["widths"])
    return float(first), float(last)


def judged_apart(row: Mapping[str, Any]) -> str:
    """The verdict on a row, with what a path makes measured apart where it is."""
    return str(row.get("apart", row)["verdict"])


def _paths(found: Sequence[Mapping[str, Any]]) -> str:
    head = ["recording", "scheme", "adapter", "by the path", "sizes", "path cut", "sizes"]
    lines = [[*head, "control"]]
    for data in found:
        for each in data["paths"]:
            cells = [data["name"], each["scheme"], each["layer"]]
            for part in (each["path"], each["cut"]):
                cells += [
                    f"{part['derived']}: {_measured(part)}: {part['verdict']}",
                    f"{part['sizes'][0]:g}, {part['sizes'][-1]:g}",
                ]
            lines.append([*cells, each["control"]])
    return markdown_table(lines)


def _wider(found: Sequence[Mapping[str, Any]]) -> str:
    """Z_A of every adapter of two families at two ranges of widths."""
    ranges = [_of(found, family, is_far=is_far) for family in (FOUND, UNSEEN) for is_far in (False, True)]
    titles = (f"{each['family']}, {each['widths'][0]} to {each['widths'][-1]}" for each in ranges)
    kept = [[row for row in data["rows"] if _is_z_a(row)] for data in ranges]
    lines = [[rows[0]["layer"], rows[0]["predicted"], *map(_with_verdict, rows)] for rows in zip(*kept, strict=True)]
    return markdown_table([["adapter", "derived", *titles], *lines])


def _of(found: Sequence[Mapping[str, Any]], family: str, *, is_far: bool) -> Mapping[str, Any]:
    return next(data for data in found if data["name"] == _all_linear(family, is_far=is_far))


def _is_z_a(row: Mapping[str, Any]) -> bool:
    return (row["scheme"], row["quantity"], row["t"]) == (DEEP, "Z_A", STEPS)


def _with_verdict(row: Mapping[str, Any]) -> str:
    return f"{_measured(row)}: {row['verdict']}"


def _depth(found: Sequence[Mapping[str, Any]]) -> str:
    """The totals that depth changes: by family, scheme and layer, at the last step."""
    lines = [["recording", "scheme", "adapter", "quantity", "one module", "network", "measured", "verdict"]]
    for data in found:
        for row in data["rows"]:
            if is_deep(row) and row["t"] == STEPS and row["quantity"] in ("Z_A", "Z_B"):
                lines.append(
                    [
                        data["name"],
                        row["scheme"],
                        row["layer"],
                        row["quantity"],
                        f"{row['module'][0]}: {row['module'][1]}",
                        row["predicted"],
                        _measured(row),
                        row["verdict"],
                    ]
                )
    return markdown_table(lines)


def _measured(row: Mapping[str, Any]) -> str:
    if row["measured"] is None:
        return "0"
    low, high = row["ci"]
    return f"{row['measured']:.2f} in [{low:.2f}, {high:.2f}]"


def _failed(data: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for row in data["rows"] if row["verdict"] == Verdict.FAIL.value]
    if rows:
        yield f"\n### {data['name']}: {len(rows)}\n"
    for row in rows:
        yield f"- {row['scheme']}, {row['layer']}, {row['quantity']} at t = {row['t']}: {row['reason']}"


def main() -> int:
    """Record what is named, and write the page; 0 whatever the verdicts are, which are the result."""
    parser = argparse.ArgumentParser(prog="validation.networks", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--page", action="store_true", help="only write the page")
    arguments = parser.parse_args()
    names = () if arguments.page else arguments.names or RUNS
    if unknown := [name for name in names if name not in RUNS]:
        parser.error(f"no recording {unknown[0]!r}; expected {', '.join(RUNS)}")
    for name in names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated names in transformers
            data = recorded(name)
        write_all({FOLDER / f"{name}.json": written(data)})
        print(name, dict(Counter(row["verdict"] for row in data["rows"])), data["seconds"], flush=True)
    write_all({FOLDER / "README.md": page()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
