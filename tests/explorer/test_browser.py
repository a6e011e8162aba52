"""The page in a real browser: what it computes is what the engine derives, and hands, fingers and keys move it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import Explorer, derive, explore
from gamma_calc.program.scheme import Scheme
from tests.explorer.chromium import Page, browser, needs_chromium
from tests.explorer.examples import (
    EXAMPLES,
    beside_a_frozen_part,
    derived_exponents,
    explored,
    points,
    stack,
    two_rates,
)

pytestmark = [pytest.mark.slow, needs_chromium]

READ = """
const type = (name, text) => {
  const input = document.querySelector(`input[aria-label="${name}, exactly"]`);
  input.value = text;
  input.dispatchEvent(new Event("change"));
};
const read = (side = 0) => {
  const box = document.querySelectorAll(".side")[side];
  const cells = [...box.querySelectorAll("td[data-quantity]")];
  const cards = [...box.querySelectorAll(".condition")];
  return {
    sizes: Object.fromEntries(cells.map((each) => [`${each.dataset.quantity} ${each.dataset.t}`, each.textContent])),
    verdicts: Object.fromEntries(cards.map((each) => [each.dataset.condition, each.dataset.verdict])),
    badges: Object.fromEntries(cards.map((each) => [each.dataset.condition, each.querySelector(".badge").textContent])),
    undertrained: box.querySelector(".learning").dataset.undertrained,
  };
};
const at = (points) => points.map((point) => {
  for (const [name, text] of Object.entries(point)) type(name, text);
  return read();
});
"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Any:
    """Opens a page in the browser."""

    def open_page(page_of: Explorer, edit: tuple[str, str] = ("", ""), **window: Any) -> Page:
        path = tmp_path / "page.html"
        text = page_of.html()
        assert edit[0] in text
        path.write_text(text.replace(*edit) if edit[0] else text, encoding="utf-8")
        page.open(path, **window)
        page.value(READ + "void 0")
        return page

    return open_page


def texts(point: Mapping[str, Fraction]) -> dict[str, str]:
    return {name: str(value) for name, value in point.items()}


def expected(name: str, point: Mapping[str, Fraction], steps: int) -> Any:
    """What the engine says of a point, as the page writes it."""
    (found,) = explored(name).derivations
    sizes = {}
    for step in derived_exponents(name, steps).steps:
        for quantity, size in step.sizes.items():
            lower, upper = size.lower.at(point), size.upper.at(point)
            text = "\N{MINUS SIGN}\N{INFINITY}" if upper is None else str(upper).replace("-", "\N{MINUS SIGN}")
            sizes[f"{quantity} {step.t}"] = text if lower == upper else f"\N{LESS-THAN OR EQUAL TO} {text}"
    verdicts = {}
    for each in found.decisions.values():
        possible = each.region if each.possible is None else each.possible
        unknown = each.status.value == "unknown" and (each.possible is None or possible.contains(point))
        verdicts[each.condition.name] = "holds" if each.region.contains(point) else "unknown" if unknown else "fails"
    return {"sizes": sizes, "verdicts": verdicts}


def compared(opened: Any, name: str, count: int, edit: tuple[str, str] = ("", "")) -> int:
    """How many of some points the page and the engine agree on; the page is loaded once."""
    (found,) = explored(name).derivations
    inside = [point for point in points(found.free, 5 * count) if found.run.domain.contains(point)][:count]
    page = opened(explored(name), edit=edit)
    shown = page.value(f"at({json.dumps([texts(point) for point in inside])})")
    steps = max(int(key.split()[1]) for key in shown[0]["sizes"])
    assert page.complaints == [] and [url[:7] for url in page.requests] == ["file://"]
    assert len(inside) == count
    agree = 0
    for point, each in zip(inside, shown, strict=True):
        known = expected(name, point, steps)
        agree += each["sizes"] == known["sizes"] and each["verdicts"] == known["verdicts"]
    met = {verdict for each in shown for verdict in each["verdicts"].values()}
    assert edit[0] or met >= {"holds", "fails", *(["unknown"] if name == "unknown" else [])}
    return agree


@pytest.mark.parametrize(("name", "count"), [("module", 200), *((name, 40) for name in EXAMPLES if name != "module")])
def test_the_page_says_what_the_engine_says(name: str, count: int, opened: Any) -> None:
    assert compared(opened, name, count) == count


def test_a_condition_holds_from_the_step_that_a_derivation_at_the_point_has(opened: Any) -> None:
    """On an edge some term leads a step earlier than on the whole of it."""
    vertices = [{"a": "-1", "b": "0"}, {"a": "0", "b": "-1"}, {"a": "-1/2", "b": "-1/2"}]
    shown = opened(explored("module")).value(f"at({json.dumps(vertices)})")
    earlier = 0
    for point, each in zip(vertices, shown, strict=True):
        there = derive(EXAMPLES["module"], at=point).conditions
        for condition, decision in explored("module").derivations[0].decisions.items():
            at_point = there[condition].onset
            if each["verdicts"][condition] == "holds" and decision.condition.reached:
                assert each["badges"][condition].endswith(f" from step {at_point} on"), (point, condition)
                earlier += at_point != decision.onset
    assert earlier


