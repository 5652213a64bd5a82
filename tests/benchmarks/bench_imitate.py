"""What `idance imitate` keeps and what it costs, on clips that nothing was tuned on, as they are and damaged.

python -m tests.benchmarks.bench_imitate CLIPS... [--quality fast] [--set untouched] [--seconds 10]
    [--split held_out] [--long]

CLIPS are motion files of any format, or the folder of recordings, of which the clips of `--set` are taken: `UNTOUCHED`
by any choice of a gain, or those that were `TUNED` on, which are reported apart. Of prepared sets,
whose clips name their split in the group `dataset`, only those of `--split` are taken. Times are processor times of one
core; two clips at once use two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from scipy.ndimage import gaussian_filter1d

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import foot_rest_heights
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.evaluate.metrics.body_parts import VERTICES, parted_body
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding
from infinitedance_cli.stages.evaluate.metrics.penetration import inside_body, place
from infinitedance_cli.stages.evaluate.metrics.smoothness import jitter
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.conformance import swaying
from infinitedance_cli.stages.imitate.stage import danced, load_engine, prepare
from infinitedance_cli.stages.imitate.tracking import Quality
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.benchmarks.bench_speed import table

DEPTH_M = 0.01
CORES = 2
TARGETS = {
    "fast": {"falls": 0.0, "wrench": 0.30, "speed": 20.0},
    "physical": {"falls": 10.0, "wrench": 0.03, "speed": 0.3},
}
TUNED = (
    *("cmu_mocap/002_01.bvh", "cmu_mocap/002_04.bvh", "cmu_mocap/005_07.bvh", "cmu_mocap/005_11.bvh"),
    *("cmu_mocap/005_13.bvh", "cmu_mocap/005_16.bvh", "cmu_mocap/07_01_cmu.bvh", "cmu_mocap/85_04.bvh"),
    *("g1_moves/dance__J_Dance5_Hype.npz", "g1_moves/dance__J_ShortDance14_Disco.npz"),
)
"""A walk, a jump, ballet, breakdance and dances on which gains of this stage were chosen."""
UNTOUCHED = (
    *("cmu_mocap/005_02.bvh", "cmu_mocap/005_09.bvh", "cmu_mocap/08_02_cmu.bvh", "cmu_mocap/135_01.bvh"),
    *("cmu_mocap/55_01_cmu.bvh", "cmu_mocap/85_12.bvh", "cmu_mocap/85_14.bvh", "perfume/A_test.bvh"),
    *("animated_drawings/jesse_dance.bvh", "animated_drawings/jumping.bvh"),
    *("aistpp/gBR_sBM_cAll_d04_mBR0_ch01.pkl", "g1_moves/dance__B_WiggleDance.npz"),
    *("g1_moves/dance__J_Dance12_LushLife.npz", "g1_moves/dance__J_Dance4_Broadway.npz"),
)
"""Clips of the same kinds that nobody tunes on: of every folder and kind at least one, taken by name before any was run
but the G1 dances. One that is ever used to choose something moves to `TUNED`."""
_LEAD_S = 2.0
MPJPE_MM, PENETRATION_PERCENT = 60.0, 0.06


@dataclass(frozen=True)
class Figures:
    """One clip: `fell`; mean root force (body weights) and torque (body weights × 1 m); mean joint distance to the
    clean clip in mm; shares in % of vertices > 1 cm under the floor and > 1 cm in the body; foot sliding (strict, %)
    and jitter (10 m/s³) before and after; seconds of motion and of processor time."""

    fell: bool
    force: float
    torque: float
    mpjpe_mm: float
    floor: tuple[float, float]
    inside: tuple[float, float]
    sliding: tuple[float, float]
    jitter: tuple[float, float]
    motion_s: float
    cpu_s: float


def held_out(paths: Sequence[str], names: Sequence[str], split: str, seconds: float) -> Iterator[MotionClip]:
    """`seconds` of every clip, of folders those of `names`, of prepared sets only of the `split`.

    The first two seconds are left out where a clip is long enough: recordings begin in a pose of calibration, and some
    glide from it to the dance as no body does.
    """
    for clip in read_clips([file for path in paths for file in recordings(Path(path), names)]):
        dataset = clip.extra.get("dataset")
        told = dataset.attributes.get("split") if dataset is not None and hasattr(dataset, "attributes") else None
        frames = min(clip.frames, round(seconds * clip.fps))
        if told in (None, split) and frames >= 2 * clip.fps:
            first = min(round(_LEAD_S * clip.fps), clip.frames - frames)
            kept = slice(first, first + frames)
            root, joints = clip.root_position[kept], clip.joint_rotation[kept]
            yield replace(clip, root_position=root, joint_rotation=joints, body=None, contacts=None, extra={})


def recordings(path: Path, names: Sequence[str]) -> list[str]:
    """The file itself, or those of `names` that a folder has."""
    if not path.is_dir():
        return [str(path)]
    found = [path / name for name in names if (path / name).is_file()]
    if not found:
        raise SystemExit(f"{path}: has none of the recordings that are measured")
    return [str(file) for file in found]


def damaged(clip: MotionClip, seed: int) -> MotionClip:
    """A clip as a monocular capture gives it: it skates, shivers, floats and sinks by some centimetres."""
    random = np.random.default_rng(seed)
    frames, sigma = clip.frames, clip.fps
    slow = gaussian_filter1d(random.normal(size=(frames, 3)), sigma, axis=0, mode="wrap") * np.sqrt(sigma)
    root = clip.root_position + slow * [0.08, 0.04, 0.08] + random.normal(scale=0.0015, size=(frames, 3))
    shiver = rotation.from_axis_angle(random.normal(scale=0.005, size=(frames, clip.skeleton.joint_count, 3)))
    joints = rotation.multiply(clip.joint_rotation.astype(np.float64), shiver)
    return replace(clip, root_position=root.astype(np.float32), joint_rotation=joints.astype(np.float32))


def measure(clip: MotionClip, given: MotionClip, quality: Quality) -> Figures:
    """Imitate `given`, a damaged or the same `clip`."""
    config = ImitateConfig(quality=quality)
    engine = load_engine(config.engine)
    started = time.process_time()
    body, reference = prepare(given, config)
    tracking = engine.track(body, reference, quality)
    result = danced(given, body, engine.name, tracking, config)
    cpu_s = time.process_time() - started
    told = result.extra["physics"].attributes
    before, after, clean = (each.joint_positions()[:, :BODY_JOINT_COUNT] for each in (given, result, clip))
    below, inside = zip(*(penetrating(each) for each in (given, result)), strict=True)
    height = float(foot_rest_heights(clip.skeleton.rest_positions())[1])
    return Figures(
        bool(tracking.falls),
        float(cast(float, told["root_wrench_bw"])),
        float(cast(float, told["root_torque_bwm"])),
        float(np.linalg.norm(after - clean, axis=-1).mean() * 1000),
        cast(tuple[float, float], below),
        cast(tuple[float, float], inside),
        (100 * foot_sliding(before, height).strict, 100 * foot_sliding(after, height).strict),
        (jitter(before, clip.fps), jitter(after, clip.fps)),
        clip.duration_s,
        cpu_s,
    )


def penetrating(clip: MotionClip) -> tuple[float, float]:
    """Shares in % of the open body's vertices, at 10 frames a second, > 1 cm below the floor and > 1 cm in the body."""
    every = max(1, round(clip.fps / 10))
    body = parted_body()
    placed = place(body, clip.root_position[::every], clip.joint_rotation[::every, :BODY_JOINT_COUNT])
    below = placed.vertices[:, :VERTICES, 1] < -DEPTH_M
    return 100 * float(below.mean()), 100 * float(inside_body(body, placed).mean())


