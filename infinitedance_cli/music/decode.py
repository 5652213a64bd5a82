"""Sound from any audio or video file that a user has, streamed as mono float32 blocks.

Time zero is the first sample that the decoder delivers after the format's own delay is cut (MP3 encoder delay, Opus
pre-skip, the edit list of M4A), so a dance as long as the decoded samples is as long as the song that a player plays.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music import sources
from infinitedance_cli.music.sources import AudioSource, LiveSource, file_sha256, open_source, source_name

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

logger = logging.getLogger(__name__)

BLOCK_SECONDS, LIVE_BLOCK_SECONDS = 4.0, 0.5


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds, measured by decoding it.

    `duration_s` counts decoded samples, not what the header claims; `sha256` is of the file's bytes, not of the sound.
    """

    path: str
    sha256: str
    duration_s: float
    sample_rate: int
    channels: int
    codec: str


@dataclass
class DecodeReport:
    """Filled in while `stream_audio` runs; complete when its iterator is exhausted."""

    sample_rate: int = 0
    channels: int = 0
    codec: str = ""
    decoded_s: float = 0.0
    expected_s: float | None = None
    damaged_packets: int = 0
    stopped_early: bool = False


def stream_audio(
    source: AudioSource,
    sample_rate: int,
    start: float = 0.0,
    duration: float | None = None,
    report: DecodeReport | None = None,
) -> Iterator[np.ndarray]:
    """Decodes the first audio track, block by block.

    Args:
        source: path, `-` or binary file; one that cannot seek is read into a temporary file first.
        sample_rate: the rate wanted, Hz; the sound is resampled to it.
        start: seconds to skip, exact to the sample.
        duration: seconds to keep at most; None keeps all.
        report: filled with what was found, for those who want it.

    Yields:
        (n,) float32 mono samples, the mean of the channels, nominally in -1..1; every block but the last is
        `BLOCK_SECONDS` long.

    Raises:
        BadInput: no such file, not a sound file, no audio track, nothing decodable, NaN samples, `start` past the end.
    """
    with open_source(source) as readable:
        yield from _checked_blocks(readable, sample_rate, start, duration, report or DecodeReport(), BLOCK_SECONDS)


def stream_live_audio(
    source: AudioSource | LiveSource, sample_rate: int, start: float = 0.0, duration: float | None = None
) -> Iterator[np.ndarray]:
    """`stream_audio` of what `sources.open_live` gives, as it comes, in blocks of `LIVE_BLOCK_SECONDS`."""
    yield from _checked_blocks(source, sample_rate, start, duration, DecodeReport(), LIVE_BLOCK_SECONDS)


def _checked_blocks(
    source: AudioSource | LiveSource,
    sample_rate: int,
    start: float,
    duration: float | None,
    report: DecodeReport,
    block_s: float,
) -> Iterator[np.ndarray]:
    if not np.isfinite(start) or start < 0 or (duration is not None and not duration > 0):
        raise BadInput(f"start {start} s and duration {duration} s: start must not be negative, duration above 0")
    name = source_name(source)
    blocks = _cut(_mono(source, name, sample_rate, report), sample_rate, start, duration, report)
    total = 0
    for block in _rechunk(blocks, round(block_s * sample_rate)):
        finite = np.isfinite(block)
        if not finite.all():
            at = start + (total + int(np.argmin(finite))) / sample_rate
            raise BadInput(f"{name}: the sound holds NaN or infinite samples at {at:.1f} s; export it again")
        total += len(block)
        yield block
    _conclude(name, report, total, start, live=isinstance(source, LiveSource))


def probe(source: AudioSource) -> AudioInfo:
    """Reads a whole file and measures it.

    Raises:
        BadInput: as `stream_audio`.
    """
    with open_source(source) as readable:
        report = DecodeReport()
        rate = 8000
        samples = sum(len(block) for block in stream_audio(readable, rate, report=report))
        return describe(readable, report, samples / rate, source_name(source))


def stated_duration(source: AudioSource) -> float | None:
    """Seconds that the header claims, without decoding anything; None where it claims nothing.

    Raises:
        BadInput: not a sound file, or no audio track.
    """
    with open_source(source) as readable, open_container(readable, source_name(source)) as container:
        require_sound(container, source_name(source))
        seconds = _expected_seconds(container)
        return container.duration / 1e6 if seconds is None and container.duration is not None else seconds


def describe(source: AudioSource, report: DecodeReport, duration_s: float, name: str | None = None) -> AudioInfo:
    """The record of a file that was just decoded; reads its bytes once more for the hash."""
    path = name if name is not None else source_name(source)
    return AudioInfo(path, file_sha256(source), duration_s, report.sample_rate, report.channels, report.codec)