def test_another_arithmetic_is_seen(opened: Any) -> None:
    """A maximum that takes the first piece, and a comparison turned around."""
    assert compared(opened, "module", 40, ("most && compared(most, each) >= 0", "most")) < 40
    assert (
        compared(
            opened,
            "module",
            40,
            ('">" ? at > 0', '">" ? at < 0'),
        )
        == 40
    )  # no inequality is strict here
    assert compared(opened, "module", 40, (": at >= 0", ": at > 0")) < 40


def centre(page: Page, selector: str) -> tuple[float, float]:
    script = f"document.querySelector('{selector}').getBoundingClientRect()"
    box = page.value(f"(({{x, y, width, height}}) => ({{x, y, width, height}}))({script})")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def shown_point(page: Page) -> dict[str, str]:
    inputs = "document.querySelectorAll('.control input[type=text]')"
    found: list[str] = page.value(f"[...{inputs}].map((each) => each.value)")
    return dict(zip("ab", found, strict=True))


UNIT = "document.querySelector('.plane').getBoundingClientRect().width / 480 * 428 / 3"
"""Pixels of one unit of the plane, whose window is three wide."""


def test_a_mouse_drags_the_point(opened: Any) -> None:
    page = opened(explore(two_rates()))
    unit, (x, y) = page.value(UNIT), centre(page, ".handle .dot")
    assert shown_point(page) == {"a": "-1", "b": "0"}
    assert page.value("read().verdicts.stable") == "holds"
    page.drag((x, y), (x + unit, y))
    assert shown_point(page) == {"a": "0", "b": "0"}
    assert page.value("read().verdicts.stable") == "fails"
    assert page.value("read().sizes['Z_B 4']") == "1"
    page.drag(centre(page, ".handle .dot"), (x + 3, y + 3))  # a corner catches what comes near
    assert shown_point(page) == {"a": "-1", "b": "0"}


def test_a_finger_drags_the_point_and_scrolls_beside_it(opened: Any) -> None:
    page = opened(explore(two_rates()), width=390, height=844, touch=True)
    x, y = centre(page, ".handle .dot")
    page.swipe((x, y), (x + page.value(UNIT) / 2, y))
    assert shown_point(page)["a"] == "-1/2"
    page.swipe((x + 40, y + 80), (x + 40, y))
    assert shown_point(page)["a"] == "-1/2"
    assert page.value("document.documentElement.scrollWidth") == 390


def test_keys_move_the_point(opened: Any) -> None:
    page = opened(explore(two_rates()))
    page.value("document.querySelector('.handle').focus()")
    page.key("ArrowDown", shift=True)
    page.key("ArrowRight")
    assert shown_point(page) == {"a": "-23/24", "b": "-1/4"}


def test_what_is_no_number_changes_nothing(opened: Any) -> None:
    page = opened(explore(two_rates()))
    page.value("type('a', '1/0'), type('b', 'x')")
    invalid = "[...document.querySelectorAll('[aria-invalid=true]')].map((each) => each.value)"
    assert page.value(invalid) == ["1/0", "x"]
    assert page.value("read().sizes['B 1']") == "0"
    page.value("type('a', ' -0.75 '), type('b', '\N{MINUS SIGN}1/4')")
    assert page.value(invalid) == [] and shown_point(page) == {"a": "-3/4", "b": "-1/4"}
    assert page.value("read().verdicts.efficient") == "holds"


def test_outside_of_the_domain_nothing_is_said(opened: Any) -> None:
    page = opened(explored("parities"))
    page.value("type('rho', '2')")
    assert set(page.value("read().verdicts").values()) == {"outside"}
    assert set(page.value("read().sizes").values()) == {""}


def test_an_undertrained_factor_is_named(opened: Any) -> None:
    page = opened(explore("init-b"))
    page.value("type('eta', '-1')")
    assert page.value("read().undertrained") == "B"
    page.value("type('eta', '-1/2')")
    assert page.value("read().undertrained") == ""


def test_what_a_condition_proves_of_a_factor_counts(opened: Any) -> None:
    """On the whole domain delta_2 of layer 1 is only bounded; where the stack is efficient it is known."""
    page = opened(explore(stack(2)))
    told = "document.querySelector('.learning').textContent"
    last = "Object.entries(read().sizes).filter(([name]) => name.startsWith('delta_2[1] ')).at(-1)[1]"
    assert page.value("read().verdicts.efficient") == "holds" and "\N{LESS-THAN OR EQUAL TO}" in page.value(last)
    assert page.value(told).startswith("A[1], B[1], A[2], B[2] move the output")
    assert "Not known to learn: A," in opened(explored("unknown")).value(told)


CARD = "document.querySelector('[data-condition={}] .quiet').textContent"