def load_per_s() -> float:
    """Products of 200 × 200 matrices a second of processor time: how fast this machine is at the moment."""
    matrix = np.ones((200, 200))
    started = time.process_time()
    for _ in range(300):
        matrix @ matrix
    return 300 / (time.process_time() - started)


def print_clips(rows: Sequence[tuple[str, Figures]]) -> None:
    """One row for each clip."""
    measured = ("force BW", "torque BW·m", "MPJPE mm", "floor > 1 cm %", "in body %", "sliding %", "jitter")
    header = ("clip", "fell", *measured, "× real time, 1 core")
    table(
        header,
        [
            (
                name,
                "yes" if one.fell else "no",
                f"{one.force:.3f}",
                f"{one.torque:.3f}",
                f"{one.mpjpe_mm:.0f}",
                f"{one.floor[0]:.2f} → {one.floor[1]:.2f}",
                f"{one.inside[0]:.2f} → {one.inside[1]:.2f}",
                f"{one.sliding[0]:.0f} → {one.sliding[1]:.0f}",
                f"{one.jitter[0]:.1f} → {one.jitter[1]:.1f}",
                f"{one.motion_s / one.cpu_s:.1f}",
            )
            for name, one in rows
        ],
    )


def summarise(label: str, quality: Quality, figures: Sequence[Figures], names: str = "untouched") -> bool:
    """Print the figures beside their targets; True when one is missed."""
    target = TARGETS[quality]
    weights = [one.motion_s for one in figures]
    finished = [one.mpjpe_mm for one in figures if not one.fell]
    falls = 100 * float(np.mean([one.fell for one in figures]))
    force = float(np.average([one.force for one in figures], weights=weights))
    torque = float(np.average([one.torque for one in figures], weights=weights))
    floor = float(np.average([one.floor[1] for one in figures], weights=weights))
    inside = float(np.average([one.inside[1] for one in figures], weights=weights))
    speed = CORES * sum(weights) / sum(one.cpu_s for one in figures)
    distance = float(np.mean(finished)) if finished else float("nan")
    rows = [
        ("falls, %", falls, f"≤ {target['falls']:g}", falls <= target["falls"]),
        ("mean root force, body weights", force, f"≤ {target['wrench']:g}", force <= target["wrench"]),
        ("mean root torque, body weights × 1 m", torque, "—", True),
        (
            "MPJPE, clips that finished, mm",
            distance,
            f"≤ {MPJPE_MM:g} (clean)",
            label != "clean" or distance <= MPJPE_MM,
        ),
        ("floor penetration > 1 cm, %", floor, f"≤ {PENETRATION_PERCENT}", floor <= PENETRATION_PERCENT),
        ("self-penetration > 1 cm, %", inside, f"≤ {PENETRATION_PERCENT}", inside <= PENETRATION_PERCENT),
        (f"× real time on {CORES} cores", speed, f"≥ {target['speed']:g}", speed >= target["speed"]),
        ("100 h of motion, core-hours", 100 * CORES / speed, "60 GPU-hours", True),
    ]
    table(
        (f"{label}, {quality}, {len(figures)} clips {names}", "found", "target", ""),
        [(name, f"{value:.3f}", goal, "" if met else "missed") for name, value, goal, met in rows],
    )
    return not all(met for *_, met in rows)


