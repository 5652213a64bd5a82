"""Where clips of a batch go, and which videos are done there already.

A folder gets one .h5 file for each video, under its name when all its clips are in it: stop the batch and start it
again, and it goes on. A file that holds nothing but clips of the same videos is completed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path

from infinitedance_cli.engine.source_folder import ENDING, SourceFiles, clip_files
from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.music.sources import file_sha256
from infinitedance_cli.stages.capture.annotations import captured
from infinitedance_cli.stages.capture.inputs import PIPE
from infinitedance_cli.stages.capture.stage import Outcome
from infinitedance_cli.stream.ports import check_output, read_file, write_clips

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Destination:
    """`output` as given; `folder` for one file a video; `done` hashes of videos, with the file that holds each."""

    output: str
    folder: Path | None = None
    done: dict[str, Path] = field(default_factory=dict)

    def is_done(self, sha256: str) -> bool:
        """Whether the clips of a video are there."""
        return sha256 in self.done


def open_destination(output: str, folder: Path | None, videos: list[str], *, force: bool) -> Destination:
    """Checks where clips go, before any work, and what is there already; `folder` as `writing_alone` gives it.

    Raises UsageError as `check_output`.
    """
    if folder is not None:
        files = [] if force else clip_files(folder)
        return Destination(output, folder, {sha256: file for file in files for sha256 in _hashes(file)})
    path = Path(output)
    if output != PIPE and not force and path.suffix.lower() == ENDING and path.is_file():
        done = _hashes(path)
        wanted = {file_sha256(video) for video in videos if video != PIPE and Path(video).is_file()} if done else set()
        if done and done <= wanted:
            return Destination(output, None, dict.fromkeys(done, path))
    check_output(output, force=force)
    return Destination(output)


def _hashes(path: Path) -> set[str]:
    """The hashes of the videos whose clips a file holds; none where a clip is of something else."""
    try:
        found = {str(captured(clip).attributes.get("video_sha256", "")) for clip in read_file(path)}
    except BadInput as error:
        logger.debug("%s", error)
        return set()
    return set() if "" in found else found


def write_captured(clips: Iterator[MotionClip], destination: Destination, outcome: Outcome, *, force: bool) -> None:
    """Writes all clips where they belong. Raises StageFailed when the disk is full or nothing was captured at all."""
    if destination.folder is not None:
        _write_folder(clips, destination.folder, outcome)
        return
    first = next(clips, None)
    if first is None:
        outcome.raise_if_any()
        if outcome.done:
            logger.info("%s holds all clips already", destination.output)
            return
    before = read_file(Path(destination.output)) if destination.done else iter(())
    write_clips(
        chain(before, () if first is None else (first,), clips),
        destination.output,
        force=force or bool(destination.done),
    )


def _write_folder(clips: Iterable[MotionClip], folder: Path, outcome: Outcome) -> None:
    files = SourceFiles(folder)
    for sha256, of_video in groupby(clips, key=lambda clip: str(captured(clip).attributes["video_sha256"])):
        first = next(of_video)
        files.taken |= {path for path in (folder / f"{first.clip_id}{ENDING}",) if _is_of_another(path, sha256)}
        try:
            of_video = _all_or_none(chain([first], of_video), sha256, outcome)  # noqa: B031  # gone through once
            files.write(first.clip_id, sha256, of_video)
        except _Incomplete:
            logger.warning("%s in %s: not written, a rerun tries again", first.clip_id, folder)


def _is_of_another(path: Path, sha256: str) -> bool:
    return path.exists() and sha256 not in _hashes(path)


def _all_or_none(clips: Iterator[MotionClip], sha256: str, outcome: Outcome) -> Iterator[MotionClip]:
    yield from clips
    if sha256 in outcome.failures:
        raise _Incomplete(outcome.failures[sha256])


class _Incomplete(StageFailed):
    """The video failed after some of its clips: its file is dropped, and a rerun tries it again."""
