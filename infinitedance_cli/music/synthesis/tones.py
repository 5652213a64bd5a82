"""Pitched voices: wavetables whose brightness falls while they sound, and frequency modulation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from infinitedance_cli.music.synthesis.grid import BeatGrid

_TABLE = 2048


@dataclass(frozen=True)
class Note:
    """A pitch for a while: `beat` and `length` in beats, `pitch` as a MIDI number, `velocity` 0 to 1."""

    beat: float
    length: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Voice:
    """How a note sounds.

    Attributes:
        bright, dark: exponents of the falling harmonics at the start of the note and after it has darkened.
        odd: only odd harmonics, as in a square wave.
        harmonics: amplitudes instead of an exponent, for organs and bells.
        darkening_s: time constant from bright to dark.
        attack_s, decay_s, release_s: envelope; `sustain` is the level after the decay.
        unison, detune_cents: copies spread in pitch.
        vibrato_cents: depth of a vibrato that sets in late.
        modulation: ratio and index of frequency modulation in place of the wavetable, index falling as the darkening.
        breath: level of noise mixed in.
        drive: soft distortion of the whole part.
    """

    bright: float = 1.2
    dark: float = 2.2
    odd: bool = False
    harmonics: tuple[float, ...] = ()
    darkening_s: float = 0.3
    attack_s: float = 0.005
    decay_s: float = 0.4
    sustain: float = 0.5
    release_s: float = 0.08
    unison: int = 1
    detune_cents: float = 0.0
    vibrato_cents: float = 0.0
    modulation: tuple[float, float] | None = None
    breath: float = 0.0
    drive: float = 0.0


VOICES: dict[str, Voice] = {
    "sub": Voice(bright=3.0, dark=3.5, decay_s=0.6, sustain=0.8),
    "808": Voice(bright=2.0, dark=4.0, darkening_s=0.06, decay_s=0.9, sustain=0.25, release_s=0.15, drive=1.5),
    "saw-bass": Voice(bright=1.0, dark=2.4, darkening_s=0.12, decay_s=0.3, sustain=0.6, unison=2, detune_cents=6),
    "square-bass": Voice(bright=1.0, dark=2.0, odd=True, darkening_s=0.1, decay_s=0.25, sustain=0.5),
    "upright": Voice(bright=1.4, dark=3.0, darkening_s=0.1, decay_s=0.5, sustain=0.15, release_s=0.12),
    "finger-bass": Voice(bright=1.3, dark=2.4, darkening_s=0.15, decay_s=0.6, sustain=0.35, release_s=0.06),
    "slap-bass": Voice(bright=0.8, dark=2.2, darkening_s=0.07, decay_s=0.3, sustain=0.3, release_s=0.04),
    "reese": Voice(bright=1.1, dark=1.6, darkening_s=1.0, sustain=0.9, unison=3, detune_cents=18),
    "piano": Voice(bright=1.3, dark=2.8, darkening_s=0.35, attack_s=0.003, decay_s=1.4, sustain=0.05, release_s=0.15),
    "e-piano": Voice(modulation=(1.0, 1.6), darkening_s=0.5, decay_s=1.6, sustain=0.1, release_s=0.12),
    "organ": Voice(harmonics=(1, 0.8, 0.6, 0.5, 0.1, 0.3, 0, 0.25), sustain=1.0, vibrato_cents=6, release_s=0.04),
    "strings": Voice(bright=1.3, dark=1.5, attack_s=0.12, sustain=0.9, release_s=0.3, unison=3, detune_cents=10),
    "pizzicato": Voice(bright=1.2, dark=3.0, darkening_s=0.06, decay_s=0.25, sustain=0.0, release_s=0.05, unison=2),
    "pad": Voice(bright=1.6, dark=2.0, attack_s=0.35, sustain=0.9, release_s=0.6, unison=3, detune_cents=14),
    "choir": Voice(harmonics=(1, 0.5, 0.7, 0.3, 0.2, 0.1), attack_s=0.2, sustain=0.9, release_s=0.4, unison=3,
                   detune_cents=12, vibrato_cents=12, breath=0.02),
    "super-saw": Voice(bright=0.9, dark=1.3, darkening_s=0.4, sustain=0.8, release_s=0.12, unison=5, detune_cents=20),
    "stab": Voice(bright=0.9, dark=2.2, darkening_s=0.1, decay_s=0.22, sustain=0.1, release_s=0.1, unison=3,
                  detune_cents=12),
    "pluck": Voice(bright=1.0, dark=2.8, darkening_s=0.09, decay_s=0.25, sustain=0.0, release_s=0.1, unison=2,
                   detune_cents=8),
    "guitar": Voice(bright=1.0, dark=2.3, darkening_s=0.2, attack_s=0.002, decay_s=0.9, sustain=0.05, release_s=0.08),
    "muted-guitar": Voice(bright=0.9, dark=2.6, darkening_s=0.04, decay_s=0.1, sustain=0.0, release_s=0.03),
    "power-guitar": Voice(bright=0.9, dark=1.2, darkening_s=0.8, sustain=0.9, unison=2, detune_cents=8, drive=6.0),
    "brass": Voice(bright=0.9, dark=1.6, darkening_s=0.25, attack_s=0.03, decay_s=0.3, sustain=0.7, unison=3,
                   detune_cents=8),
    "trumpet": Voice(bright=0.8, dark=1.4, darkening_s=0.3, attack_s=0.025, sustain=0.8, vibrato_cents=14, breath=0.01),
    "sax": Voice(bright=0.9, dark=1.5, attack_s=0.03, sustain=0.8, vibrato_cents=18, breath=0.03),
    "flute": Voice(harmonics=(1, 0.35, 0.12, 0.05), attack_s=0.05, sustain=0.9, vibrato_cents=14, breath=0.05),
    "violin": Voice(bright=1.1, dark=1.4, attack_s=0.06, sustain=0.9, release_s=0.12, vibrato_cents=22),
    "saw-lead": Voice(bright=0.9, dark=1.5, sustain=0.7, unison=3, detune_cents=10, vibrato_cents=10),
    "square-lead": Voice(bright=1.0, dark=1.6, odd=True, sustain=0.7, vibrato_cents=12),
    "vocal-chop": Voice(harmonics=(1, 0.9, 1.2, 0.5, 0.2, 0.5, 0.3), attack_s=0.02, decay_s=0.2, sustain=0.4,
                        vibrato_cents=15, breath=0.03, unison=2, detune_cents=8),
    "bell": Voice(modulation=(3.5, 2.0), darkening_s=0.4, decay_s=1.2, sustain=0.0, release_s=0.4),
    "marimba": Voice(harmonics=(1, 0, 0, 0.4, 0, 0, 0, 0, 0, 0.15), darkening_s=0.05, decay_s=0.35, sustain=0.0),
    "harp": Voice(bright=1.8, dark=3.2, darkening_s=0.3, decay_s=1.2, sustain=0.0, release_s=0.4),
    "accordion": Voice(bright=0.8, dark=0.9, odd=False, attack_s=0.04, sustain=0.95, unison=2, detune_cents=12),
    "whistle": Voice(bright=3.0, dark=3.0, attack_s=0.04, sustain=0.9, vibrato_cents=20, breath=0.02),
}  # fmt: skip


def render_notes(
    notes: Iterable[Note], voice: Voice, grid: BeatGrid, samples: int, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """(samples,) float32 of one part; notes that sound the same are worked out once."""
    out = np.zeros(samples, np.float32)
    cache: dict[tuple[int, int, int], np.ndarray] = {}
    for note in notes:
        begin, end = grid.seconds(note.beat), grid.seconds(note.beat + note.length)
        hundredths = max(round(float(end - begin) * 100), 3)
        key = (note.pitch, hundredths, round(note.velocity * 10))
        if key not in cache:
            cache[key] = tone(voice, note.pitch, hundredths / 100, max(key[2], 1) / 10, sample_rate, rng)
        add(out, cache[key], round(float(begin) * sample_rate))
    return np.tanh(out * voice.drive) if voice.drive else out


def tone(
    voice: Voice, pitch: int, seconds: float, velocity: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """(n,) float32, one note with its release."""
    count = int((seconds + voice.release_s) * sample_rate)
    time = np.arange(count) / sample_rate
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    cycles = hertz * time
    if voice.vibrato_cents:
        depth = hertz * (2 ** (voice.vibrato_cents / 1200) - 1) * np.clip((time - 0.15) / 0.3, 0, 1)
        cycles = cycles + depth * (1 - np.cos(2 * np.pi * 5.3 * time)) / (2 * np.pi * 5.3)
    brightness = (velocity * np.exp(-time / voice.darkening_s)).astype(np.float32)
    sound = np.zeros(count, np.float32)
    for cents in np.linspace(-1, 1, voice.unison) * voice.detune_cents if voice.unison > 1 else (0.0,):
        sound += _wave(voice, cycles * 2 ** (cents / 1200) + rng.random() * (voice.unison > 1), hertz, brightness,
                       sample_rate)  # fmt: skip
    if voice.breath:
        sound += voice.breath * rng.standard_normal(count).astype(np.float32)
    return sound * _envelope(voice, time, seconds) * (velocity / voice.unison)


def add(target: np.ndarray, sound: np.ndarray, at: int, gain: float = 1.0) -> None:
    """Mixes a sound in at a sample, cut at both ends of the target."""
    begin, end = max(at, 0), min(at + len(sound), len(target))
    if end > begin:
        target[begin:end] += gain * sound[begin - at : end - at]


def _wave(voice: Voice, cycles: np.ndarray, hertz: float, brightness: np.ndarray, sample_rate: int) -> np.ndarray:
    if voice.modulation is not None:
        ratio, index = voice.modulation
        swing = index * brightness * np.sin(2 * np.pi * ratio * cycles)
        return np.sin(2 * np.pi * cycles + swing).astype(np.float32)
    highest = max(int(0.45 * sample_rate / hertz), 1)
    allowed = min(1 << (highest.bit_length() - 1), 128)
    place = (cycles * _TABLE).astype(np.int64) & (_TABLE - 1)
    if voice.harmonics:
        return _given_table(voice.harmonics[:highest])[place]
    dark, bright = _table(voice.dark, voice.odd, allowed)[place], _table(voice.bright, voice.odd, allowed)[place]
    result: np.ndarray = dark + (bright - dark) * brightness
    return result


def _envelope(voice: Voice, time: np.ndarray, seconds: float) -> np.ndarray:
    attack = np.minimum(time / voice.attack_s, 1.0)
    fall = voice.sustain + (1 - voice.sustain) * np.exp(-np.maximum(time - voice.attack_s, 0) / voice.decay_s)
    release = np.clip(1 - (time - seconds) / voice.release_s, 0, 1)
    result: np.ndarray = (attack * fall * release**2).astype(np.float32)
    return result


@lru_cache(maxsize=256)
def _table(rolloff: float, odd: bool, count: int) -> np.ndarray:
    number = np.arange(1, count + 1)
    amplitude = number**-rolloff * (number % 2 if odd else 1)
    return _given_table(tuple(amplitude))


@lru_cache(maxsize=256)
def _given_table(amplitudes: tuple[float, ...]) -> np.ndarray:
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = -1j * np.asarray(amplitudes)
    wave = np.fft.irfft(spectrum)
    return (wave / np.sqrt((wave**2).mean()) * 0.5).astype(np.float32)
