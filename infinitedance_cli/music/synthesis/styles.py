"""What each style plays: tempo, grooves, bass lines, chords and sounds.

Patterns are one bar in sixteenths, four characters a beat; for another meter they are cut or go on from their start.
Drums: `1` to `9` is a stroke and its velocity. Bass: `r` root, `o` octave, `f` fifth, `t` third, `s` seventh, `a` a
semitone below the next root. Chords and arpeggios: `x` struck. `-` holds the sound before it, `.` is silence.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Groove = dict[str, str]


@dataclass(frozen=True)
class Style:
    """One style of music; every tuple is a choice drawn anew for each song.

    Attributes:
        bpm: lowest and highest usual tempo.
        meter: beats to a bar.
        kits: names in `drums.KITS`.
        grooves: drum patterns by drum name.
        bass: voices; `bass_lines` their patterns.
        chords: voices; `comping` their patterns.
        lead: voices of the melody.
        arpeggio: voices of an arpeggio; empty for none.
        minor: chance of a minor key.
        sevenths: chance that chords have a seventh.
        progressions: names of sets in `harmony.PROGRESSIONS`.
        swing: range of the place of the off-beat eighth, and of the sixteenth, 0.5 straight.
        melody_density: notes of the melody to a beat.
        ducking: depth to which the kick pushes the rest aside.
        room_s: reverberation time.
        loose_ms: spread of the timing of hands.
        strum: chords spread over time, as on a guitar.
    """

    bpm: tuple[float, float]
    kits: tuple[str, ...]
    grooves: tuple[Groove, ...]
    bass: tuple[str, ...]
    bass_lines: tuple[str, ...]
    chords: tuple[str, ...]
    comping: tuple[str, ...]
    lead: tuple[str, ...]
    arpeggio: tuple[str, ...] = ()
    meter: int = 4
    minor: float = 0.5
    sevenths: float = 0.2
    progressions: tuple[str, ...] = ("pop",)
    swing: tuple[tuple[float, float], tuple[float, float]] = ((0.5, 0.5), (0.5, 0.5))
    melody_density: float = 1.1
    ducking: float = 0.0
    room_s: float = 1.0
    loose_ms: float = 2.0
    strum: bool = False


def read_styles(path: Path) -> dict[str, Style]:
    """Styles by name, sorted, from a file like `styles.toml`."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Style(**{key: _frozen(value) for key, value in fields.items()}) for name, fields in sorted(tables.items())
    }


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


STYLES: dict[str, Style] = read_styles(Path(__file__).with_name("styles.toml"))
