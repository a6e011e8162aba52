"""The page of outside evidence is made from the engine of today and says what it is not."""

from __future__ import annotations

from validation.outside import PAGE, derived_powers, page


def test_the_page_is_the_one_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_derived_powers() -> None:
    powers = {name: tuple(map(str, each)) for name, each in derived_powers().items()}
    assert powers == {
        "Init[A], stable": ("-1/2", "0"),
        "Init[B], stable": ("-1", "1"),
        "Init[A], internally stable": ("-1", "0"),
        "all of a matrix": ("-1", "0"),
    }
