"""The quality table of `idance generate`: beats, feet, smoothness, diversity, genre and copying, together.

python -m tests.benchmarks.bench_generate --real DATA [--model starter] SONG...

DATA is the folder of recordings, or an .h5 of clips prepared from it with their /dataset split; songs must not have
been used in training. Everything is measured on what the command writes, after its last step; what the networks do
alone shows `--set finish.align_beats=false finish.lock_feet=false finish.carry_by_stance=false finish.ground=false`.

Settings were chosen on the example songs and on the starter's held-out songs. The songs of the reported table served
for nothing else: Art, Beach, bath, hell and snow of Debian's hedgewars-data, introzik of frozen-bubble-data, race1-jt
and start1-jt of extremetuxracer-data (`apt-get download`, `dpkg -x`); their first 40 s have a beat at 90–130 BPM.
IDANCE_TEST_SONGS names their folder to `nox -s bench`.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.config import resolve
from infinitedance_cli.models.bundle import load_part
from infinitedance_cli.models.step_features import body_features, encode_features
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.beats import beat_alignment, beat_gap, kinematic_beats
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.evaluate.metrics.copying import copied_windows
from infinitedance_cli.stages.evaluate.metrics.distribution import diversity, normalize_features
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding, mean_foot_sliding
from infinitedance_cli.stages.evaluate.metrics.kinetic import kinetic_features
from infinitedance_cli.stages.evaluate.metrics.smoothness import (
    frozen_share,
    jitter,
    join_jerk_ratio,
    mean_joint_speed,
)
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.finish import decode_codes
from infinitedance_cli.stages.generate.stage import generate
from infinitedance_cli.starter.prepare import prepared_clips
from infinitedance_cli.stream.ports import read_clips

STANDING_TOE = 0.0272
"""Height of the toe joint of a standing foot on the default skeleton, metres: one floor for all dances."""

Joints = NDArray[np.float32]


@dataclass(frozen=True)
class Dance:
    """One generated dance: joints (T, 22, 3), and its song's beats (B,) in frames."""

    song: str
    genre: str
    seed: int
    joints: Joints
    beats: NDArray[np.float64]


def real_dances(path: Path) -> dict[str, list[MotionClip]]:
    """Recorded dances by split, from the folder of recordings or a file prepared from it; "other" is no dance."""
    splits: dict[str, list[MotionClip]] = {"train": [], "held_out": []}
    clips = prepared_clips(path) if path.is_dir() else read_clips([str(path)])
    for clip in clips:
        if clip.labels is not None and clip.labels.genre != "other" and clip.frames >= 60:
            splits[str(clip.extra["dataset"].attributes["split"])].append(clip)  # type: ignore[union-attr]
    return splits


def dances(songs: Sequence[Path], genres: Sequence[str], seeds: Sequence[int], base: GenerateConfig) -> Iterator[Dance]:
    """Every song in every genre with every seed, 40 s of each; seeds must follow one another."""
    for song in songs:
        for genre in genres:
            config = replace(base, genre=genre, seed=seeds[0], takes=len(seeds), duration=40.0)
            for seed, clip in zip(seeds, generate(str(song), config), strict=True):
                assert clip.music is not None
                yield Dance(song.stem, genre, seed, clip.joint_positions()[:, :22], clip.music.beats * clip.fps)


def interval(values: Sequence[float]) -> str:
    """Mean and 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    table = np.asarray(values)
    means = random.choice(table, size=(2000, len(table))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{table.mean():.3f} [{low:.3f}, {high:.3f}]"


def beat_rows(made: Sequence[Dance], real: Sequence[MotionClip]) -> Iterator[tuple[str, str]]:
    """Beat score on and off the beat, against real dancers whose beats are known, and against other songs' beats."""
    made = [dance for dance in made if len(dance.beats) > 2]  # a song may begin without a beat
    gaps = [beat_gap(dance.joints, dance.beats) for dance in made]
    yield (
        "beat gap (≥ 0.15, all > 0)",
        f"{interval(gaps)}, least {min(gaps):.3f}, {np.mean(np.array(gaps) > 0):.0%} > 0",
    )
    known = [clip for clip in real if clip.music is not None and len(clip.music.beats) > 2]
    real_gaps = [beat_gap(clip.joint_positions()[:, :22], clip.music.beats * clip.fps) for clip in known if clip.music]
    yield "beat gap of AIST++ dancers held out", interval(real_gaps) if real_gaps else "none"
    own, other = [], []
    by_song = {dance.song: dance.beats for dance in made}
    for dance in made:
        motion = kinematic_beats(dance.joints)
        own.append(beat_alignment(dance.beats, motion))
        other += [beat_alignment(beats, motion) for song, beats in by_song.items() if song != dance.song]
    difference = f"{np.mean(own) - np.mean(other):.3f}" if other else "needs two songs"
    yield "BAS own song − other songs (≥ 0.02)", f"{difference} (own {np.mean(own):.3f})"