def memory_mb(minutes: float) -> float:
    """Peak memory of the command over one clip of so many minutes."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.h5", Path(folder) / "out.h5"
        source.write_bytes(encode(swaying(round(minutes * 1800))))
        line = [sys.executable, "-m", "infinitedance_cli", "imitate", str(source), "-o", str(output)]
        with subprocess.Popen(line) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"idance imitate failed with exit code {process.returncode}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Print all tables; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--quality", choices=list(TARGETS), default="fast")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--split", default="held_out")
    parser.add_argument("--set", choices=["untouched", "tuned"], default="untouched")
    parser.add_argument("--given", choices=["both", "clean", "damaged"], default="both")
    parser.add_argument("--long", action="store_true", help="also the memory that long clips take")
    arguments = parser.parse_args()
    names = UNTOUCHED if arguments.set == "untouched" else TUNED
    clips = list(held_out(arguments.clips, names, arguments.split, arguments.seconds))
    print(f"reference load before: {load_per_s():.0f} products/s\n")
    missed = False
    for label in ("clean", "damaged") if arguments.given == "both" else (arguments.given,):
        rows = []
        for number, clip in enumerate(clips):
            given = damaged(clip, number) if label == "damaged" else clip
            rows.append((clip.clip_id, measure(clip, given, arguments.quality)))
            print(f"{label} {len(rows)} of {len(clips)}: {rows[-1]}", file=sys.stderr, flush=True)
        print_clips(rows)
        print()
        missed |= summarise(label, arguments.quality, [figures for _, figures in rows], arguments.set)
        print(flush=True)
    print(f"reference load after: {load_per_s():.0f} products/s")
    if arguments.long:
        table(("minutes", "peak memory, MB"), [(f"{length:g}", f"{memory_mb(length):.0f}") for length in (1, 10)])
    sys.exit(missed)


if __name__ == "__main__":
    main()
