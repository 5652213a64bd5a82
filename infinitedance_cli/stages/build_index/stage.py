"""An index of dance windows, found by the music that the retriever thinks fits them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.checkpoint import weights_sha256
from infinitedance_cli.models.dance_index.base import MADE_BY, EmbeddedClip, IndexedClip
from infinitedance_cli.models.dance_index.file import FileIndex, embedded_clips, file_of
from infinitedance_cli.models.dance_index.folder import FolderIndex
from infinitedance_cli.models.dance_index.settling import advice
from infinitedance_cli.models.dance_index.writer import IndexWriter
from infinitedance_cli.models.retriever import Retriever
from infinitedance_cli.models.step_features import step_features, tokens_that_fit
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion import genres
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.build_index.config import BuildIndexConfig

logger = logging.getLogger(__name__)

_PROVENANCE = ("source", "licence", "credit")
_NOTHING = "nothing to index: no clip was left; look at --split, --genres-only and the clips' length"

Known = Callable[[str, str], bool]


@dataclass(frozen=True)
class Indexer:
    """Turns clips into entries of an index.

    Raises BadInput when the retriever was trained on other features than the tokeniser has.
    """

    tokenizer: Tokenizer
    retriever: Retriever
    config: BuildIndexConfig

    def __post_init__(self) -> None:
        reads, has = self.retriever.config.motion_dim, self.tokenizer.config.network.features
        if reads != has:
            raise BadInput(
                f"the retriever reads {reads} motion features, the tokenizer has {has}; give the retriever that was "
                "trained with this tokenizer"
            )

    @property
    def window_steps(self) -> int:
        """Steps of a window."""
        return self.retriever.config.length

    @property
    def details(self) -> dict[str, Any]:
        """What an index says of its making; two indices with the same can be one."""
        return {
            "codebook_sha256": self.tokenizer.codebook_sha256,
            "retriever_sha256": weights_sha256(self.retriever),
            "stride_steps": self.config.stride,
        }

    def entries(
        self, clips: Iterable[MotionClip], known: Known = lambda clip_id, content: False
    ) -> Iterator[EmbeddedClip]:
        """Codes and embeddings of the clips that the configuration asks for; of a clip, only these are kept.

        Tokens that a clip brings along are taken where they are of this tokeniser's codebook. Provenance is the clip's
        /dataset source, licence and credit. A clip is left out where `known` knows its id and content, or where it is
        shorter than a step.

        Raises BadInput when a clip is not on the default skeleton at 30 fps.
        """
        there = 0
        for clip in _chosen(clips, self.config):
            content = content_hash(clip, self.tokenizer.codebook_sha256)
            if known(clip.clip_id, content):
                there += 1
                continue
            steps = step_features(clip, self.tokenizer, tokens_that_fit(clip, self.tokenizer.codebook_sha256))
            starts = window_starts(len(steps.codes), self.window_steps, self.config.stride)
            if len(starts) == 0:
                logger.info("%s: left out, it is shorter than one step", clip.clip_id)
                continue
            vectors = _embed(steps.motion, starts, self.retriever, self.config.batch_size)
            indexed = IndexedClip(clip.clip_id, _genre(clip), steps.codes, _provenance(clip), steps.movement, content)
            yield EmbeddedClip(indexed, starts, vectors)
        if there:
            logger.info("%d clips left out: the index has them", there)


def index_clips(
    clips: Iterable[MotionClip], tokenizer: Tokenizer, retriever: Retriever, config: BuildIndexConfig
) -> FileIndex:
    """Index every clip of one step or more, in memory.

    Raises:
        BadInput: as `Indexer`, or no clip is left.
    """
    indexer = Indexer(tokenizer, retriever, config)
    entries = list(indexer.entries(clips))
    if not entries:
        raise BadInput(_NOTHING)
    return file_of(entries, indexer.window_steps, indexer.details)


def index_into(
    folder: Path,
    clips: Iterable[MotionClip],
    indexer: Indexer,
    *,
    grow: bool = False,
    without: Sequence[str] = (),
    retrain: bool = False,
) -> FolderIndex:
    """Index clips into a folder, by and by: what was done before an interruption is not done again.

    `grow` adds to the index that is there; `without` names clips to take out of it; `retrain` as for
    `IndexWriter.finish`. Raises as `Indexer` and `IndexWriter`; BadInput when nothing is left.
    """
    kind = indexer.config.kind
    with IndexWriter(folder, indexer.window_steps, indexer.details, kind=kind, grow=grow) as writer:
        _warn_of_missing(writer.remove(without), folder)
        for entry in indexer.entries(clips, writer.has):
            writer.add(entry)
        if writer.replaced:
            logger.warning("%d clips replaced: same name, other content", writer.replaced)
        writer.commit()
        if len(writer.index) == 0:
            raise BadInput(_NOTHING)
        index = writer.finish(retrain=retrain)
    for reason in advice(index):
        logger.warning("%s: %s; train it anew with `idance build-index --retrain -o %s`", folder, reason, folder)
    return index


def grown_file(index: FileIndex, clips: Iterable[MotionClip], indexer: Indexer, without: Sequence[str]) -> FileIndex:
    """The index of a file with further clips, and without those named. Raises as `index_clips`."""
    index.require_maker(**{name: str(indexer.details[name]) for name in MADE_BY})
    if (index.window_steps, index.details.get("stride_steps")) != (indexer.window_steps, indexer.config.stride):
        raise BadInput(
            f"the index has windows of {index.window_steps} steps every {index.details.get('stride_steps')}, found "
            f"{indexer.window_steps} every {indexer.config.stride}; give the --stride that it was built with"
        )
    contents = {clip.clip_id: clip.content for clip in index.clips}
    _warn_of_missing([name for name in without if name not in contents], "the index")
    added = list(indexer.entries(clips, lambda clip_id, content: contents.get(clip_id) == content))
    gone = {*without, *(entry.clip.clip_id for entry in added)}
    kept = [entry for entry in embedded_clips(index) if entry.clip.clip_id not in gone]
    if not kept and not added:
        raise BadInput(_NOTHING)
    return file_of([*kept, *added], index.window_steps, index.details)


def content_hash(clip: MotionClip, codebook_sha256: str) -> str:
    """A hash of all of a clip that an index keeps something of."""
    codes = tokens_that_fit(clip, codebook_sha256)
    digest = hashlib.blake2b(digest_size=16)
    arrays = (clip.root_position, clip.joint_rotation, np.zeros(0) if codes is None else codes)
    for values in arrays:
        digest.update(np.ascontiguousarray(values).tobytes())
    digest.update(json.dumps([clip.fps, _genre(clip), _provenance(clip)], sort_keys=True).encode())
    return digest.hexdigest()


def _warn_of_missing(names: Sequence[str], where: object) -> None:
    if names:
        logger.warning("%s has no clip %s", where, ", ".join(names))


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