def motion_rows(made: Sequence[Dance], real: Sequence[MotionClip]) -> Iterator[tuple[str, str]]:
    """Feet, jitter, speed, frozen windows; real figures are of the training dances, weighted by frames."""
    feet = mean_foot_sliding(foot_sliding(dance.joints, STANDING_TOE) for dance in made)
    yield "FSR LODGE / strict (≤ 5.33 % / ≤ 15 %)", f"{feet.lodge:.2%} / {feet.strict:.2%}, contact {feet.contact:.0%}"
    joints = [clip.joint_positions()[:, :22] for clip in real]
    real_feet = mean_foot_sliding(foot_sliding(rows, STANDING_TOE) for rows in joints)
    yield "the same of real dances", f"{real_feet.lodge:.2%} / {real_feet.strict:.2%}, contact {real_feet.contact:.0%}"
    yield from tempo_rows(made, real)
    frozen = np.mean([frozen_share(dance.joints) for dance in made])
    real_frozen = np.average([frozen_share(rows) for rows in joints], weights=[len(rows) for rows in joints])
    yield "frozen 1-s windows (≤ real)", f"{frozen:.1%} (real {real_frozen:.1%})"
    # Windows of 96 steps that share 48: a join every 48 steps of 4 frames, after the first window.
    ratios = [join_jerk_ratio(d.joints, range(384, len(d.joints) - 8, 192)) for d in made if len(d.joints) > 400]
    yield "jerk at window joins (≤ 1.25)", f"{np.mean(ratios):.2f}" if ratios else "no join"


def tempo_rows(made: Sequence[Dance], real: Sequence[MotionClip]) -> Iterator[tuple[str, str]]:
    """Jitter and speed over those of the training dances: of the same genre, genre by genre, and of all together."""
    for name, figure in (("jitter", jitter), ("mean joint speed", mean_joint_speed)):
        ours, theirs = defaultdict(list), defaultdict(list)
        for dance in made:
            ours[dance.genre].append(figure(dance.joints))
        for clip in real:
            theirs[clip.labels.genre].append((figure(clip.joint_positions()[:, :22]), clip.frames))  # type: ignore
        each = {genre: (np.mean(rows), by_frames(theirs[genre])) for genre, rows in ours.items()}
        mine, same = np.mean(list(each.values()), axis=0)
        rows = ", ".join(f"{genre} {a / b:.2f}" for genre, (a, b) in each.items())
        yield f"{name} over real of that genre (0.8–1.3)", f"{mine / same:.2f} ({rows})"
        yield f"{name} over all real dances", f"{mine / by_frames(sum(theirs.values(), [])):.2f}"


def by_frames(rows: Sequence[tuple[float, int]]) -> float:
    """Mean of (figure, frames) weighted by frames."""
    figures, frames = zip(*rows, strict=True)
    return float(np.average(figures, weights=frames))


def variety_rows(made: Sequence[Dance], real: Sequence[MotionClip]) -> Iterator[tuple[str, str]]:
    """Diversity over songs and seeds, and how far genre changes a dance compared with the seed."""
    reference = np.stack([kinetic_features(clip.joint_positions()[:, :22]) for clip in real if clip.frames > 300])
    ours = normalize_features(np.stack([kinetic_features(dance.joints) for dance in made]), reference)
    theirs = normalize_features(reference, reference)
    yield "Div_k over that of real dances (≥ 0.7)", f"{diversity(ours) / diversity(theirs):.2f}"
    rows = list(zip(made, ours, strict=True))
    genre, seed = [], []
    for index, (first, vector) in enumerate(rows):
        for second, other in rows[index + 1 :]:
            if first.song != second.song:
                continue
            distance = float(np.linalg.norm(vector - other))
            if first.genre != second.genre and first.seed == second.seed:
                genre.append(distance)
            if first.genre == second.genre and first.seed != second.seed:
                seed.append(distance)
    if genre and seed:
        yield "genre over seed, kinetic distance (≥ 1.5)", f"{np.mean(genre) / np.mean(seed):.2f}"


def copy_rows(
    made: Sequence[Dance], real: dict[str, list[MotionClip]], tokenizer: Tokenizer
) -> Iterator[tuple[str, str]]:
    """2-s windows within 3 cm of a training window, as recorded and as the tokeniser gives it back."""
    training = {
        "raw": [clip.joint_positions()[:, :22] for clip in real["train"]],
        "decoded": [decoded_joints(clip, tokenizer) for clip in real["train"]],
    }
    held = [clip.joint_positions()[:, :22] for clip in real["held_out"]]
    for name, windows in training.items():
        ours = copied_windows([dance.joints for dance in made], windows, stride=30, training_stride=2).share
        theirs = copied_windows(held, windows, stride=30, training_stride=2).share
        yield f"copied 2-s windows, {name} (≤ held-out + 5 points)", f"{ours:.1%} (held-out real {theirs:.1%})"


def decoded_joints(clip: MotionClip, tokenizer: Tokenizer) -> Joints:
    """Joints (T', 22, 3) of a clip that went through the tokeniser."""
    features = body_features(clip, tokenizer.config.layout)
    codes = encode_features(features, tokenizer)
    return decode_codes(tokenizer, codes, len(codes) * tokenizer.stride, clip.clip_id).joint_positions()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", nargs="+", type=Path)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--genres", nargs="+", default=["hip-hop", "ballet", "k-pop"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--no-copying", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], help="settings of generate, such as guidance=2.0")
    arguments = parser.parse_args()
    base = resolve(GenerateConfig, overrides=arguments.set, options={"model": arguments.model})
    real = real_dances(arguments.real)
    started = time.monotonic()
    made = list(dances(arguments.songs, arguments.genres, arguments.seeds, base))
    seconds = sum(len(dance.joints) for dance in made) / 30
    print(f"{len(made)} dances, {seconds:.0f} s of motion in {time.monotonic() - started:.0f} s")
    rows = [*beat_rows(made, real["held_out"]), *motion_rows(made, real["train"]), *variety_rows(made, real["train"])]
    rows += (
        []
        if arguments.no_copying
        else copy_rows(made, real, load_part(arguments.model, "tokenizer", Tokenizer, torch.device("cpu")))
    )
    for name, value in rows:
        print(f"{name:55s} {value}")


if __name__ == "__main__":
    main()
