"""Reads published data sets in the layouts that they come in, as clips with genre, song, performer and licence."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from infinitedance_cli.errors import BadInput, StageFailed, UsageError
from infinitedance_cli.log import progress
from infinitedance_cli.motion.clip import Group, Labels, MotionClip, MusicTrack
from infinitedance_cli.music.sources import file_sha256
from infinitedance_cli.stages.dataset import layouts
from infinitedance_cli.stages.dataset.gather import Duplicates, to_shards
from infinitedance_cli.stages.dataset.layouts.recording import IGNORED, LayoutOptions, Recording
from infinitedance_cli.stages.dataset.sources import Item
from infinitedance_cli.stages.dataset.stats import genre_of
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.facts import DATASET, facts_of
from infinitedance_cli.stream.ports import PIPE, check_output, read_file, write_clips

logger = logging.getLogger(__name__)

_HELPERS = ("recording",)


def layout_names() -> tuple[str, ...]:
    """The layouts that can be read."""
    return tuple(sorted(one.name for one in pkgutil.iter_modules(layouts.__path__) if one.name not in _HELPERS))


def find_layout(name: str) -> ModuleType:
    """The layout of this name. Raises UsageError that lists those that there are."""
    wanted = name.lower().replace("++", "pp").replace("-", "").replace("_", "")
    if wanted not in layout_names():
        raise UsageError(f"no layout is called {name!r}; known: {', '.join(layout_names())}")
    return importlib.import_module(f"{layouts.__name__}.{wanted}")


@dataclass
class Import:
    """One import: what to read, and what went wrong on the way (`failures` by file)."""

    layout: ModuleType
    options: LayoutOptions
    keep_ignored: bool = False
    failures: dict[Path, str] = field(default_factory=dict)
    count: int = 0

    def clips(self, folder: Path) -> Iterator[MotionClip]:
        """All recordings of a folder as clips. One that cannot be read is named in the log, left out and counted.

        The folder is looked through at the call. Raises BadInput when it is not laid out as expected.
        """
        found = self.layout.recordings(folder, self.options)
        chosen = [one for one in found if self.keep_ignored or one.split != IGNORED]
        left = len(found) - len(chosen)
        logger.info("%s: %d recordings%s", folder, len(chosen), f", {left} left out by its authors" if left else "")
        self.count = len(chosen)
        return self._read(chosen)

    def raise_if_failed(self) -> None:
        """Raises StageFailed, when everything else is written, where recordings could not be read."""
        if self.failures:
            first = next(iter(self.failures.values()))
            raise StageFailed(f"{len(self.failures)} of {self.count} recordings could not be read; the first: {first}")

    def _read(self, chosen: list[Recording]) -> Iterator[MotionClip]:
        hashes: dict[Path, str] = {}
        for recording in chosen:
            try:
                clip = next(read_file(recording.path))
            except (BadInput, UsageError) as error:
                logger.warning("%s; left out", error)
                self.failures[recording.path] = str(error)
                continue
            if recording.song is not None and recording.song not in hashes:
                hashes[recording.song] = file_sha256(recording.song)
            yield self._described(clip, recording, hashes.get(recording.song, "") if recording.song else "")

    def _described(self, clip: MotionClip, recording: Recording, song_hash: str) -> MotionClip:
        facts = {
            "name": self.layout.NAME,
            "licence": recording.licence or self.layout.LICENCE,
            "credit": recording.credit or self.layout.CREDIT,
            "performer": recording.performer,
            "recording": recording.recording,
            "split": recording.split,
            "role": recording.role,
        }
        known = {name: value for name, value in facts.items() if value}
        music = None
        if recording.song is not None or recording.song_name:
            path = recording.song.name if recording.song is not None else recording.song_name
            music = MusicTrack(sha256=song_hash, path=path, tempo_bpm=recording.tempo_bpm)
        described = replace(
            clip,
            clip_id=recording.clip_id,
            labels=Labels(genre_of(recording.genre)) if recording.genre else clip.labels,
            music=music,
            extra={**clip.extra, DATASET: Group({}, known)},
        )
        return described.with_provenance("dataset import", layout=self.layout.NAME, file=recording.path.name)


def write_imported(run: Import, folder: Path, output: str, shard_bytes: int, *, force: bool) -> None:
    """Writes all clips of a folder to a file or a stream, or adds those that are not there yet to a folder of shards.

    Raises as `Import.clips` and `infinitedance_cli.stream.ports.write_clips`.
    """
    if output == PIPE or "." in Path(output).name:
        check_output(output, force=force)
        write_clips(progress(run.clips(folder), "importing"), output, force=force)
        return
    clips = run.clips(folder)
    items = (Item(clip.clip_id, encode(clip), facts_of(clip)) for clip in progress(clips, "importing", total=run.count))
    to_shards(items, Path(output), shard_bytes, Duplicates.REFUSE)
