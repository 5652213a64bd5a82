"""A generator: tokeniser, retriever, index and choreographer that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.bundle_files import FILES, STARTER, bundle_folder, file_in, part_path, starter_folder
from infinitedance_cli.models.checkpoint import codebook_sha256, load_model, read_description, weights_sha256
from infinitedance_cli.models.choreographer import Choreographer
from infinitedance_cli.models.dance_index import DanceIndex, load_index
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer

__all__ = ["FILES", "STARTER", "Bundle", "load_part", "part_path", "starter_folder"]

Model = TypeVar("Model", bound=nn.Module)


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
        return cls(bundle_folder(name))

    def path(self, part: str) -> Path:
        """File of one of `FILES`."""
        return file_in(self.folder, part)

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
    def encoder(self) -> str:
        """Music encoder that the choreographer was trained with; empty where its file does not say."""
        return str(read_description(self.path("choreographer")).provenance.get("encoder", ""))

    def require_match(self) -> None:
        """Raise BadInput unless the four parts speak of the same codes and hear the same music."""
        own, codebooks = self.choreographer.codebook, self.tokenizer.network.codebooks()
        if own.shape != codebooks.shape:
            raise BadInput(
                f"{self.path('choreographer')}: made for codebooks {tuple(own.shape)}; the tokenizer beside it has "
                f"{tuple(codebooks.shape)}; take both from one training"
            )
        sha256 = self.tokenizer.codebook_sha256
        if codebook_sha256(own) != sha256:
            raise BadInput(
                f"{self.path('choreographer')}: trained on codes of the codebook {codebook_sha256(own)[:12]}…; the "
                f"tokenizer beside it has {sha256[:12]}…; take both from one training"
            )
        self.index.require_maker(codebook_sha256=sha256, retriever_sha256=weights_sha256(self.retriever))
        hears, seeks = self.choreographer.config.condition.music_dim, self.retriever.config.music_dim
        if hears != seeks:
            raise BadInput(
                f"{self.path('retriever')}: reads {seeks} music values a step, the choreographer beside it {hears}; "
                "take both from one training"
            )

    @cached_property
    def code_turns(self) -> Tensor:
        """By how many radians each code (Q, K) turns the dancer; see `DanceIndex.code_turns`."""
        return torch.from_numpy(self.index.code_turns(self.choreographer.codebook.cpu().numpy()))

    @cached_property
    def licences(self) -> tuple[str, ...]:
        """What the provenance of a dance says about the weights that made it."""
        return tuple(read_description(self.path("choreographer")).provenance.get("licences", ()))
