"""A song, analysed: what a music encoder and the generator are given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.beats import analyse_rhythm
from infinitedance_cli.music.decode import AudioInfo, DecodeReport, describe, stream_audio
from infinitedance_cli.music.resampling import resample
from infinitedance_cli.music.rhythm import Rhythm
from infinitedance_cli.music.sources import AudioSource, open_source, source_name
from infinitedance_cli.music.spectrum import SAMPLE_RATE, Spectrum, analyse_spectrum, array_blocks


@dataclass(frozen=True)
class Song:
    """One piece of music, from `start` on, for `duration_s` seconds; time 0 of all else is `start`.

    Attributes:
        info: the file it came from; None for sound from memory.
        start: seconds into the file.
        duration_s: length of what was decoded, exact.
        spectrum: mel bands and chroma.
        rhythm: beats, tracked or given.
        source: where the sound can be read again, for encoders that need the samples; see `audio`.
    """

    info: AudioInfo | None
    start: float
    duration_s: float
    spectrum: Spectrum
    rhythm: Rhythm
    source: AudioSource | np.ndarray

    def audio(self, sample_rate: int) -> Iterator[np.ndarray]:
        """The samples again, (n,) float32 mono blocks at any rate, exactly the stretch that was analysed.

        Raises:
            BadInput: the song came from a pipe that cannot be read twice and was not kept, or its file is gone.
        """
        if isinstance(self.source, np.ndarray):
            yield from array_blocks(resample(self.source, SAMPLE_RATE, sample_rate))
            return
        if not isinstance(self.source, str) and getattr(self.source, "closed", False):
            raise BadInput(f"{source_name(self.source)}: the stream is closed; keep it open with open_source()")
        yield from stream_audio(self.source, sample_rate, self.start, self.duration_s)

    def with_rhythm(self, rhythm: Rhythm) -> Song:
        """The same song with beats that are known better than the tracker knows them."""
        return replace(self, rhythm=rhythm)


def analyse_song(
    source: AudioSource, start: float = 0.0, duration: float | None = None, rhythm: Rhythm | None = None
) -> Song:
    """Decodes a file once and works out spectrum and beats, in memory that hardly grows with its length.

    Args:
        source: path, `-`, or binary file. Standard input can be read once: wrap it in `sources.open_source` and pass
            what that yields if an encoder will want the samples again.
        start: seconds to skip.
        duration: seconds to keep at most.
        rhythm: exact beats of the stretch where they are known; None tracks them.

    Raises:
        BadInput: as `decode.stream_audio`.
    """
    with open_source(source) as readable:
        report = DecodeReport()
        blocks = stream_audio(readable, SAMPLE_RATE, start, duration, report)
        spectrum = analyse_spectrum(blocks)
        name = source_name(source)
        info = describe(readable, report, report.decoded_s, name)
    chosen = rhythm if rhythm is not None else analyse_rhythm(spectrum)
    return Song(info, start, spectrum.duration_s, spectrum, chosen, readable)


def song_from_audio(audio: np.ndarray, sample_rate: int, rhythm: Rhythm | None = None) -> Song:
    """A song from (N,) samples in memory, as training makes them.

    Raises:
        BadInput: no samples, more than one channel, or NaN among them.
    """
    if audio.ndim != 1 or not len(audio):
        raise BadInput(f"audio of shape {audio.shape}: expected mono samples, (N,) with N above 0")
    if not np.isfinite(audio).all():
        raise BadInput("the audio holds NaN or infinite samples")
    sound = resample(np.asarray(audio, np.float32), sample_rate, SAMPLE_RATE)
    spectrum = analyse_spectrum(array_blocks(sound))
    chosen = rhythm if rhythm is not None else analyse_rhythm(spectrum)
    return Song(None, 0.0, spectrum.duration_s, spectrum, chosen, sound)