def test_what_holds_on_parts_of_the_domain_is_not_explained_by_the_whole(opened: Any) -> None:
    """At eta = -1 the formulas say that f is n^(1/2), and at -3/2 that A moves the output: neither is so."""
    page = opened(explore(beside_a_frozen_part()))
    learning = "document.querySelector('.learning').textContent"
    for eta in ("-1", "-3/2"):
        page.value(f"type('eta', '{eta}')")
        assert page.value("read().verdicts.stable") == "holds"
        assert page.value(CARD.format("efficient")).startswith("It holds nowhere. It was decided on parts")
        assert page.value(learning) == "Not known to learn: A, B; --at tells it at a point. "
    assert all(text.endswith(" ?") for text in page.value("read().sizes").values())
    assert "may be otherwise" in page.value("document.querySelector('.exponents').textContent")


def test_a_bound_is_not_said_to_break_anything(opened: Any) -> None:
    page = opened(explore(stack(2)))
    page.value("type('a', '-1'), type('b', '-1/8')")
    assert page.value("read().verdicts.stable") == "fails"
    assert "at most 1/4" in page.value(CARD.format("stable")) and "alone breaks" in page.value(CARD.format("stable"))
    said = page.value(CARD.format("feature_learning"))
    assert "has the exponent \N{MINUS SIGN}1/8" in said and "alone" not in said


@pytest.mark.parametrize("names", [("constructor", "toString"), ("form", "upper"), ("__proto__", "valueOf")])
def test_exponents_may_have_any_name(names: tuple[str, str], opened: Any) -> None:
    page = opened(explore(Scheme("named", {"A": "-1/2", "B": "zero", "eta_A": names[0], "eta_B": names[1]})))
    for name in names:
        page.value(f"type('{name}', '-1/4')")
    assert page.value("read().sizes['Z_A 2']") == "3/4" and page.complaints == []
    page.value("document.querySelector('.chip').click()")
    assert page.value("read().verdicts.stable") == "holds" and page.complaints == []


def test_why_leads_to_the_line_of_the_derivation(opened: Any) -> None:
    page = opened(explore(two_rates()))
    page.value("type('a', '0'), document.querySelector('.condition .link').click()")
    assert page.value("document.querySelector('.why .piece.active code').textContent") == "a + b + 1"
    line = "document.querySelector('.why .quoted tr').cells"
    assert page.value(f"{line}[0].textContent") == "(2.17)" and "sum from" in page.value(f"{line}[2].textContent")
    assert not page.value("document.querySelector('details.derivation').open")
    page.value("document.querySelector('.why a').click()")
    assert page.value("document.querySelector('details.derivation').open")
    assert page.value("document.querySelector('tr.target').id").startswith("side-0-2.")


def test_a_stack_shows_one_layer_or_all(opened: Any) -> None:
    page = opened(explore(stack(2)))
    rows = "[...document.querySelectorAll('tbody tr[data-layer]')].filter((each) => !each.hidden).length"
    every = page.value(rows)
    choose = "((each) => (each.value = '2', each.dispatchEvent(new Event('change'))))(document.querySelector('select'))"
    page.value(choose)
    assert page.value(rows) == every / 2


def test_a_stack_is_shown_at_one_of_its_depths(opened: Any) -> None:
    """At a = -1 the largest stable b is -(L - 1)/(2 L): 0 of one adapter, -1/4 of two, -1/3 of three."""
    page = opened(explore(stack(2), depths=[1, 2, 3]))
    shown = "[...document.querySelectorAll('section.side')].map((each) => !each.hidden && each.offsetHeight > 0)"
    assert page.value(shown) == [False, False, True]
    page.value("type('a', '-1')")
    for b, stable in {"0": 1, "-1/4": 2, "-1/3": 3}.items():
        page.value(f"type('b', '{b}')")
        held = page.value("[0, 1, 2].map((index) => read(index).verdicts.stable)")
        assert held == ["holds"] * stable + ["fails"] * (3 - stable)
    choose = "((each) => (each.value = '0', each.dispatchEvent(new Event('change'))))(document.querySelector('#depth'))"
    page.value(choose)
    assert page.value(shown) == [True, False, False]


def test_two_schemes_move_together(opened: Any) -> None:
    page = opened(explore("init-a", "init-b"))
    page.value("type('eta', '-1/2')")
    assert page.value("[read(0).verdicts.stable, read(1).verdicts.stable]") == ["holds", "fails"]


def test_a_notebook_s_frame_works(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html>{explore('init-a')._repr_html_()}", encoding="utf-8")
    page.open(path)
    frame = "document.querySelector('iframe').contentDocument"
    assert page.value(f"{frame}.querySelector('[data-condition=stable]').dataset.verdict") == "holds"
    page.value(f"{frame}.querySelector('.condition a').click()")
    assert page.value(f"{frame}.querySelector('details').open") and page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_narrow_window_shows_all(name: str, scheme: str, opened: Any) -> None:
    page = opened(explored(name), width=390, height=844, scheme=scheme, touch=True)
    page.value("document.querySelector('details').open = true")
    assert page.value("document.documentElement.scrollWidth") == 390
    dark = page.value("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
