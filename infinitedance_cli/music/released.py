"""The release's 55 audio features at 30 fps, by librosa as its scripts compute them.

20 MFCC, their slopes, 12 chroma of the harmonic part, onset strength of the percussive part, beats as ones, and the
first tempogram column, which is always 1. Needs the extra `infinitedance`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli import plugins
from infinitedance_cli.music.song import Song
from infinitedance_cli.music.spectrum import SAMPLE_RATE as _MEMORY_RATE

SAMPLE_RATE = 15_360
HOP = 512
RATE_HZ = SAMPLE_RATE / HOP
DIMENSION = 55
BEAT_COLUMN = 53


def release_features(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features (1 + N // 512, 55) of mono samples (N,) at 15,360 Hz.

    Raises:
        MissingResource: librosa is not installed; the message says how to install it.
    """
    librosa = _librosa()
    sound = np.asarray(samples, np.float32)
    mel = librosa.feature.melspectrogram(y=sound, sr=SAMPLE_RATE, hop_length=HOP)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel, ref=np.max), n_mfcc=20)
    harmonic, percussive = librosa.effects.hpss(sound)
    chroma = librosa.feature.chroma_cqt(y=harmonic, sr=SAMPLE_RATE, hop_length=HOP, n_octaves=5)
    onset = librosa.onset.onset_strength(y=percussive, sr=SAMPLE_RATE, hop_length=HOP, aggregate=np.median)
    _, beats = librosa.beat.beat_track(onset_envelope=onset, sr=SAMPLE_RATE, hop_length=HOP)
    impulses = np.zeros_like(onset)
    impulses[beats] = 1
    tempogram = librosa.feature.tempogram(onset_envelope=onset, sr=SAMPLE_RATE, hop_length=HOP)[:1]
    rows = [mfcc, librosa.feature.delta(mfcc, width=3), chroma, onset[None], impulses[None], tempogram]
    frames = min(row.shape[1] for row in rows)
    return np.concatenate([row[:, :frames] for row in rows]).T.astype(np.float32)


def released_samples(song: Song, sample_rate: int) -> NDArray[np.float32]:
    """Mono samples (N,) of a song, brought to a rate as `librosa.load` does: the whole song at once, by soxr.

    `Song.audio` streams instead; its filter differs by a tenth of the amplitude where drums hit.

    Raises:
        MissingResource: librosa is not installed; the message says how to install it.
    """
    librosa = _librosa()
    rate = song.info.sample_rate if song.info else _MEMORY_RATE
    samples = np.concatenate(list(song.audio(rate)))
    resampled: NDArray[np.float32] = librosa.resample(samples, orig_sr=rate, target_sr=sample_rate)
    return resampled


def _librosa() -> Any:
    try:
        import librosa
    except ImportError as error:
        raise plugins.missing_library("librosa", "the released model hears music through it") from error
    return librosa