@contextmanager
def open_container(source: AudioSource | LiveSource, name: str) -> Iterator[InputContainer]:
    """The opened file or stream; raises BadInput, naming it, when it cannot be opened."""
    import av

    live = isinstance(source, LiveSource)
    target: Any = source
    if isinstance(source, str | os.PathLike):
        target = f"file:{os.fspath(source)}"  # a name with a colon in it is a file, not a protocol
    elif not isinstance(source, LiveSource):
        source.seek(0)
    try:
        container = av.open(target, mode="r", metadata_errors="replace", options=LiveSource.PROBING if live else {})
    except (av.error.FFmpegError, OSError) as error:
        sources.raise_if_stopped(source)
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise BadInput(
            f"{name}: not a sound or video file that can be decoded ({reason}); "
            f"expected {LiveSource.FORMATS if live else 'wav, mp3, flac, ogg, m4a, mp4, webm or the like'}"
        ) from error
    try:
        yield container
    finally:
        container.close()


def require_sound(container: InputContainer, name: str) -> None:
    """Raise BadInput unless there is an audio track."""
    if not container.streams.audio:
        kind = "video without a sound track" if container.streams.video else "no audio track found"
        raise BadInput(f"{name}: {kind}; expected a file with sound")


def _mono(source: AudioSource | LiveSource, name: str, sample_rate: int, report: DecodeReport) -> Iterator[np.ndarray]:
    """(n,) float32 blocks of the first audio track as the decoder delivers them, resampled."""
    from infinitedance_cli.music.resampling import MonoResampler

    with open_container(source, name) as container:
        require_sound(container, name)
        resampler = MonoResampler(sample_rate)
        for frame in decoded_frames(container, name, report):
            yield from resampler.push(frame)
        sources.raise_if_stopped(source)
        yield from resampler.flush()


def decoded_frames(container: InputContainer, name: str, report: DecodeReport) -> Iterator[av.AudioFrame]:
    """Decoded frames of the first audio track; damaged packets are skipped and counted."""
    import av

    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise BadInput(f"{name}: its sound is stored in a form that cannot be decoded; convert it to wav or mp3")
    report.codec = stream.codec_context.name
    report.expected_s = _expected_seconds(container)
    limit = report.expected_s if "mp4" in container.format.name else None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            report.damaged_packets += 1
            if report.damaged_packets > 10_000:
                return
            continue
        for frame in frames:
            yield from _counted(frame, limit, report)


def _counted(frame: av.AudioFrame, limit: float | None, report: DecodeReport) -> Iterator[av.AudioFrame]:
    """Notes rate and channels, and cuts the padding after the end that an MP4 edit list states."""
    import av

    report.sample_rate = report.sample_rate or frame.sample_rate
    report.channels = max(report.channels, len(frame.layout.channels))
    left = frame.samples if limit is None else round((limit - report.decoded_s) * frame.sample_rate)
    keep = max(min(frame.samples, left), 0)
    report.decoded_s += keep / frame.sample_rate
    if keep == frame.samples:
        yield frame
    elif keep > 0:
        array: Any = frame.to_ndarray()
        width = 1 if frame.format.is_planar else len(frame.layout.channels)
        part = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(array[:, : keep * width]), format=frame.format.name, layout=frame.layout.name
        )
        part.sample_rate = frame.sample_rate
        yield part


def _expected_seconds(container: InputContainer) -> float | None:
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None


def _cut(
    blocks: Iterable[np.ndarray], sample_rate: int, start: float, duration: float | None, report: DecodeReport
) -> Iterator[np.ndarray]:
    first = round(start * sample_rate)
    last = None if duration is None else first + round(duration * sample_rate)
    position = 0
    for block in blocks:
        begin = max(first - position, 0)
        end = len(block) if last is None else min(last - position, len(block))
        if end > begin:
            yield block[begin:end]
        position += len(block)
        if last is not None and position >= last:
            report.stopped_early = True
            return


def _rechunk(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of exactly `size`, the last one shorter."""
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            joined = np.concatenate(held)
            for index in range(0, count - size + 1, size):
                yield joined[index : index + size]
            count %= size
            held = [joined[len(joined) - count :]]
    if count:
        yield np.concatenate(held)


def _conclude(name: str, report: DecodeReport, total: int, start: float, *, live: bool) -> None:
    """Judges the whole once the last block is out: nothing decoded is an error, less than promised a warning."""
    if report.decoded_s == 0:
        advice = f"; expected {LiveSource.FORMATS}" if live else "; the file is empty or damaged"
        raise BadInput(f"{name}: no sound could be decoded from its audio track{advice}")
    if total == 0:
        raise BadInput(f"{name}: start {start:g} s is past the end, the sound is {report.decoded_s:.1f} s long")
    missing = (report.expected_s or 0.0) - report.decoded_s
    if not report.stopped_early and (missing > 0.5 or report.damaged_packets):
        promised = f" of {report.expected_s:.1f} s" if report.expected_s and missing > 0.5 else ""
        logger.warning(
            "%s: damaged or truncated; going on with the %.1f s%s that could be decoded (%d bad packets)",
            name,
            report.decoded_s,
            promised,
            report.damaged_packets,
        )
