"""Builds an index in a folder and lets it grow: what is there is not read, trained or written anew."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.models.bundle_files import is_index_folder
from infinitedance_cli.models.dance_index.base import EmbeddedClip
from infinitedance_cli.models.dance_index.folder import FolderIndex, OpenSegment
from infinitedance_cli.models.dance_index.housekeeping import (
    LOCK,
    clear_failure,
    make_folder,
    names_in,
    require_same,
    unmake_folder,
    without_clips,
)
from infinitedance_cli.models.dance_index.manifest import (
    BUILDING,
    MANIFEST,
    Kind,
    Manifest,
    Parameters,
    SegmentEntry,
    read_manifest,
    write_manifest,
)
from infinitedance_cli.models.dance_index.merging import merge_segments, write_segment
from infinitedance_cli.models.dance_index.segment import name_hash
from infinitedance_cli.models.dance_index.settling import settled, with_recall

logger = logging.getLogger(__name__)

_COMMIT_WINDOWS, _COMMIT_S = 65_536, 30.0
_LOOSE_SEGMENTS, _LOOSE_WINDOWS = 16, 1_000_000
"""So many loose segments, each smaller than this, are joined while an index is being built."""


class IndexWriter:
    """Writes the index in `folder`, which is made where there is none.

    A new index is built beside what is there, and takes its place when `finish` is called; an interrupted one is gone
    on with, if it was of the same `window_steps` and `details`. With `grow`, clips are added to the index that is
    there; readers see them as they are committed, every half minute and at the end. Leaving the `with` block
    commits, also by an error.

    Raises UsageError when another writer has the folder or it holds other files; BadInput when the index to grow is
    damaged or of another tokeniser or retriever; StageFailed when it cannot be written.
    """

    def __init__(
        self, folder: Path, window_steps: int, details: Mapping[str, Any], *, kind: Kind = "auto", grow: bool = False
    ) -> None:
        self.folder, self.grow = folder, grow
        self._manifest = Manifest(window_steps, 0, kind, dict(details))
        self._name = MANIFEST if grow else BUILDING
        self._pending: list[EmbeddedClip] = []
        self._pending_content: dict[str, str] = {}
        self._gone: set[tuple[int, int]] = set()
        self._committed_at = time.monotonic()
        self._failed = False
        self.replaced = 0

    def __enter__(self) -> IndexWriter:
        from filelock import FileLock, Timeout

        make_folder(self.folder)
        self._lock = FileLock(self.folder / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"{self.folder}: another idance is writing there; wait for it, or choose another output"
            ) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._failed:
                self.commit()
        finally:
            self._lock.release()
            unmake_folder(self.folder)

    @property
    def index(self) -> FolderIndex:
        """What has been committed."""
        return self._index

    def has(self, clip_id: str, content: str) -> bool:
        """Whether this clip with this content is there; it is then kept, also in a build that goes on."""
        self._mark(clip_id)
        if clip_id in self._pending_content:
            return self._pending_content[clip_id] == content
        return any(self._index.segments[part].clip(clip).content == content for part, clip in self._named(clip_id))

    def add(self, clip: EmbeddedClip) -> None:
        """Add a clip; one of the same name goes in the same moment. Raises BadInput when an embedding is not finite."""
        if not np.isfinite(clip.vectors).all():
            raise BadInput("an embedding is not finite; the retriever's weights are damaged")
        clip_id = clip.clip.clip_id
        if clip_id in self._pending_content:
            self._pending = [one for one in self._pending if one.clip.clip_id != clip_id]
            self.replaced += 1
        old = self._named(clip_id)
        self.replaced += len(old)
        self._gone.update(old)
        self._pending.append(clip)
        self._pending_content[clip_id] = clip.clip.content
        due = time.monotonic() - self._committed_at > _COMMIT_S
        if due or sum(len(one.starts) for one in self._pending) >= _COMMIT_WINDOWS:
            self.commit()

    def remove(self, clip_ids: Iterable[str]) -> list[str]:
        """Take clips out by name; returns the names that are not there. Nothing is written before `finish`."""
        missing = []
        for clip_id in clip_ids:
            found = self._named(clip_id)
            self._gone.update(found)
            if not found:
                missing.append(clip_id)
        return missing

    def commit(self) -> None:
        """Make what was added and removed last. Raises StageFailed when the disk is full."""
        self._failed = True
        if self._pending or self._gone:
            entries = [
                without_clips(entry, {clip for part, clip in self._gone if part == number})
                for number, entry in enumerate(self._manifest.segments)
            ]
            if self._pending:
                entries.append(write_segment(self.folder, self._next_name(), self._pending))
            dimension = self._pending[0].vectors.shape[1] if self._pending else self._manifest.dimension
            self._replace(replace(self._manifest, segments=tuple(entries), dimension=dimension))
            self._pending, self._pending_content, self._gone = [], {}, set()
            self._join_loose()
        self._committed_at, self._failed = time.monotonic(), False

    def finish(self, *, retrain: bool = False) -> FolderIndex:
        """Commit, give the entries a searcher that fits their number, measure recall; the index is then complete.

        Raises BadInput when there is nothing in it.
        """
        self.commit()
        self._failed = True
        self._drop_unseen()
        if len(self._index) == 0:
            raise BadInput("nothing to index: there are no windows")
        settled(self._index, self._merge, retrain=retrain)
        self._replace(with_recall(self._index))
        if not self.grow:
            with clear_failure(self.folder):
                os.replace(self.folder / BUILDING, self.folder / MANIFEST)
        self._sweep()
        self._failed = False
        return FolderIndex(self.folder, self._manifest)

    def _open(self) -> None:
        if self.grow:
            manifest = read_manifest(self.folder)
            require_same(self.folder, manifest, self._manifest)
            self._manifest = manifest
        elif (self.folder / BUILDING).is_file():
            self._go_on()
        self._index = FolderIndex(self.folder, self._manifest)
        names = [np.asarray(part.records["name"]) for part in self._index.segments] if not self.grow else []
        self._before = np.unique(np.concatenate(names)) if names else np.zeros(0, np.uint64)
        self._seen = np.zeros(len(self._before), bool)
        self._sweep()

    def _go_on(self) -> None:
        """Take up the build that was interrupted, unless it was of something else or is damaged."""
        try:
            manifest = read_manifest(self.folder, BUILDING)
            require_same(self.folder, manifest, self._manifest)
            FolderIndex(self.folder, manifest)
        except BadInput as error:
            logger.warning("an interrupted build is not gone on with: %s", error)
            (self.folder / BUILDING).unlink()
            return
        self._manifest = replace(manifest, kind=self._manifest.kind)
        logger.info("%s: going on with an interrupted build", self.folder)

    def _named(self, clip_id: str) -> list[tuple[int, int]]:
        """Segment and number of the clips of this name that stay."""
        places = ((part, clip) for part, segment in enumerate(self._index.segments) for clip in segment.named(clip_id))
        return [place for place in places if place not in self._gone]

    def _mark(self, clip_id: str) -> None:
        place = int(np.searchsorted(self._before, np.uint64(name_hash(clip_id))))
        if place < len(self._before) and int(self._before[place]) == name_hash(clip_id):
            self._seen[place] = True

    def _drop_unseen(self) -> None:
        """What an interrupted build had and this one was not given does not belong to it."""
        unseen = self._before[~self._seen]
        for number, segment in enumerate(self._index.segments):
            strange = np.flatnonzero(np.isin(segment.records["name"], unseen))
            self._gone.update((number, int(clip)) for clip in strange)
        if len(unseen):
            self.commit()
            self._failed = True

    def _join_loose(self) -> None:
        loose = [
            entry
            for entry in self._manifest.segments
            if entry.parameters.kind == "exact" and entry.windows < _LOOSE_WINDOWS
        ]
        if len(loose) >= _LOOSE_SEGMENTS:
            self._merge(loose, Parameters())

    def _merge(
        self, entries: Sequence[SegmentEntry], parameters: Parameters, like: OpenSegment | None = None
    ) -> FolderIndex:
        """Put one segment in the place of several."""
        parts = [part for part in self._index.segments if part.entry in entries]
        rest = [entry for entry in self._manifest.segments if entry not in entries]
        merged: list[SegmentEntry] = []
        if any(len(part.entry.removed) < part.entry.clips for part in parts):
            merged = [merge_segments(self.folder, self._next_name(), parts, parameters, like)]
        trained = bool(merged) and merged[0].parameters.kind != "exact" and like is None
        self._replace(replace(self._manifest, segments=tuple([*merged, *rest] if trained else [*rest, *merged])))
        return self._index

    def _next_name(self) -> str:
        taken = [int(path.name.rpartition("-")[2]) for path in self.folder.glob("segment-*")]
        return f"segment-{max([self._manifest.next_segment - 1, *taken]) + 1:06d}"

    def _replace(self, manifest: Manifest) -> None:
        last = max((int(entry.name.rpartition("-")[2]) for entry in manifest.segments), default=0)
        manifest = replace(manifest, next_segment=max(manifest.next_segment, last + 1))
        write_manifest(self.folder, manifest, self._name)
        self._manifest, self._index = manifest, FolderIndex(self.folder, manifest)
        self._sweep()

    def _sweep(self) -> None:
        """Remove the segments that no manifest names."""
        named = {entry.name for entry in self._manifest.segments}
        if self._name == BUILDING and is_index_folder(self.folder):
            named |= names_in(self.folder, MANIFEST)
        if self._name == MANIFEST and (self.folder / BUILDING).is_file():
            named |= names_in(self.folder, BUILDING)
        for path in self.folder.glob("segment-*"):
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True)
