"""What the band plays: drum hits, bass, chords, arpeggio and melody of every section."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from infinitedance_cli.music.synthesis.arrangement import Section
from infinitedance_cli.music.synthesis.drums import Hit
from infinitedance_cli.music.synthesis.harmony import PROGRESSIONS, Chord, Key, lead_voices, motif, sing
from infinitedance_cli.music.synthesis.styles import Groove, Style
from infinitedance_cli.music.synthesis.tones import Note

Item = TypeVar("Item")

_BACKBONE = {"kick", "snare", "clap", "timpani"}


@dataclass(frozen=True)
class Choices:
    """What was drawn for one song."""

    key: Key
    sevenths: bool
    groove: Groove
    second_groove: Groove
    bass: str
    bass_line: str
    second_bass_line: str
    chords: str
    comping: str
    second_comping: str
    lead: str
    arpeggio: str | None
    swing: tuple[float, float]
    progressions: dict[str, tuple[int, ...]]


@dataclass
class Score:
    """Everything that sounds, in beats."""

    hits: list[Hit] = field(default_factory=list)
    bass: list[Note] = field(default_factory=list)
    chords: list[Note] = field(default_factory=list)
    arpeggio: list[Note] = field(default_factory=list)
    lead: list[Note] = field(default_factory=list)


def choose(style: Style, rng: np.random.Generator) -> Choices:
    """Draws key, patterns and sounds for one song."""
    minor = bool(rng.random() < style.minor)
    pool = [one for name in style.progressions for one in PROGRESSIONS[name][minor]]
    verse, chorus = (pool[i] for i in rng.choice(len(pool), 2, replace=len(pool) < 2))
    sections = dict.fromkeys(("intro", "verse", "break"), verse) | dict.fromkeys(("build", "chorus", "outro"), chorus)
    return Choices(
        key=Key(int(rng.integers(12)), minor),
        sevenths=bool(rng.random() < style.sevenths),
        groove=_pick(style.grooves, rng),
        second_groove=_pick(style.grooves, rng),
        bass=_pick(style.bass, rng),
        bass_line=_pick(style.bass_lines, rng),
        second_bass_line=_pick(style.bass_lines, rng),
        chords=_pick(style.chords, rng),
        comping=_pick(style.comping, rng),
        second_comping=_pick(style.comping, rng),
        lead=_pick(style.lead, rng),
        arpeggio=_pick(style.arpeggio, rng) if style.arpeggio and rng.random() < 0.7 else None,
        swing=(float(rng.uniform(*style.swing[0])), float(rng.uniform(*style.swing[1]))),
        progressions=sections,
    )


def write_score(
    style: Style, choices: Choices, sections: list[Section], meter: int, ending: bool, rng: np.random.Generator
) -> Score:
    """Writes all parts; with `ending`, a last stroke of everybody on the downbeat after the last bar."""
    score = Score()
    chords: list[Chord] = []
    for section in sections:
        part = write_chords(choices, section, meter)
        chords += part
        if "drums" in section.parts:
            score.hits += write_drums(choices, section, meter, rng)
        if "chords" in section.parts:
            score.chords += comp(choices, section, part, meter, style.strum, rng)
    for section in sections:
        here = [chord for chord in chords if section.first_bar * meter <= chord.beat < _end(section) * meter]
        if "bass" in section.parts:
            score.bass += write_bass(choices, section, here, meter, rng)
        if "arpeggio" in section.parts and choices.arpeggio:
            score.arpeggio += write_arpeggio(section, here, meter, rng)
    score.lead = write_lead(style, choices, sections, chords, meter, rng)
    if ending:
        _finish(score, choices, _end(sections[-1]) * meter, meter)
    return score


def write_chords(choices: Choices, section: Section, meter: int) -> list[Chord]:
    """One chord a bar, the progression from its start in every section."""
    progression = choices.progressions[section.name]
    result = []
    for bar in range(section.bars):
        degree = progression[bar % len(progression)]
        classes = choices.key.chord(degree, choices.sevenths)
        result.append(Chord(float((section.first_bar + bar) * meter), float(meter), classes, degree))
    return result


def write_drums(choices: Choices, section: Section, meter: int, rng: np.random.Generator) -> list[Hit]:
    """The groove of a section, a crash at its start, a fill at its end."""
    groove = choices.second_groove if section.name in ("chorus", "build") else choices.groove
    thin = {name for name in groove if name not in _BACKBONE and rng.random() < 0.4} if section.drums == 1 else set()
    hits: list[Hit] = []
    steps = 4 * meter
    fill_from = steps - int(rng.choice([4, 4, 8])) if section.bars > 1 else steps
    for bar in range(section.bars):
        last = bar == section.bars - 1 and section.drums > 0 and section.name != "outro"
        for name, pattern in groove.items():
            if (section.drums == 0 and name in _BACKBONE and name != "timpani") or name in thin:
                continue
            stop = fill_from if last and name in _BACKBONE - {"kick"} else steps
            hits += _strokes(name, pattern, (section.first_bar + bar) * meter, stop, section.energy, rng)
        if last:
            hits += _fill(groove, (section.first_bar + bar) * meter, fill_from, steps, rng)
    if section.energy > 0.6:
        hits.append(Hit(float(section.first_bar * meter), "crash", 0.5 + 0.4 * section.energy))
    return hits


def write_bass(
    choices: Choices, section: Section, chords: list[Chord], meter: int, rng: np.random.Generator
) -> list[Note]:
    """The bass line of a section, under its chords."""
    line = choices.second_bass_line if section.name == "chorus" else choices.bass_line
    notes: list[Note] = []
    for index, chord in enumerate(chords):
        root = 28 + (chord.classes[0] - 28) % 12
        after = chords[(index + 1) % len(chords)].classes[0]
        following = 28 + (after - 28) % 12
        for step, length in _runs(line, 4 * meter):
            mark = _at(line, step)
            pitch = (
                _walk(step, root, chord, following, rng) if mark == "w" else _bass_pitch(mark, root, chord, following)
            )
            force = section.energy * (0.95 if step % 4 == 0 else 0.8)
            notes.append(Note(chord.beat + step / 4, length / 4 * 0.95, pitch, force))
    return notes


def comp(
    choices: Choices, section: Section, chords: list[Chord], meter: int, strum: bool, rng: np.random.Generator
) -> list[Note]:
    """Chords in the comping rhythm, with smooth voices; held softly in a break or intro."""
    pattern = choices.second_comping if section.name == "chorus" else choices.comping
    if section.name == "break":
        pattern = "x" + "-" * (4 * meter - 1)
    notes: list[Note] = []
    voicing: tuple[int, ...] = ()
    for chord in chords:
        voicing = lead_voices(chord.classes, voicing, 60)
        for step, length in _runs(pattern, 4 * meter):
            force = section.energy * (0.85 if step % 4 == 0 else 0.7) * rng.uniform(0.92, 1.0)
            for voice, pitch in enumerate(voicing):
                late = 0.03 * voice if strum else 0.0
                notes.append(Note(chord.beat + step / 4 + late, length / 4 * 0.95, pitch, float(force)))
    return notes


def write_arpeggio(section: Section, chords: list[Chord], meter: int, rng: np.random.Generator) -> list[Note]:
    """Broken chords in eighths or sixteenths, going up, down or to and fro."""
    per_beat = int(rng.choice([2, 4]))
    shape = rng.choice(["up", "down", "wave"])
    notes: list[Note] = []
    for chord in chords:
        pitches = sorted(60 + (one - 60) % 12 for one in chord.classes)
        ladder = pitches + [one + 12 for one in pitches]
        order = {"up": ladder, "down": ladder[::-1], "wave": ladder + ladder[-2:0:-1]}[str(shape)]
        for step in range(meter * per_beat):
            force = section.energy * (0.75 if step % per_beat == 0 else 0.55)
            notes.append(Note(chord.beat + step / per_beat, 0.9 / per_beat, order[step % len(order)], force))
    return notes


def write_lead(
    style: Style, choices: Choices, sections: list[Section], chords: list[Chord], meter: int, rng: np.random.Generator
) -> list[Note]:
    """Two-bar ideas in the order a a' a b; verses and choruses have their own, and repeat it each time they return."""
    ideas: dict[str, list[list[tuple[float, float, int]]]] = {}
    degrees = {"verse": int(rng.integers(0, 5)), "chorus": int(rng.integers(3, 7))}
    notes: list[Note] = []
    for section in sections:
        if "lead" not in section.parts:
            continue
        mood = "chorus" if section.name == "chorus" else "verse"
        density = style.melody_density * (1.15 if mood == "chorus" else 0.85)
        if mood not in ideas:
            ideas[mood] = [motif(2 * meter, density, rng) for _ in range(2)]
        here = [chord for chord in chords if section.first_bar * meter <= chord.beat < _end(section) * meter]
        for phrase in range(-(-section.bars // 2)):
            start = (section.first_bar + 2 * phrase) * meter
            idea = [one for one in ideas[mood][phrase % 4 == 3] if start + one[0] < _end(section) * meter]
            for beat, length, pitch in sing(idea, start, here, choices.key, degrees[mood], 5):
                notes.append(Note(beat, length, pitch, section.energy * float(rng.uniform(0.75, 0.95))))
    return notes


def _finish(score: Score, choices: Choices, beat: int, meter: int) -> None:
    classes = choices.key.chord(0, False)
    kick = "timpani" if "timpani" in choices.groove else "kick"
    score.hits += [Hit(float(beat), kick, 1.0), Hit(float(beat), "crash", 0.9)]
    score.bass.append(Note(float(beat), meter / 2, 28 + (classes[0] - 28) % 12, 0.9))
    score.chords += [Note(float(beat), meter * 0.75, pitch, 0.85) for pitch in lead_voices(classes, (), 60)]


def _strokes(name: str, pattern: str, beat: int, steps: int, energy: float, rng: np.random.Generator) -> list[Hit]:
    force = 0.6 + 0.4 * energy
    return [
        Hit(beat + step / 4, name, float(int(_at(pattern, step)) / 9 * force * rng.uniform(0.9, 1.0)))
        for step in range(steps)
        if _at(pattern, step) != "."
    ]


def _fill(groove: Groove, beat: int, start: int, stop: int, rng: np.random.Generator) -> list[Hit]:
    """Sixteenths that grow towards the next bar, on snare and toms or whatever the groove has."""
    drums = ["snare", "tom", "low-tom"] if {"kick", "snare"} & set(groove) else ["timpani", "low-tom"]
    hits = []
    for step in range(start, stop):
        if rng.random() < 0.8:
            drum = drums[min(int((step - start) / max(stop - start, 1) * len(drums)), len(drums) - 1)]
            hits.append(Hit(beat + step / 4, drum, 0.45 + 0.45 * (step - start + 1) / (stop - start)))
    return hits


def _bass_pitch(mark: str, root: int, chord: Chord, following: int) -> int:
    third, fifth = ((chord.classes[i] - root) % 12 for i in (1, 2))
    seventh = (chord.classes[3] - root) % 12 if len(chord.classes) > 3 else 10
    return {"r": root, "o": root + 12, "f": root + fifth, "t": root + third, "s": root + seventh, "a": following - 1}[
        mark
    ]


def _walk(step: int, root: int, chord: Chord, following: int, rng: np.random.Generator) -> int:
    """A walking bass: root on one, a semitone from the next root on the last beat, chord notes between."""
    if step == 0:
        return root
    if step == 12:
        return following + int(rng.choice([-1, 1]))
    return root + int((chord.classes[int(rng.integers(1, len(chord.classes)))] - root) % 12)


def _runs(pattern: str, steps: int) -> list[tuple[int, int]]:
    """(step, length) of every struck note: it lasts while dashes follow."""
    marks = [_at(pattern, step) for step in range(steps)]
    runs = []
    for step, mark in enumerate(marks):
        if mark in ".-":
            continue
        end = step + 1
        while end < steps and marks[end] == "-":
            end += 1
        runs.append((step, end - step))
    return runs


def _at(pattern: str, step: int) -> str:
    return pattern[step % len(pattern)]


def _end(section: Section) -> int:
    return section.first_bar + section.bars


def _pick(options: tuple[Item, ...], rng: np.random.Generator) -> Item:
    return options[int(rng.integers(len(options)))]
