"""The recordings can be made again: the same functions, at small widths, give rows and sizes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from validation import edges, networks


def test_a_network_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(networks.RUNS["gpt2"], widths=(16, 32), seeds=2, schemes=("init-a",))
    monkeypatch.setattr(networks, "RUNS", {"small": small})
    data = networks.recorded("small")
    stored = {"scheme", "layer", "quantity", "t", "predicted", "upper", "measured", "ci", "verdict", "module"}
    assert data["rows"] and all(row.keys() >= stored for row in data["rows"])


def test_the_size_at_an_edge_grows_with_the_rate() -> None:
    setting = edges.SETTINGS[0]
    small, large = (edges.added(setting, 16, 0, k) for k in (1 / 64, 1.0))
    assert 0 < small < large
