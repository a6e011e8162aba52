"""Write the book of derivations: one document a published scheme, as LaTeX, Markdown, JSON and Rocq, their index, the
chapters on LoRA in depth and on Muon, and the pages of the atlas.

python derivations/make.py            writes this folder
python derivations/make.py --check    says which files differ from what would be written; status 1 if any does
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from derivations import depth, muon
from derivations.atlas_pages import FOLDER, pages
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.certificate.certificate import certificate
from gamma_calc.certificate.rocq import rocq
from gamma_calc.derivation.as_json import derivation_json
from gamma_calc.derivation.document import document
from gamma_calc.document.latex import latex_document
from gamma_calc.document.markdown import markdown_document
from gamma_calc.document.tables import markdown_table
from gamma_calc.files import write_files
from gamma_calc.program.catalogue import catalogue_scheme

HERE = Path(__file__).resolve().parent
BOOK = (
    ("init-a", "adam"),
    ("init-b", "adam"),
    ("lora-plus-a", "adam"),
    ("lora-plus-b", "adam"),
    ("init-a", "sgd"),
    ("init-b", "sgd"),
)
"""Which schemes under which optimisers."""
INDEX = """# Derivations

Written by `python derivations/make.py`, and compared with what that writes by a test. Each derivation follows from the
rules of the calculus, applied to the equations of the scheme; nothing here is entered by hand.

[LoRA in depth](depth.md) is the chapter on stacks of adapters: where L of them are stable, and the law in L.
[Muon on adapters](muon.md) is that on orthogonalised steps, which have LoRA+'s ratio of rates built in.
[The atlas](atlas/README.md) sets what the literature found by hand beside what is derived in its place.

"""
CHAPTERS = {"depth.md": depth.chapter, "muon.md": muon.chapter}


def contents() -> Mapping[str, str]:
    """The text of every file of the book, by name."""
    found = {f"{scheme}-{optimizer}": derived(catalogue_scheme(scheme).under(optimizer)) for scheme, optimizer in BOOK}
    texts = {"README.md": INDEX + _index(found)}
    for name, derivation in found.items():
        printed = document(derivation)
        texts[f"{name}.tex"] = latex_document(printed)
        texts[f"{name}.md"] = markdown_document(printed)
        texts[f"{name}.json"] = json.dumps(derivation_json(derivation), indent=1) + "\n"
        texts[rocq_name(name)] = rocq(certificate(derivation))
    return texts


def rocq_name(name: str) -> str:
    """The name of a derivation's Rocq file, a module name: without hyphens.

    >>> rocq_name("init-a-adam")
    'init_a_adam.v'
    """
    return f"{name.replace('-', '_')}.v"


def differing(texts: Mapping[str, str]) -> list[str]:
    """The names of files that are missing, stale, or not part of the book; chapters only where they are given."""
    files = [path for path in HERE.iterdir() if path.suffix in {".tex", ".md", ".json", ".v"}]
    there = {path.name: path.read_bytes() for path in files if path.name in texts or path.name not in CHAPTERS}
    if any(name.startswith(f"{FOLDER}/") for name in texts):
        there |= {f"{FOLDER}/{path.name}": path.read_bytes() for path in (HERE / FOLDER).glob("*")}
    return sorted(name for name in {*there, *texts} if there.get(name) != texts.get(name, "").encode())


def _index(found: Mapping[str, Derivation]) -> str:
    conditions = list(next(iter(found.values())).decisions)
    header = ["derivation", *(name.replace("_", " ") for name in conditions), "largest stable rate"]
    rows = [header]
    for name, derivation in found.items():
        links = f"{name} ([text]({name}.md), [LaTeX]({name}.tex), [data]({name}.json), [Rocq]({rocq_name(name)}))"
        regions = [f"${decision.latex()}$" for decision in derivation.decisions.values()]
        rows.append([links, *regions, *(f"${rate.latex()}$" for rate in derivation.max_stable.values())])
    return f"{markdown_table(rows)}\n"


def main() -> int:
    """Write or compare; the status of the command."""
    parser = argparse.ArgumentParser(description="Write the book of derivations.")
    parser.add_argument("--check", action="store_true", help="compare only; status 1 if a file differs")
    options = parser.parse_args()
    texts = {**contents(), **{name: chapter() for name, chapter in CHAPTERS.items()}, **pages()}
    if options.check:
        names = differing(texts)
        print("\n".join(names) or "the book is up to date")
        return 1 if names else 0
    write_files(HERE, texts)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
