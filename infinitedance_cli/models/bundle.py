"""The four files that make a generator, in one folder; the starter's ships with the package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.models.checkpoint import load_model, read_description
from infinitedance_cli.models.choreographer import Choreographer
from infinitedance_cli.models.dance_index import DanceIndex, load_index
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer

Model = TypeVar("Model", bound=nn.Module)

STARTER = "starter"
FILES = {
    "tokenizer": "tokenizer.safetensors",
    "retriever": "retriever.safetensors",
    "index": "index.safetensors",
    "choreographer": "choreographer.safetensors",
}


def starter_folder() -> Path:
    """Where the bundled model lies."""
    return Path(str(resources.files("infinitedance_cli"))) / "starter" / "weights"


def part_path(name: str, part: str) -> Path:
    """The file of one of `FILES`: `name` is the file itself, a folder that holds it, or `starter`.

    Raises:
        MissingResource: it is not there.
    """
    path = starter_folder() if name == STARTER else Path(name)
    if path.is_dir() or name == STARTER:
        path = path / FILES[part]
    if not path.is_file():
        raise MissingResource(f"{part} {name}: there is no file {path}; give --{part} a trained one")
    return path


def load_part(name: str, part: str, model_type: type[Model], device: str | torch.device = "cpu") -> Model:
    """One network of a bundle, in evaluation; `name` as in `part_path`. Raises as `part_path` and `load_model`."""
    return load_model(part_path(name, part), model_type, device)


@dataclass(frozen=True)
class Bundle:
    """A folder of tokeniser, retriever, index and choreographer; each is read when it is first asked for."""

    folder: Path

    @classmethod
    def named(cls, name: str) -> Bundle:
        """The bundle called `starter`, or the one in the folder `name`.

        Raises:
            MissingResource: there is no such folder, or one of its files is missing; the message names it.
        """
        folder = starter_folder() if name == STARTER else Path(name)
        if not folder.is_dir():
            raise MissingResource(f"model {name!r}: no such folder; give {STARTER} or a folder with {_listed()}")
        missing = [file for file in FILES.values() if not (folder / file).is_file()]
        if missing:
            raise MissingResource(f"model {name!r}: {', '.join(missing)} missing in {folder}; expected {_listed()}")
        return cls(folder)

    def path(self, part: str) -> Path:
        """File of one of `FILES`."""
        return self.folder / FILES[part]

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Motion ↔ codes."""
        return load_model(self.path("tokenizer"), Tokenizer)

    @cached_property
    def retriever(self) -> Retriever:
        """Music → the embedding that the index is searched with."""
        return load_model(self.path("retriever"), Retriever)

    @cached_property
    def index(self) -> DanceIndex:
        """The dances that references are taken from."""
        return load_index(self.path("index"))

    @cached_property
    def choreographer(self) -> Choreographer:
        """Continues a dance."""
        return load_model(self.path("choreographer"), Choreographer, trainable=False)

    @cached_property
    def genres(self) -> tuple[str, ...]:
        """Genres that the choreographer was trained on."""
        return tuple(read_description(self.path("choreographer")).provenance.get("genres", ()))

    @cached_property
    def licences(self) -> tuple[str, ...]:
        """What the provenance of a dance says about the weights that made it."""
        return tuple(read_description(self.path("choreographer")).provenance.get("licences", ()))


def _listed() -> str:
    return ", ".join(FILES.values())
