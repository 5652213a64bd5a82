"""Songs composed by the package itself, along any beats: examples without foreign rights, and music to train with.

`compose("house", 124, bars=16, seed=3)` gives a short song with exact beats. With `beat_times` the same band follows
beats found elsewhere, such as those of a dance, and speeds up and slows down with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from infinitedance_cli.errors import UsageError
from infinitedance_cli.music.rhythm import Rhythm, known_rhythm
from infinitedance_cli.music.synthesis.arrangement import Section, arrange
from infinitedance_cli.music.synthesis.drums import KITS, Hit, make_kit, render_hits
from infinitedance_cli.music.synthesis.effects import convolved, ducked, filtered, mastered, room_response
from infinitedance_cli.music.synthesis.grid import BeatGrid, grid_along, steady_grid, swung
from infinitedance_cli.music.synthesis.styles import STYLES, Style
from infinitedance_cli.music.synthesis.tones import VOICES, Note, render_notes
from infinitedance_cli.music.synthesis.writing import Choices, Score, choose, write_score

STYLE_NAMES: tuple[str, ...] = tuple(STYLES)
"""Names that `compose` knows."""

SAMPLE_RATE = 24_000
_TAIL_S = 2.0
_LEVEL_DB = {"drums": 0.0, "bass": -3.0, "chords": -7.5, "arpeggio": -11.5, "lead": -7.0}
_PAN = {"drums": 0.0, "bass": 0.0, "chords": -0.25, "arpeggio": 0.45, "lead": 0.12}


@dataclass(frozen=True)
class Composition:
    """A song as separate parts, before the mix.

    Attributes:
        parts: (N,) float32 by name: drums, bass, chords, arpeggio, lead.
        grid: the beats.
        rhythm: the same as a record.
        sections: its form.
        style: name in `STYLE_NAMES`.
        room_s: reverberation time.
        kicks: seconds of the kicks that duck the rest.
        sample_rate: Hz.
        seed: what it was drawn from.
    """

    parts: dict[str, np.ndarray]
    grid: BeatGrid
    rhythm: Rhythm
    sections: tuple[Section, ...]
    style: str
    room_s: float
    kicks: np.ndarray
    sample_rate: int
    seed: int


def compose(
    style: str,
    bpm: float | None = None,
    *,
    bars: int | None = None,
    duration: float | None = None,
    seed: int = 0,
    meter: int | None = None,
    beat_times: np.ndarray | None = None,
    first_downbeat: int = 0,
    whole: bool = True,
    sample_rate: int = SAMPLE_RATE,
) -> tuple[np.ndarray, Rhythm]:
    """Composes, plays and masters a song; the same arguments give the same samples.

    Args:
        style: one of `STYLE_NAMES`.
        bpm: tempo; None draws a usual one. Ignored with `beat_times`.
        bars: length in bars, and a tail after the last note; or
        duration: length in seconds, exact: round(duration * sample_rate) samples. Default 24 bars.
        seed: draws key, progressions, patterns, sounds, form and mix.
        meter: beats to a bar; None takes the style's.
        beat_times: (B,) seconds, increasing: beats to play along; before and after them the tempo there goes on.
        first_downbeat: index into `beat_times` of a beat that starts a bar.
        whole: with an intro and an ending; False gives a cut from the middle of a song.
        sample_rate: Hz.

    Returns:
        (N,) float32 mono at -14 LUFS with peaks below 0.89, and its exact rhythm.

    Raises:
        UsageError: unknown style.
    """
    song = compose_parts(
        style, bpm, bars=bars, duration=duration, seed=seed, meter=meter, beat_times=beat_times,
        first_downbeat=first_downbeat, whole=whole, sample_rate=sample_rate,
    )  # fmt: skip
    return mix(song)[0], song.rhythm


def compose_parts(
    style: str,
    bpm: float | None = None,
    *,
    bars: int | None = None,
    duration: float | None = None,
    seed: int = 0,
    meter: int | None = None,
    beat_times: np.ndarray | None = None,
    first_downbeat: int = 0,
    whole: bool = True,
    sample_rate: int = SAMPLE_RATE,
) -> Composition:
    """As `compose`, with the parts still separate; see `mix`."""
    if style not in STYLES:
        raise UsageError(f"there is no style '{style}' to compose in; known: {', '.join(STYLE_NAMES)}")
    manner = STYLES[style]
    rng = np.random.default_rng([seed, STYLE_NAMES.index(style)])
    beats_to_bar = meter if meter is not None else manner.meter
    tempo = bpm if bpm is not None else float(rng.uniform(*manner.bpm))
    grid, ending, seconds = _plan(tempo, bars, duration, beats_to_bar, beat_times, first_downbeat, whole)
    first_bar = grid.first // beats_to_bar
    count = max(-(-grid.beats // beats_to_bar) - first_bar - (1 if ending else 0), 1)
    sections = [replace(section, first_bar=section.first_bar + first_bar) for section in arrange(count, whole, rng)]
    choices = choose(manner, rng)
    score = write_score(manner, choices, sections, beats_to_bar, ending, rng)
    samples = round(seconds * sample_rate)
    parts, kicks = _play(score, choices, manner, grid, samples, sample_rate, rng)
    beats = grid.times[(grid.times >= 0) & (grid.times < seconds)]
    downbeats = grid.downbeats[(grid.downbeats >= 0) & (grid.downbeats < seconds)]
    rhythm = known_rhythm(beats, samples / sample_rate, downbeats, beats_to_bar)
    return Composition(parts, grid, rhythm, tuple(sections), style, manner.room_s, kicks, sample_rate, seed)


def mix(song: Composition, stereo: bool = False, ceiling: float = 0.89) -> np.ndarray:
    """Levels, side-chain, room and master.

    Args:
        song: the parts.
        stereo: two channels instead of one.
        ceiling: highest peak; below the usual one for lossy files, which overshoot.

    Returns:
        (1, N) or (2, N) float32 at -14 LUFS.
    """
    rng = np.random.default_rng([song.seed, 77])
    count = len(next(iter(song.parts.values())))
    channels = 2 if stereo else 1
    dry, send = np.zeros((channels, count), np.float32), np.zeros(count, np.float32)
    depth = STYLES[song.style].ducking
    for name, sound in song.parts.items():
        level = float(np.sqrt((sound**2).mean()))
        if level < 1e-6:
            continue
        balanced = sound * np.float32(0.1 * 10 ** ((_LEVEL_DB[name] + rng.uniform(-2.5, 2.5)) / 20) / level)
        if name != "drums":
            balanced = ducked(balanced, song.kicks, song.sample_rate, depth, 0.18)
        angle = (1 + _PAN[name]) * np.pi / 4
        dry += balanced * (np.array([[np.cos(angle)], [np.sin(angle)]], np.float32) * 1.414 if stereo else 1.0)
        send += balanced * {"bass": 0.0, "drums": 0.08}.get(name, 0.25)
    send = filtered(send, song.sample_rate, 180, 9000)
    for channel in dry:
        channel += convolved(send, room_response(song.sample_rate, song.room_s, rng))
    return mastered(dry, song.sample_rate, ceiling=ceiling)


def _plan(
    tempo: float, bars: int | None, duration: float | None, meter: int, beat_times: np.ndarray | None,
    first_downbeat: int, whole: bool,
) -> tuple[BeatGrid, bool, float]:  # fmt: skip
    """The grid, whether the song has an ending, and its length in seconds."""
    if beat_times is not None:
        times = np.asarray(beat_times, np.float64)
        seconds = duration if duration is not None else float(2 * times[-1] - times[-2])
        return grid_along(times, seconds, meter, first_downbeat), False, seconds
    period = 60.0 / tempo
    if duration is None:
        count = (bars if bars is not None else 24) * meter
        seconds = count * period + (_TAIL_S if whole else 0.0)
        return steady_grid(tempo, count + (1 if whole else 0), meter), whole, seconds
    if not whole:
        return steady_grid(tempo, max(int(np.ceil(duration / period)), 1), meter), False, duration
    full = max(int((duration - _TAIL_S) / (period * meter)), 1)
    return steady_grid(tempo, full * meter + 1, meter), True, duration


def _play(
    score: Score, choices: Choices, style: Style, grid: BeatGrid, samples: int, sample_rate: int,
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], np.ndarray]:  # fmt: skip
    """Renders every part with swing and loose hands, and tells where the kicks fall."""
    looseness = style.loose_ms / 1000 / max(float(np.median(np.diff(grid.times))), 0.1)
    kit_name = style.kits[int(rng.integers(len(style.kits)))]
    kit = make_kit(KITS[kit_name], [hit.drum for hit in score.hits], sample_rate, rng)
    hits = [replace(hit, beat=_placed(hit.beat, choices, 0.4 * looseness, rng)) for hit in score.hits]
    parts = {"drums": render_hits(hits, kit, grid, samples, sample_rate)}
    voices = {"bass": choices.bass, "chords": choices.chords, "arpeggio": choices.arpeggio, "lead": choices.lead}
    for name, voice in voices.items():
        notes: list[Note] = getattr(score, name)
        if notes and voice is not None:
            loose = [replace(note, beat=_placed(note.beat, choices, looseness, rng)) for note in notes]
            parts[name] = render_notes(loose, VOICES[voice], grid, samples, sample_rate, rng)
    kicks = np.array([float(grid.seconds(hit.beat)) for hit in hits if hit.drum == "kick" and hit.velocity > 0.5])
    return parts, kicks


def _placed(beat: float, choices: Choices, looseness: float, rng: np.random.Generator) -> float:
    return float(swung(beat, *choices.swing)) + float(rng.normal(0, looseness))


__all__ = ["SAMPLE_RATE", "STYLE_NAMES", "Composition", "Hit", "compose", "compose_parts", "mix"]
