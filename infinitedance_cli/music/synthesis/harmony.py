"""Keys, chord progressions, voice leading and melodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)

PROGRESSIONS: dict[str, dict[bool, tuple[tuple[int, ...], ...]]] = {
    "pop": {
        False: ((0, 4, 5, 3), (0, 5, 3, 4), (5, 3, 0, 4), (3, 4, 2, 5), (0, 2, 3, 4), (3, 0, 4, 5)),
        True: ((0, 5, 2, 6), (0, 3, 5, 6), (5, 6, 0, 0), (0, 6, 5, 6), (5, 2, 6, 0)),
    },
    "minor-loop": {False: ((5, 3, 0, 4), (1, 3, 5, 4)), True: ((0, 0, 5, 6), (0, 5, 3, 6), (0, 3, 0, 6), (0, 6, 5, 5))},
    "drone": {False: ((0, 0, 6, 0), (0, 0, 3, 0)), True: ((0, 0, 0, 0), (0, 0, 6, 6), (0, 0, 3, 0))},
    "epic": {False: ((0, 4, 5, 3), (5, 3, 0, 4)), True: ((0, 5, 2, 6), (0, 2, 6, 3), (5, 6, 0, 2))},
    "jazz": {
        False: ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (3, 2, 1, 0)),
        True: ((1, 4, 0, 0), (0, 3, 1, 4), (3, 6, 2, 5)),
    },
    "rock": {False: ((0, 3, 4, 3), (0, 6, 3, 0), (0, 0, 3, 4)), True: ((0, 6, 5, 6), (0, 2, 6, 3), (0, 0, 5, 6))},
    "latin": {False: ((0, 3, 4, 3), (1, 4, 0, 0)), True: ((0, 3, 4, 4), (0, 6, 5, 4), (0, 0, 4, 4))},
    "folk": {False: ((0, 3, 0, 4), (0, 4, 5, 3), (0, 0, 3, 4)), True: ((0, 6, 0, 6), (0, 3, 6, 0), (0, 2, 6, 4))},
    "classical": {False: ((0, 3, 4, 0), (0, 5, 1, 4), (0, 4, 5, 2)), True: ((0, 3, 4, 0), (0, 5, 3, 4), (0, 6, 5, 4))},
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """Tonic pitch class, 0 for C, and minor or major."""

    tonic: int
    minor: bool

    def pitch(self, degree: int, octave: int = 4) -> int:
        """MIDI number of a degree of the scale; degree 7 is the tonic an octave up."""
        scale = MINOR if self.minor else MAJOR
        return 12 * (octave + 1) + self.tonic + 12 * (degree // 7) + scale[degree % 7]

    def chord(self, degree: int, sevenths: bool) -> tuple[int, ...]:
        """Pitch classes of the chord on a degree, root first; the fifth degree of minor gets its leading tone."""
        steps = (0, 2, 4, 6) if sevenths else (0, 2, 4)
        classes = [self.pitch(degree + step) % 12 for step in steps]
        if self.minor and degree == 4:
            classes[1] = (self.tonic + 11) % 12
        return tuple(classes)


@dataclass(frozen=True)
class Chord:
    """One chord of the song: first beat, length in beats, pitch classes (root first) and scale degree."""

    beat: float
    length: float
    classes: tuple[int, ...]
    degree: int


def lead_voices(classes: tuple[int, ...], previous: tuple[int, ...], centre: int) -> tuple[int, ...]:
    """MIDI numbers of a chord near the chord before it, around `centre`: the inversion that moves least."""
    target = float(np.mean(previous)) if previous else float(centre)
    target = 0.7 * target + 0.3 * centre
    best: tuple[int, ...] = ()
    for turn in range(len(classes)):
        order = classes[turn:] + classes[:turn]
        for base in range(centre - 18, centre + 12, 12):
            first = base + (order[0] - base) % 12
            pitches = [first]
            for one in order[1:]:
                pitches.append(pitches[-1] + ((one - pitches[-1]) % 12 or 12))
            if not best or abs(np.mean(pitches) - target) < abs(np.mean(best) - target):
                best = tuple(pitches)
    return best


def motif(beats: int, density: float, rng: np.random.Generator) -> list[tuple[float, float, int]]:
    """A melodic idea: (beat, length, step from the note before in scale degrees), on the grid of eighths."""
    grid = np.arange(0, beats, 0.5)
    weight = np.where(grid % 1 == 0, 1.0, 0.6) * np.where(grid % 4 == 0, 1.3, 1.0)
    chance = np.clip(weight * density / (2 * weight.mean()), 0, 0.95)
    starts = grid[rng.random(len(grid)) < chance]
    if not len(starts):
        starts = np.array([0.0])
    ends = np.append(starts[1:], beats)
    lengths = np.minimum(ends - starts, rng.choice([1.0, 1.5, 2.0, 3.0]))
    steps = rng.choice([-3, -2, -1, -1, 0, 1, 1, 2, 3, 4], size=len(starts))
    return [(float(s), float(n) * 0.92, int(d)) for s, n, d in zip(starts, lengths, steps, strict=True)]


def sing(
    idea: list[tuple[float, float, int]], start: float, chords: list[Chord], key: Key, degree: int, octave: int
) -> list[tuple[float, float, int]]:
    """(beat, length, pitch) of a motif at a place: strong notes move to the chord that sounds there."""
    result = []
    for beat, length, step in idea:
        degree = int(np.clip(degree + step, -2, 9))
        pitch = key.pitch(degree, octave)
        chord = next((c for c in reversed(chords) if c.beat <= start + beat), chords[0])
        if beat % 1 == 0 or length >= 1:
            pitch += min(((one - pitch + 6) % 12 - 6 for one in chord.classes), key=abs)
        result.append((start + beat, length, pitch))
    return result
