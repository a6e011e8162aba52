"""The site as `make docs` builds it, in a browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamma_calc.program.catalogue import CATALOGUE
from tests.docs.pages import ROOT
from tests.explorer.chromium import Page, browser, needs_chromium

pytest.importorskip("mkdocs", reason="mkdocs is missing; `make docs` installs it")
pytestmark = [pytest.mark.slow, needs_chromium]
SIZES = (390, 1280)
WITHOUT_A_SERVER = {"404.html"}
"""Pages that find their styles from the root of a server only."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(found)]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"})
    return found


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as found:
        yield found


def test_every_scheme_has_a_page_to_explore(site: Path) -> None:
    pages = {f"explore/{name}.html" for name in (*CATALOGUE, "two-rates", "depth")}
    assert {path.relative_to(site).as_posix() for path in site.glob("explore/*.html")} == pages
    links = re.findall(r'href="(?:\.\./)?(explore/[^"]*)"', (site / "gallery/index.html").read_text(encoding="utf-8"))
    assert {*links} == pages


def test_no_page_is_wider_than_the_window(site: Path, page: Page) -> None:
    wide = {}
    for path in sorted(path for path in site.rglob("*.html") if path.name not in WITHOUT_A_SERVER):
        page.open(path)
        for width in SIZES:
            page.resize(width, touch=width == SIZES[0])
            found = page.value("document.documentElement.scrollWidth")
            if found > width or page.complaints:
                wide[str(path.relative_to(site)), width] = found, page.complaints
    assert not wide


def test_a_page_that_is_too_wide_is_found(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    phone = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    path.write_text(f"<!doctype html>{phone}<div style='width: 500px'>wide</div>", encoding="utf-8")
    page.open(path)
    page.resize(SIZES[0])
    assert page.value("document.documentElement.scrollWidth") == 500 + 8
    page.resize(SIZES[0], touch=True)
    assert page.value("document.documentElement.scrollWidth") > SIZES[0]
