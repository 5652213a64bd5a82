"""Writes the parts of a split: lists of names, and folders of shards with the clips themselves."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from infinitedance_cli.errors import StageFailed, UsageError
from infinitedance_cli.motion.clip import Group, MotionClip
from infinitedance_cli.stages.dataset.gather import Duplicates, gather
from infinitedance_cli.stages.dataset.sources import Item, read_items
from infinitedance_cli.stages.dataset.split import PARTS, Split
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import DATASET, facts_of
from infinitedance_cli.stream.files import NewFile, clear_failure
from infinitedance_cli.stream.shard_index import ShardIndex
from infinitedance_cli.stream.shard_writer import SHARD_BYTES, ShardWriter
from infinitedance_cli.stream.shards import is_shard_folder

logger = logging.getLogger(__name__)


def prepare_folder(folder: Path, *, force: bool) -> None:
    """Makes the folder of the lists. Raises UsageError when it cannot, or lists are there and `force` is not given."""
    if not folder.parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {folder.parent}; make it first")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder")
    there = [part for part in PARTS if (folder / f"{part}.txt").exists()]
    if there and not force:
        raise UsageError(f"{folder}: lists are there already ({', '.join(there)}); give --force to replace them")
    with clear_failure(folder):
        folder.mkdir(exist_ok=True)


def write_lists(found: Split, folder: Path) -> None:
    """Writes `train.txt`, `val.txt` and `test.txt`: one name a line."""
    for part in PARTS:
        path = folder / f"{part}.txt"
        with NewFile(path) as new:
            with clear_failure(path):
                new.file.write("".join(f"{name}\n" for name in found.of(part)).encode())
            new.finish(path)


def write_parts(found: Split, inputs: Sequence[str], folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Writes the clips of each part into a folder of shards of its own, `/dataset@split` naming the part.

    What is there already is passed over, so that a rerun goes on. Raises UsageError when a folder holds clips of
    another split, StageFailed when clips of the split cannot be read any more.
    """
    part_of = {name: PARTS[number] for name, number in zip(found.names, found.parts.tolist(), strict=True)}
    _refuse_others(folder, part_of)
    written = 0
    with ExitStack() as stack:
        writers = {
            part: stack.enter_context(ShardWriter(folder / part, shard_bytes)) for part in PARTS if found.of(part)
        }
        for item in read_items(inputs):
            part = part_of.get(item.facts().clip_id)
            if part is not None:
                clip = in_split(item.clip(), part)
                gather([Item(item.where, encode(clip), facts_of(clip))], writers[part], Duplicates.REFUSE)
                written += 1
    for part, writer in writers.items():
        logger.info("%s: added %d clips", folder / part, writer.added)
    if written < len(found.names):
        raise StageFailed(f"{folder}: {len(found.names) - written} of {len(found.names)} clips could not be read")


def _refuse_others(folder: Path, part_of: Mapping[str, str]) -> None:
    for part in PARTS:
        if not is_shard_folder(folder / part):
            continue
        for entry in ShardIndex(folder / part).entries():
            if part_of.get(entry.facts.clip_id) != part:
                raise UsageError(
                    f"{folder / part}: holds {entry.facts.clip_id!r}, which is not of this part; name a new folder"
                )


def in_split(clip: MotionClip, part: str) -> MotionClip:
    """The clip as one of a part of a split."""
    group = clip.extra.get(DATASET, Group())
    named = Group(group.members, {**group.attributes, "split": part})
    return replace(clip, extra={**clip.extra, DATASET: named})
