"""The released model as a folder of our own files, and how the release's folder becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.bundle_files import RELEASED_FILES
from infinitedance_cli.models.checkpoint import load_large, load_model, save_model
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.released.arrays import read_statistics
from infinitedance_cli.models.released.checkpoints import (
    read_choreographer,
    read_embeddings,
    read_retriever,
    read_tokenizer,
)
from infinitedance_cli.models.released.dances import ReleasedDances, load_dances, styles_of
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.tokenizer import Tokenizer

LICENCE = "InfiniteDance: non-commercial research only (code, weights and data); MuQ weights CC BY-NC 4.0"

_FEATURES = "alldata_new_joint_vecs264_ft_balanced"
_STATISTICS = "alldata_new_joint_vecs264"
_TOKENS = "Infinite_MotionTokens_512x1024_3layer_cleandata"
_STYLES = "all_style_map.json"


@dataclass(frozen=True)
class ReleasedBundle:
    """A folder that `convert_release` wrote; each part is read when it is first asked for."""

    folder: Path

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """264-d motion ↔ codes."""
        return load_model(self.folder / RELEASED_FILES["tokenizer"], Tokenizer)

    @cached_property
    def retriever(self) -> Retriever:
        """RetrievalNet."""
        return load_model(self.folder / RELEASED_FILES["retriever"], Retriever)

    @cached_property
    def dances(self) -> ReleasedDances:
        """What references and openings are taken from."""
        return load_dances(self.folder / RELEASED_FILES["dances"])

    def choreographer(self, device: torch.device, dtype: torch.dtype) -> ReleasedChoreographer:
        """ChoreoLLaMA with the tokeniser's codebooks, in evaluation, for a `WindowDrawer`."""
        path = self.folder / RELEASED_FILES["choreographer"]
        model = load_large(path, ReleasedChoreographer, device, dtype, trainable=False)
        model.set_codebook(self.tokenizer.network.codebooks().to(device, dtype))
        return model


def convert_release(source: Path, folder: Path) -> tuple[Path, ...]:
    """Read the release's files from `source`, laid out as its README says, and write ours into the empty `folder`.

    Motion features and token files stay where they are: `folder` remembers their places, which are returned.

    Raises:
        MissingResource: a file is missing; the message says which.
        BadInput: a file is damaged, twice there, or not what its name says.
    """
    tokenizer_file = _only(source, "dance_vqvae.pth")
    statistics = _folder(source, _STATISTICS) / "meta"
    features = _folder(source, _FEATURES)
    tokenizer = read_tokenizer(
        tokenizer_file, tokenizer_file.with_name("args.json"), statistics / "Mean.npy", statistics / "Std.npy"
    )
    choreographer = read_choreographer(_only(source, "best_model_stage2.pt"))
    retriever = read_retriever(_only(source, "retrievalnet_*.ckpt"))
    names, embeddings = read_embeddings(_only(source, "retrievalnet_motion_embeddings.npz"))
    width = tokenizer.config.network.features
    mean, deviation = read_statistics(features / "meta" / "Mean.npy", features / "meta" / "Std.npy", width)
    dances = ReleasedDances(
        names=tuple(names),
        embeddings=embeddings,
        styles=styles_of(names, next(iter(sorted(source.rglob(_STYLES))), None)),
        features=features.resolve(),
        tokens=_folder(source, _TOKENS).resolve(),
        mean=mean,
        deviation=deviation,
    )
    dances.require_clips()
    _require_match(tokenizer, choreographer, retriever, dances)
    provenance = {"made_from": "the InfiniteDance release", "licences": [LICENCE]}
    for name, model in (("tokenizer", tokenizer), ("choreographer", choreographer), ("retriever", retriever)):
        save_model(folder / RELEASED_FILES[name], model, provenance=provenance)
    dances.save(folder / RELEASED_FILES["dances"])
    return dances.features, dances.tokens


def _require_match(
    tokenizer: Tokenizer, choreographer: ReleasedChoreographer, retriever: Retriever, dances: ReleasedDances
) -> None:
    codebook, expected = tuple(tokenizer.network.codebooks().shape), tuple(choreographer.codebook.shape)
    if codebook != expected:
        raise BadInput(f"the tokeniser's codebooks are {codebook}; best_model_stage2.pt was made for {expected}")
    if dances.embeddings.shape[1] != retriever.config.width:
        raise BadInput(
            f"the embeddings have {dances.embeddings.shape[1]} values; RetrievalNet gives {retriever.config.width}"
        )


def _only(source: Path, pattern: str) -> Path:
    return _one(sorted(path for path in source.rglob(pattern) if path.is_file()), source, pattern)


def _folder(source: Path, name: str) -> Path:
    return _one(sorted(path for path in source.rglob(name) if path.is_dir()), source, f"{name}/")


def _one(found: Sequence[Path], source: Path, what: str) -> Path:
    if not found:
        packed = sorted(source.rglob(f"{what.rstrip('/')}.tar*"))
        remedy = f"unpack {packed[0]}" if packed else "expected the folder laid out as the release's README says"
        raise MissingResource(f"{source}: holds no {what}; {remedy}")
    if len(found) > 1:
        raise BadInput(f"{source}: holds {what} twice, {found[0]} and {found[1]}; leave one")
    return found[0]
