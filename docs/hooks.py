"""What mkdocs is told beside mkdocs.yml: pages from other folders, and formulas as MathML."""

from __future__ import annotations

import html
import logging
import re
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ("CONTRIBUTING.md", "derivations/**/*", "validation/**/*")
"""What belongs to the site beside docs/, under the paths by which pages link to it."""

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)
LOG = logging.getLogger("mkdocs.hooks")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies beside docs/."""
    site = config.site_dir, config.use_directory_urls
    for path in sorted(path for pattern in BESIDE for path in ROOT.glob(pattern)):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and "__pycache__" not in name:
            dest = File(name, str(ROOT), *site).dest_uri
            level = InclusionLevel.NOT_IN_NAV
            files.append(File(f"../{name}", config.docs_dir, *site, dest_uri=dest, inclusion=level))
    return files


def on_page_content(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn formulas into MathML, which browsers show without a script."""

    def mathml(match: re.Match[str]) -> str:
        latex = html.unescape(match[2])
        try:
            return convert(latex, display="block" if match[1] == "div" else "inline")
        except Exception as problem:
            LOG.warning("%s: no MathML of %s: %r", page.file.src_uri, latex, problem)
            return match[0]

    return FORMULA.sub(mathml, text)
