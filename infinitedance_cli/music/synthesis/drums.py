"""Drums and percussion from sines and noise; every kit is drawn a little different."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from infinitedance_cli.music.synthesis.effects import filtered
from infinitedance_cli.music.synthesis.grid import BeatGrid
from infinitedance_cli.music.synthesis.tones import add


@dataclass(frozen=True)
class Hit:
    """One stroke: `beat`, name of the drum, `velocity` 0 to 1."""

    beat: float
    drum: str
    velocity: float


@dataclass(frozen=True)
class KitSound:
    """The character of a kit: multipliers of pitch and length, and how much of the snare is a clap."""

    kick_hz: float = 50.0
    kick_length_s: float = 0.3
    kick_click: float = 0.3
    snare_hz: float = 190.0
    snare_length_s: float = 0.2
    clap: float = 0.0
    hat_length_s: float = 0.05


KITS: dict[str, KitSound] = {
    "house": KitSound(50, 0.28, 0.4, 190, 0.18, 0.9, 0.05),
    "808": KitSound(44, 0.6, 0.15, 180, 0.16, 0.5, 0.035),
    "acoustic": KitSound(62, 0.2, 0.5, 200, 0.22, 0.0, 0.07),
    "brushes": KitSound(58, 0.22, 0.1, 230, 0.12, 0.0, 0.09),
    "break": KitSound(66, 0.18, 0.5, 220, 0.16, 0.1, 0.05),
    "techno": KitSound(46, 0.34, 0.3, 170, 0.14, 0.8, 0.04),
    "orchestra": KitSound(70, 0.5, 0.05, 180, 0.3, 0.0, 0.2),
}

Drum = Callable[[KitSound, int, np.random.Generator], np.ndarray]


def make_kit(
    sound: KitSound, names: Iterable[str], sample_rate: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """(n,) float32 peak-1 sound of each drum named."""
    kit = {}
    for name in sorted(set(names)):
        wave = DRUMS[name](sound, sample_rate, rng)
        kit[name] = (wave / np.abs(wave).max()).astype(np.float32)
    return kit


def render_hits(
    hits: Iterable[Hit], kit: dict[str, np.ndarray], grid: BeatGrid, samples: int, sample_rate: int
) -> np.ndarray:
    """(samples,) float32 of the drum part."""
    out = np.zeros(samples, np.float32)
    for hit in hits:
        gain = LEVELS.get(hit.drum, 0.5) * hit.velocity**1.3
        add(out, kit[hit.drum], round(float(grid.seconds(hit.beat)) * sample_rate), gain)
    return out


def _time(seconds: float, sample_rate: int) -> np.ndarray:
    return np.arange(int(seconds * sample_rate)) / sample_rate


def _noise(time: np.ndarray, sample_rate: int, rng: np.random.Generator, low_hz: float, high_hz: float) -> np.ndarray:
    return filtered(rng.standard_normal(len(time)).astype(np.float32), sample_rate, low_hz, high_hz)


def _sweep(time: np.ndarray, start_hz: float, end_hz: float, fall_s: float) -> np.ndarray:
    """Sine whose pitch falls exponentially."""
    cycles = end_hz * time + (start_hz - end_hz) * fall_s * (1 - np.exp(-time / fall_s))
    return np.sin(2 * np.pi * cycles)


def _kick(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    length = sound.kick_length_s * rng.uniform(0.8, 1.25)
    time = _time(length * 2.5, sample_rate)
    base = sound.kick_hz * rng.uniform(0.9, 1.12)
    body = _sweep(time, base * rng.uniform(4, 7), base, 0.025) * np.exp(-time / length * 1.6)
    click = sound.kick_click * _noise(time, sample_rate, rng, 800, 9000) * np.exp(-time / 0.004)
    return np.tanh(1.6 * body + click)


def _snare(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    length = sound.snare_length_s * rng.uniform(0.8, 1.3)
    time = _time(length * 3, sample_rate)
    base = sound.snare_hz * rng.uniform(0.85, 1.2)
    body = (np.sin(2 * np.pi * base * time) + 0.6 * np.sin(2 * np.pi * base * 1.59 * time)) * np.exp(-time / 0.06)
    rattle = _noise(time, sample_rate, rng, 900, 10_500) * np.exp(-time / length * 1.8)
    return (1 - 0.6 * sound.clap) * (0.7 * body + 0.5 * rattle) + 1.2 * sound.clap * _hands(time, sample_rate, rng)


def _hands(time: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    noise = _noise(time, sample_rate, rng, 700, 6000)
    bursts = sum(np.exp(-np.maximum(time - late, 0) / 0.006) * (time >= late) for late in (0.0, 0.009, 0.019))
    return noise * (0.5 * bursts + np.exp(-time / 0.09) * (time > 0.022))


def _clap(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    return _hands(_time(0.4, sample_rate), sample_rate, rng)


def _rim(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(0.06, sample_rate)
    return (np.sin(2 * np.pi * 1700 * time) + 0.6 * np.sin(2 * np.pi * 420 * time)) * np.exp(-time / 0.012)


def _metal(time: np.ndarray, sample_rate: int, rng: np.random.Generator, low_hz: float) -> np.ndarray:
    partials = sum(np.sign(np.sin(2 * np.pi * f * time)) for f in 540 * np.array([1, 1.34, 1.61, 1.92, 2.47, 2.83]))
    mixed = 0.25 * partials + rng.standard_normal(len(time))
    return filtered(mixed.astype(np.float32), sample_rate, low_hz, 0.49 * sample_rate)


def _hat(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(sound.hat_length_s * 5, sample_rate)
    return _metal(time, sample_rate, rng, 6500) * np.exp(-time / (sound.hat_length_s * rng.uniform(0.6, 1.2)))


def _open_hat(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(0.5, sample_rate)
    return _metal(time, sample_rate, rng, 6000) * np.exp(-time / rng.uniform(0.1, 0.18))


def _ride(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(0.9, sample_rate)
    ping = np.sin(2 * np.pi * rng.uniform(3200, 3900) * time) * np.exp(-time / 0.08)
    return _metal(time, sample_rate, rng, 5000) * np.exp(-time / 0.25) * 0.5 + 0.4 * ping


def _crash(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(2.2, sample_rate)
    return _metal(time, sample_rate, rng, 3000) * np.exp(-time / rng.uniform(0.5, 0.8))


def _shaker(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(0.12, sample_rate)
    return _noise(time, sample_rate, rng, 5000, 11_000) * np.minimum(time / 0.012, 1) * np.exp(-time / 0.03)


def _tambourine(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    time = _time(0.3, sample_rate)
    return _metal(time, sample_rate, rng, 7000) * (np.exp(-time / 0.02) + 0.4 * np.exp(-time / 0.09))


def _pitched(hertz: float, fall_s: float) -> Drum:
    def drum(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
        time = _time(fall_s * 5, sample_rate)
        base = hertz * rng.uniform(0.92, 1.09)
        slap = 0.2 * _noise(time, sample_rate, rng, 1000, 8000) * np.exp(-time / 0.006)
        return _sweep(time, base * 1.5, base, 0.02) * np.exp(-time / fall_s) + slap

    return drum


def _bell(hertz: float, fall_s: float) -> Drum:
    def drum(sound: KitSound, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
        time = _time(fall_s * 5, sample_rate)
        wave = sum(np.sin(2 * np.pi * hertz * ratio * time) for ratio in (1.0, 1.48))
        return np.tanh(2 * wave) * np.exp(-time / fall_s)

    return drum


DRUMS: dict[str, Drum] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "rim": _rim,
    "hat": _hat,
    "open": _open_hat,
    "ride": _ride,
    "crash": _crash,
    "shaker": _shaker,
    "tambourine": _tambourine,
    "tom": _pitched(110, 0.16),
    "low-tom": _pitched(78, 0.22),
    "conga": _pitched(240, 0.1),
    "low-conga": _pitched(165, 0.14),
    "timpani": _pitched(72, 0.5),
    "cowbell": _bell(560, 0.07),
    "clave": _bell(2400, 0.02),
    "triangle": _bell(4200, 0.35),
}

LEVELS: dict[str, float] = {
    "kick": 1.0, "snare": 0.75, "clap": 0.6, "rim": 0.4, "hat": 0.22, "open": 0.25, "ride": 0.25, "crash": 0.4,
    "shaker": 0.2, "tambourine": 0.2, "tom": 0.6, "low-tom": 0.7, "conga": 0.4, "low-conga": 0.45, "timpani": 0.7,
    "cowbell": 0.38, "clave": 0.25, "triangle": 0.12,
}  # fmt: skip
