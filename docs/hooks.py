"""What mkdocs is told beside mkdocs.yml: pages from other folders, notebooks, formulas as MathML, doctests as code."""

from __future__ import annotations

import html
import json
import logging
import re
from pathlib import Path

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from gamma_calc.derivation.advice import advice
from gamma_calc.document.mathml import mathml
from gamma_calc.document.page import PHONE
from gamma_calc.explorer.page import Explorer, explore
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import MODULE, LoraStack, Model
from gamma_calc.program.scheme import INITIAL, RATES, Scheme

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ("CONTRIBUTING.md", "derivations/**/*", "validation/**/*")
"""What belongs to the site beside docs/, under the paths by which pages link to it."""

EXPLORED = (
    "On each of these pages the exponents of a scheme can be moved, with sliders or as a point in the picture. It shows"
    " which conditions hold there, from which step on, and by which line of the proof. `gamma-calc explore SPEC --out"
    " FILE.html` writes one for a scheme of yours; two SPECs stand side by side, and `--depths` gives a stack a"
    " choice of its depth."
)
FOREIGN = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"')
IMAGE = re.compile(r'<img [^>]*src="((?:[^"]*/)?([^"/]+))(\.svg|\.png)"[^>]*>')
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.S)
SHORT = 40
"""Characters of LaTeX that no telephone is too narrow for."""
SCROLLS = "display: inline-block; max-width: 100%; overflow: auto hidden; vertical-align: bottom"
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
    for path in sorted((ROOT / "docs").glob("notebooks/*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=notebook_page(path)))
    pages = explored()
    for name, page in pages.items():
        files.append(File.generated(config, f"explore/{name}.html", content=page.html()))
    said = {
        name: " ".join(map(advice, page.derivations[-1:] if page.depths else page.derivations))
        for name, page in pages.items()
    }
    listed = "\n".join(f"- [{page.title}](explore/{name}.html). {said[name]}" for name, page in pages.items())
    files.append(File.generated(config, "gallery.md", content=f"# Explore\n\n{EXPLORED}\n\n{listed}\n"))
    return files


def explored() -> dict[str, Explorer]:
    """The pages to explore by name: one a scheme of the catalogue, and what two free rates and depth show beside it."""
    rates = explore(_with_two_rates("init-a"), _with_two_rates("init-b"))
    depth = explore(_with_two_rates("init-a", LoraStack(1)), depths=(1, 2, 3))
    return {name: explore(name) for name in CATALOGUE} | {"two-rates": rates, "depth": depth}


def _with_two_rates(name: str, model: Model = MODULE) -> Scheme:
    """A scheme of the catalogue with a free rate for each factor, perhaps in every layer of a stack."""
    scheme = CATALOGUE[name]
    title = f"{name} two rates" if model == MODULE else f"{name} in depth"
    rates = dict(zip(RATES, "ab", strict=True))
    return Scheme(title, {**{key: scheme.form(key) for key in INITIAL}, **rates}, model=model)


def notebook_page(path: Path) -> str:
    """A notebook as a page, with what its cells print."""
    blocks = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        blocks.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", ()):
            text = output.get("text") or output["data"].get("text/plain", "")
            blocks.append(f"```text\n{''.join(text).rstrip()}\n```")
    return "\n\n".join([*blocks, f"[This page as a notebook]({path.name})", ""])


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show the doctests of docstrings as code."""
    config.markdown_extensions.append(Doctests())
    return config


class Doctests(Extension):
    """Lines from `>>>` to the next blank one are a block of code; Markdown alone would quote them."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Look for them before fences are looked for."""
        md.preprocessors.register(_Fences(md), "doctests", 29)


class _Fences(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        found: list[str] = []
        is_fenced = is_doctest = False
        for line in [*lines, ""]:
            is_fenced ^= line.lstrip().startswith("```")
            if not is_fenced and not is_doctest and line.startswith(">>> "):
                is_doctest = True
                found.append("```pycon")
            elif is_doctest and not line.strip():
                is_doctest = False
                found.append("```")
            found.append(line)
        return found


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse what a browser would fetch from elsewhere."""
    for match in FOREIGN.findall(output):
        LOG.warning("%s: loads %s", page.file.src_uri, match)
    return output


def on_page_content(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn formulas into MathML, which browsers show without a script."""

    def formula(match: re.Match[str]) -> str:
        latex = html.unescape(match[2])
        try:
            if match[1] == "div":
                block = mathml(latex).replace("<math>", '<math display="block">')
                return f'<div style="overflow: auto hidden">{block}</div>'
            # Browsers break no line inside of a formula.
            return "".join(map(_inline, latex.split(r"\allowbreak")))
        except ValueError as problem:
            LOG.warning("%s: no MathML of %s: %r", page.file.src_uri, latex, problem)
            return match[0]

    return IMAGE.sub(_picture, FORMULA.sub(formula, text))


def _picture(image: re.Match[str]) -> str:
    """A picture that shows itself when it is pressed; on a telephone, its narrow form where it has one."""
    path, name, kind = image.groups()
    has_narrow = (ROOT / f"docs/images/{name}-narrow{kind}").is_file()
    narrow = f'<source media="{PHONE}" srcset="{path}-narrow{kind}">' if has_narrow else ""
    return f'<a href="{path}{kind}"><picture>{narrow}{image[0]}</picture></a>'


def _inline(latex: str) -> str:
    """A formula of a line; one that may be wider than a telephone can be moved under the finger."""
    found = mathml(latex)
    return f'<span style="{SCROLLS}">{found}</span>' if len(latex) > SHORT else found
