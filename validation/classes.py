"""Which classes of transformers are traced, as validation/coverage/classes.md: python -m validation.classes

Every class that writes text, from its own default configuration: one layer with adapters on every linear layer, or the
part of it that reads text. Nothing is derived here, so that a page of all of them takes minutes.
"""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import transformers
from transformers.models.auto import modeling_auto

from gamma_calc import traced
from gamma_calc.document.tables import markdown_table
from gamma_calc.errors import BadInput
from gamma_calc.files import write_all
from gamma_calc.huggingface.short_models import short_model
from validation.coverage import PAGE as FAMILIES

PAGE = FAMILIES.parent / "classes.md"
SECONDS = 90
LONGEST = 110
"""Characters of a reason."""
HEAD = """# Classes that are traced

Written by `python -m validation.classes` with transformers {version}; a slow test compares a few of its lines. Every
class that writes text, built from its own default configuration: one layer of it, or of its part that reads text, with
adapters on every linear layer but the readout. Where every operation has a rule a problem is made of it;
[README.md](README.md) has exponents of some. A default configuration may lack what that of a released model has.

{traced} of {all} are traced:

{names}

The others:

"""


def classes() -> list[str]:
    """The classes that write text, alone or beside images."""
    maps = (modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)
    every = (each for names in maps for each in names.values())
    return sorted({each if isinstance(each, str) else each[0] for each in every})


def reason(name: str) -> str:
    """Why a class is not traced; nothing where it is."""
    try:
        with _in_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated names in transformers
            config: Any = getattr(transformers, name).config_class()
            config.architectures = [name]
            found = traced(short_model(config, None, 1).model, scheme="init-a")
    except TimeoutError:
        return f"takes more than {SECONDS} seconds"
    except BadInput as problem:
        return _short(str(problem))
    except Exception as problem:  # whatever a configuration raises over its own defaults
        return _short(f"its default configuration: {type(problem).__name__}: {problem}")
    kinds = dict.fromkeys(f"`{each.operation}` ({each.reason})" for each in found.unknown)
    return _short("; ".join(kinds))


@contextmanager
def _in_time() -> Iterator[None]:
    def stop(*of_signal: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _short(text: str) -> str:
    """The beginning of a text, in one cell of a table and without places on a disk."""
    said = " ".join(word for word in text.replace("|", "/").split() if "site-packages" not in word)
    return said if len(said) <= LONGEST else f"{said[:LONGEST].rpartition(' ')[0]} ..."


def page(names: Iterable[str]) -> str:
    """The page: the names of those that are traced, and a line each of the others."""
    reasons = {name: reason(name) for name in names}
    rows = [["class", "why not"], *([name, why] for name, why in reasons.items() if why)]
    known = [name for name, why in reasons.items() if not why]
    text = HEAD.format(version=transformers.__version__, traced=len(known), all=len(reasons), names=", ".join(known))
    return f"{text}{markdown_table(rows)}\n"


def main() -> int:
    """Write the page."""
    transformers.logging.set_verbosity_error()
    write_all({PAGE: page(classes())})
    return 0


if __name__ == "__main__":
    sys.exit(main())
