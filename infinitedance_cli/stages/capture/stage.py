"""Videos in, motion clips out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from infinitedance_cli import log
from infinitedance_cli.config import to_dict
from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.motion.clip import Labels, MotionClip
from infinitedance_cli.music.sources import file_sha256
from infinitedance_cli.stages.capture.annotations import captured, scaled, with_attributes
from infinitedance_cli.stages.capture.backend import CAPTURE, FPS, CaptureBackend, PictureBackend
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.inputs import PIPE, local_file, stem
from infinitedance_cli.stages.capture.prepared import prepared_shots
from infinitedance_cli.stages.capture.quality import quality_figures
from infinitedance_cli.stages.capture.sound import Sound, listen, listening
from infinitedance_cli.stages.capture.video import TimedPicture, Video, VideoInfo, open_video

logger = logging.getLogger(__name__)

Backend = CaptureBackend | PictureBackend

_UPSIDE_DOWN_SHARE = 0.8


@dataclass
class Outcome:
    """What became of the videos: how many there were, were done already, and failed (one line each, by hash)."""

    videos: int = 0
    done: int = 0
    clips: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def raise_if_any(self) -> None:
        """Raises StageFailed that names the videos that failed."""
        if self.failures:
            raise StageFailed(
                f"{len(self.failures)} of {self.videos} videos gave no clip or not all of theirs: "
                f"{'; '.join(self.failures.values())}"
            )


@dataclass(frozen=True)
class Origin:
    """Where a clip comes from: `video` as the user named it, the hash of its bytes, and what it is."""

    video: str
    sha256: str
    info: VideoInfo


def capture(
    videos: Iterable[str],
    backend: Backend,
    config: CaptureConfig,
    outcome: Outcome,
    *,
    is_done: Callable[[str], bool] = lambda sha256: False,
) -> Iterator[MotionClip]:
    """The people in all videos, clip by clip, as each is ready.

    A video that is at fault, or in which nobody is found, is noted in `outcome` and the next one follows; with one
    video only, its error is raised. `is_done` says of a file's hash that its clips are there already.
    Raises MissingResource when something has to be installed or accepted first.
    """
    names = list(videos)
    for video in names:
        outcome.videos += 1
        key = video
        try:
            with local_file(video) as path:
                key = file_sha256(path)
                if is_done(key):
                    outcome.done += 1
                    logger.info("%s: done already", video)
                    continue
                for clip in capture_video(path, backend, config, video=video, sha256=key):
                    outcome.clips += 1
                    yield clip
        except (BadInput, StageFailed) as error:
            if len(names) == 1:
                raise
            logger.error("%s", error)
            outcome.failures[key] = str(error)


def capture_video(
    path: Path, backend: Backend, config: CaptureConfig, *, video: str, sha256: str
) -> Iterator[MotionClip]:
    """The people of one video; `video` is its name for people and `sha256` the hash of its bytes.

    Raises BadInput when it is none, StageFailed when nobody was found in it.
    """
    with _named_errors(path, video), open_video(path, config.turn, config.picture_side) as opened:
        info = replace(opened.info, name=video)
        origin = Origin(video, sha256, info)
        _describe(info)
        shown = "" if video == PIPE else video
        start_s = info.sound_start_s

        def hear() -> Sound | None:
            return None if start_s is None else listen(path, shown, sha256, start_s, beats=config.beats)

        with listening(hear, aside=True) as sound:
            count = 0
            for clip in _clips(opened, info, backend, config):
                count += 1
                yield finished(clip, origin, backend.name, config, count, sound())
        if count == 0:
            raise StageFailed(
                f"{video}: no person was found for {config.shots.shortest_s:g} s in a row; expected somebody in sight "
                "from head to feet, upright and not too small (--turn turns the picture)"
            )


def _clips(opened: Video, info: VideoInfo, backend: Backend, config: CaptureConfig) -> Iterator[MotionClip]:
    with log.progress_bar(stem(info.name), info.expected_frames) as advance:
        pictures = _counted(opened.pictures(), advance)
        if isinstance(backend, PictureBackend):
            yield from backend.follow(pictures, config)
        else:
            yield from _by_shots(pictures, backend, config)


def _by_shots(pictures: Iterator[TimedPicture], backend: CaptureBackend, config: CaptureConfig) -> Iterator[MotionClip]:
    """The clips of a backend that wants one plain file for each shot."""
    nobody: list[str] = []
    for shot in prepared_shots(pictures, config.shots):
        try:
            for clip in backend.capture(shot.path, config):
                group = scaled(captured(clip), shot.scale, shot.first_frame)
                yield with_attributes(replace(clip, extra={**clip.extra, CAPTURE: group}), {"shot": shot.number})
        except StageFailed as error:
            logger.info("shot %d: %s", shot.number + 1, error)
            nobody.append(str(error))
    if nobody:
        logger.warning("%s found nobody in %d shots: %s", backend.name, len(nobody), nobody[0])


def _counted(pictures: Iterator[TimedPicture], advance: log.Advance) -> Iterator[TimedPicture]:
    shown = 0
    for picture in pictures:
        due = round(picture.time_s * FPS)
        advance(due - shown)
        shown = due
        yield picture


def finished(
    clip: MotionClip, origin: Origin, backend: str, config: CaptureConfig, count: int, sound: Sound | None
) -> MotionClip:
    """The clip with its name, source, licence, labels, music and figures of quality."""
    name = stem(origin.video)
    clip = replace(clip, clip_id=name if count == 1 else f"{name}-{count}")
    first_s = int(captured(clip).attributes.get("first_frame", 0)) / FPS
    clip = with_attributes(
        clip,
        {
            "backend": backend,
            "source": config.source or ("" if origin.video == PIPE else Path(origin.video).name),
            "license": config.license,
            "video_sha256": origin.sha256,
            "video_fps": round(origin.info.fps, 3),
            "width": origin.info.width,
            "height": origin.info.height,
            "start_s": round(first_s, 4),
        },
    )
    clip = with_attributes(clip, quality_figures(clip))
    if config.genre:
        clip = replace(clip, labels=Labels(genre=config.genre))
    details: dict[str, object] = {"config": to_dict(config), "input_sha256": origin.sha256}
    if sound is not None:
        clip = replace(clip, music=sound.track(first_s, clip.duration_s))
        details["music_start_s"] = round(first_s - sound.start_s, 4)
    _judge(clip)
    return clip.with_provenance("capture", **details)


def _describe(info: VideoInfo) -> None:
    turned = ", turned upright" if info.turn.changes else ""
    length = "" if info.duration_s is None else f", {info.duration_s:.1f} s"
    logger.info("%s: %d × %d%s, %g fps%s", info.name, info.width, info.height, turned, round(info.fps, 2), length)


def _judge(clip: MotionClip) -> None:
    """Say in the log what came out, and what is doubtful about it."""
    figures = captured(clip).attributes
    seen = figures.get("visible_share")
    error = figures.get("reprojection_px")
    logger.info(
        "%s: %.1f s from %.1f s on%s%s",
        clip.clip_id,
        clip.duration_s,
        float(figures["start_s"]),
        "" if seen is None else f", {100 * float(seen):.0f} % of the body seen",
        "" if error is None else f", {float(error):.1f} px off",
    )
    upside_down = figures.get("upside_down_share")
    if upside_down is not None and float(upside_down) > _UPSIDE_DOWN_SHARE:
        logger.warning(
            "%s: the person is upside down in %.0f %% of the frames; if the video is, give --turn 180",
            clip.clip_id,
            100 * float(upside_down),
        )


@contextmanager
def _named_errors(path: Path, video: str) -> Iterator[None]:
    """Errors name the video as the user did, not its temporary copy."""
    try:
        yield
    except (BadInput, StageFailed) as error:
        shown = "<stdin>" if video == PIPE else video
        message = str(error).replace(str(path), shown)
        raise type(error)(message if shown in message else f"{shown}: {message}") from error
