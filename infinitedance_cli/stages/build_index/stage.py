"""An index of dance windows, found by the music that the retriever thinks fits them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.dance_index import DanceIndex, IndexedClip, build_index
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.step_features import step_features, tokens_that_fit
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.build_index.config import BuildIndexConfig

logger = logging.getLogger(__name__)

_PROVENANCE = ("source", "licence", "credit")


def index_clips(
    clips: Iterable[MotionClip], tokenizer: Tokenizer, retriever: Retriever, config: BuildIndexConfig
) -> DanceIndex:
    """Index every clip of one step or more; of a clip, only its codes and embeddings are kept.

    Tokens that a clip brings along are taken where they are of this tokeniser's codebook. Provenance is the clip's
    /dataset source, licence and credit.

    Raises:
        BadInput: a clip is not on the default skeleton at 30 fps, the retriever was trained on other features, or no
            clip is left.
    """
    if retriever.config.motion_dim != tokenizer.config.network.features:
        raise BadInput(
            f"the retriever reads {retriever.config.motion_dim} motion features, the tokenizer has "
            f"{tokenizer.config.network.features}; give the retriever that was trained with this tokenizer"
        )
    sha256, window = tokenizer.codebook_sha256, retriever.config.length
    indexed: list[IndexedClip] = []
    windows: list[NDArray[np.int32]] = []
    embeddings: list[NDArray[np.float32]] = []
    for clip in _chosen(clips, config):
        steps = step_features(clip, tokenizer, tokens_that_fit(clip, sha256))
        starts = window_starts(len(steps.codes), window, config.stride)
        if len(starts) == 0:
            logger.info("%s: left out, it is shorter than one step", clip.clip_id)
            continue
        windows.append(np.stack((np.full_like(starts, len(indexed)), starts), axis=1))
        embeddings.append(_embed(steps.motion, starts, retriever, config.batch_size))
        indexed.append(IndexedClip(clip.clip_id, _genre(clip), steps.codes, _provenance(clip), steps.movement))
    if not indexed:
        raise BadInput("nothing to index: no clip was left; look at --split, --genres-only and the clips' length")
    details = {"codebook_sha256": sha256, "stride_steps": config.stride}
    return build_index(indexed, np.concatenate(windows), np.concatenate(embeddings), window, details)


def window_starts(steps: int, window: int, stride: int) -> NDArray[np.int32]:
    """First steps of the windows of a clip: every `stride` steps, and the one that ends with the clip."""
    if steps == 0:
        return np.zeros(0, np.int32)
    last = max(0, steps - window)
    return np.unique(np.append(np.arange(0, last + 1, stride), last)).astype(np.int32)


def _chosen(clips: Iterable[MotionClip], config: BuildIndexConfig) -> Iterator[MotionClip]:
    """The clips that the configuration asks for; the log says how many it left out."""
    left_out = 0
    for clip in clips:
        dataset = clip.extra.get("dataset")
        split = dataset.attributes.get("split", "train") if dataset else "train"
        if (config.split and split != config.split) or (config.genres_only and _genre(clip) not in genres.GENRES):
            left_out += 1
        else:
            yield clip
    if left_out:
        logger.info("%d clips left out: of another split, or no dance", left_out)


@torch.no_grad()
def _embed(
    motion: NDArray[np.float32], starts: NDArray[np.int32], retriever: Retriever, batch_size: int
) -> NDArray[np.float32]:
    """Unit vectors (W, E) of the windows of a clip's motion (S, D); a window past the end begins anew."""
    device = next(retriever.parameters()).device
    rows = []
    for first in range(0, len(starts), batch_size):
        index = (starts[first : first + batch_size, None] + np.arange(retriever.config.length)) % len(motion)
        rows.append(retriever.embed_motion(torch.from_numpy(motion[index]).to(device)).cpu().numpy())
    return np.concatenate(rows)


def _genre(clip: MotionClip) -> str:
    return genres.normalised(clip.labels.genre) if clip.labels else ""


def _provenance(clip: MotionClip) -> dict[str, str]:
    dataset = clip.extra.get("dataset")
    attributes = dataset.attributes if dataset else {}
    return {name: str(attributes[name]) for name in _PROVENANCE if name in attributes}
