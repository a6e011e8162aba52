"""The pages of the atlas are what their command writes, and every mark leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from derivations import make
from derivations.atlas_pages import pages
from gamma_calc.atlas.claims import claims


@pytest.mark.slow
def test_the_pages_are_up_to_date() -> None:
    texts = {**make.contents(), **pages()}
    assert make.differing(texts) == [], "python derivations/make.py writes these files anew"
    assert make.differing({**texts, "atlas/README.md": "old", "atlas/more.md": ""}) == [
        "atlas/README.md",
        "atlas/more.md",
    ]


@pytest.mark.slow
def test_every_mark_leads_to_its_claim() -> None:
    folder = Path(make.HERE, "atlas")
    linked = re.findall(r"\]\(([a-z0-9.-]+\.md)#([a-z0-9-]+) ", (folder / "README.md").read_text(encoding="utf-8"))
    assert sorted(name for _, name in linked) == sorted(claim.id for claim in claims())
    for file, name in linked:
        assert f'<a id="{name}"></a>' in (folder / file).read_text(encoding="utf-8")
