"""Foot restoration on held-out recordings: four artefacts alone and together, at two strengths, against baselines.

    python -m tests.benchmarks.bench_restore_feet DATA|CLIPS.h5 [--side validation] [--model FILE] [--ablations]

Reads the held-out clips of a folder of recordings (prepared as for training) or of a file of prepared clips, damages
them (`models.foot_restorer_damage`, one seed a clip) and restores them. Only the test clips are measured; settings are
chosen on the validation clips (`starter.sources.is_validation`). Columns:

FSR own floor    share of foot-frames in contact that slide by LODGE's test, %, the floor being LODGE's: the toes of the
                 first frame
FSR lodge, FSR   the same, and by true horizontal speed (strict), with the floor at y = 0, so that heights count from
                 the standing toe joint; mean over clips
down             share of frames in which a foot is in contact by that test, %
jitter, sum      over the clean clip's: the mean of the clips' ratios, in which a dancer who stands nearly still counts
                 as much as one who dances, and the ratio of the means
MPJPE            to the clean clip over that of the damaged one, of global positions: sums over all frames
floor            vertices deeper than 5 mm in the floor, %, mean over clips
swing, hits      arm-swing amplitude and peak (99th percentile) wrist speed, about the pelvis, over the input's: least
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from infinitedance_cli.models.checkpoint import load_model
from infinitedance_cli.models.foot_restorer import FootRestorer
from infinitedance_cli.models.foot_restorer_damage import Artefacts, damage
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.contact import foot_rest_heights
from infinitedance_cli.motion.footlock import lock_feet
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding, mean_foot_sliding
from infinitedance_cli.stages.evaluate.metrics.penetration import penetration
from infinitedance_cli.stages.evaluate.metrics.smoothness import jitter
from infinitedance_cli.stages.restore_feet.config import RestoreFeetConfig
from infinitedance_cli.stages.restore_feet.stage import restore_clip
from infinitedance_cli.starter.prepare import prepared_clips
from infinitedance_cli.starter.sources import is_validation
from infinitedance_cli.stream.ports import read_clips

Array = NDArray[np.floating]
Method = Callable[[MotionClip], MotionClip]

OWNED_JOINTS = [1, 2, 4, 5, 7, 8]
STRENGTHS = {"mild": (0.025, 0.002, (0.02, 0.04)), "strong": (0.05, 0.005, (0.04, 0.06))}
KINDS = ("skating", "jitter", "float", "sink", "together")
STARTER = Path(__file__).parents[2] / "infinitedance_cli" / "starter" / "weights" / "foot_restorer.safetensors"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, default=STARTER)
    parser.add_argument("--ablations", action="store_true", help="variants of the sampler in place of the baselines")
    parser.add_argument("--side", choices=("test", "validation"), default="test", help="of the held-out clips")
    arguments = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    clips = list(held_out(arguments.data, arguments.side))
    model = load_model(arguments.model, FootRestorer)
    methods = variants(model) if arguments.ablations else {**baselines(), "ours": restoring(model)}
    minutes = sum(clip.frames for clip in clips) / 1800
    print(f"{len(clips)} {arguments.side} clips, {minutes:.1f} min\n{_HEADER}")
    for name, method in methods.items():
        results = [method(clip) for clip in clips]
        print(row("clean clips", name, measure(clips, clips, results)), f" {changes(clips, results)}", flush=True)
    for kind, strength, damaged in damaged_sets(clips):
        for name, method in methods.items():
            print(
                row(f"{kind} {strength}", name, measure(clips, damaged, [method(clip) for clip in damaged])), flush=True
            )
    print(speed(model, clips))


def changes(clips: list[MotionClip], results: list[MotionClip]) -> str:
    """How far clean clips were moved, mean over joints and frames of each."""
    pairs = zip(results, clips, strict=True)
    moved = [1000 * np.linalg.norm(a.joint_positions() - b.joint_positions(), axis=-1).mean() for a, b in pairs]
    over = sum(distance > 5 for distance in moved)
    return f"changed by {np.mean(moved):.2f} mm, most {max(moved):.2f}, over 5 mm {over} of {len(clips)}"


def held_out(data: Path, side: str | None = None) -> Iterator[MotionClip]:
    """The test or validation clips, or both, of a file of prepared clips or a folder of recordings, bodies only."""
    for clip in read_clips([str(data)]) if data.is_file() else prepared_clips(data):
        facts = clip.extra["dataset"].attributes
        chooses = is_validation(str(facts["source"]), clip.clip_id)
        if facts["split"] == "held_out" and (side is None or chooses == (side == "validation")):
            skeleton = clip.skeleton.first(22)
            yield replace(clip, skeleton=skeleton, joint_rotation=clip.joint_rotation[:, :22], music=None, body=None)


def damaged_sets(clips: list[MotionClip]) -> Iterator[tuple[str, str, list[MotionClip]]]:
    """Kind, strength and the damaged clips; when together, every other clip floats, the rest sinks."""
    for strength in STRENGTHS:
        for kind in KINDS:
            yield kind, strength, [damaged_clip(clip, kind, strength, seed) for seed, clip in enumerate(clips)]


def damaged_clip(clip: MotionClip, kind: str, strength: str, seed: int) -> MotionClip:
    """One damaged clip; the same seed gives the same noise at either strength."""
    random = np.random.default_rng((seed, 17))
    slide, shake, heights = STRENGTHS[strength]
    height = float(random.uniform(*heights))
    sinks = kind == "sink" or (kind == "together" and seed % 2 == 1)
    artefacts = Artefacts(
        skating=slide if kind in ("skating", "together") else 0.0,
        jitter=shake if kind in ("jitter", "together") else 0.0,
        height=(-height if sinks else height) if kind in ("float", "sink", "together") else 0.0,
    )
    root, joints = damage(clip.root_position, clip.joint_rotation, artefacts, random, clip.fps)
    return replace(clip, root_position=root, joint_rotation=joints)


def baselines() -> dict[str, Method]:
    """Nothing, two filters over root and legs, and contact-locking inverse kinematics."""

    def filtered(smooth: Callable[[Array], Array]) -> Method:
        def method(clip: MotionClip) -> MotionClip:
            joints = clip.joint_rotation.copy()
            legs = smooth(rotation.continuous(joints[:, OWNED_JOINTS]).astype(np.float64))
            joints[:, OWNED_JOINTS] = rotation.normalize(legs)
            root = smooth(clip.root_position.astype(np.float64)).astype(np.float32)
            return replace(clip, root_position=root, joint_rotation=joints)

        return method

    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import savgol_filter

    return {
        "nothing": lambda clip: clip,
        "Savitzky-Golay": filtered(lambda values: savgol_filter(values, 11, 3, axis=0)),
        "Gaussian": filtered(lambda values: gaussian_filter1d(values, 2.0, axis=0)),
        "contact-locking IK": lock_feet,
    }


def restoring(model: FootRestorer, config: RestoreFeetConfig | None = None) -> Method:
    """The stage as a function of one clip."""
    settings = RestoreFeetConfig() if config is None else config
    return lambda clip: restore_clip(clip, model, settings)


def variants(model: FootRestorer) -> dict[str, Method]:
    """The sampler with one thing changed at a time."""
    base = RestoreFeetConfig()
    sampling, planting = base.sampling, base.planting
    changed = {
        "ours": base,
        "1 step": replace(base, sampling=replace(sampling, steps=1)),
        "8 steps": replace(base, sampling=replace(sampling, steps=8)),
        "no contact guidance": replace(base, sampling=replace(sampling, contact=0.0)),
        "geometric early": replace(base, sampling=replace(sampling, steps=8, geometric=0.5)),
        "without lift": replace(base, planting=replace(planting, lift=0.0)),
        "without planting, lift": replace(base, planting=replace(planting, plant=False)),
        "planted however fast": replace(base, planting=replace(planting, still=1.0)),
        "steps without doubts": replace(base, planting=replace(planting, doubts=False)),
        "shaking left to network": replace(base, steady=False),
        "unseen (paper)": replace(base, sampling=replace(sampling, observe=False, steps=8)),
        "unseen, geometric early": replace(base, sampling=replace(sampling, observe=False, steps=8, geometric=1.0)),
        "always mended": replace(base, mend="all"),
    }
    return {name: restoring(model, config) for name, config in changed.items()}


@dataclass(frozen=True)
class Figures:
    """One row of the table."""

    own_floor: float
    lodge: float
    strict: float
    down: float
    jitter: float
    jitter_sum: float
    mpjpe: float
    mpjpe_mm: float
    floor: float
    swing: float
    hits: float


def measure(clean: list[MotionClip], damaged: list[MotionClip], results: list[MotionClip]) -> Figures:
    """Figures of `results` beside the `damaged` input and the `clean` original."""
    toe = float(foot_rest_heights()[1])
    feet, loose, jitters, floors, errors, arms = [], [], [], [], [], []
    for original, before, after in zip(clean, damaged, results, strict=True):
        truth, start, end = (clip.joint_positions()[:, :22] for clip in (original, before, after))
        feet.append(foot_sliding(end, toe))
        loose.append(foot_sliding(end))
        jitters.append((jitter(end), jitter(truth)))
        floors.append(penetration(after.root_position[::3], after.joint_rotation[::3]).floor)
        errors.append([np.linalg.norm(p - truth, axis=-1).mean(axis=1).sum() for p in (end, start)])
        arms.append(np.divide(arm_figures(end), arm_figures(start)))
    sliding, summed = mean_foot_sliding(feet), np.sum(errors, axis=0)
    frames = sum(clip.frames for clip in clean)
    return Figures(
        own_floor=100 * mean_foot_sliding(loose).lodge,
        lodge=100 * sliding.lodge,
        strict=100 * sliding.strict,
        down=100 * sliding.contact,
        jitter=float(np.mean([end / truth for end, truth in jitters])),
        jitter_sum=float(np.divide(*np.sum(jitters, axis=0))),
        mpjpe=float(summed[0] / max(summed[1], 1e-9)),
        mpjpe_mm=float(1000 * summed[0] / frames),
        floor=100 * float(np.mean(floors)),
        swing=float(np.min(np.array(arms)[:, 0])),
        hits=float(np.min(np.array(arms)[:, 1])),
    )


def arm_figures(positions: Array) -> tuple[float, float]:
    """Swing (deviation of the wrists' positions, m) and hits (99th percentile of their speed) about the pelvis."""
    wrists = positions[:, [20, 21]] - positions[:, :1]
    speed = np.linalg.norm(np.diff(wrists, axis=0), axis=-1)
    return float(np.sqrt(wrists.var(axis=0).sum())), float(np.percentile(speed, 99))


_HEADER = (
    f"{'':18s}{'':24s}{'own floor':>10s}{'FSR lodge':>10s}{'FSR':>8s}{'down':>7s}{'jitter':>8s}{'sum':>6s}{'MPJPE':>8s}"
    f"{'mm':>7s}{'floor':>8s}{'swing':>7s}{'hits':>7s}"
)


def row(case: str, method: str, values: Figures) -> str:
    """One line of the table."""
    ratio = f"{values.mpjpe:8.2f}" if values.mpjpe < 1000 else f"{'':8s}"
    return (
        f"{case:18s}{method:24s}{values.own_floor:10.2f}{values.lodge:10.2f}{values.strict:8.2f}{values.down:7.1f}"
        f"{values.jitter:8.2f}{values.jitter_sum:6.2f}{ratio}{values.mpjpe_mm:7.1f}{values.floor:8.3f}{values.swing:7.3f}{values.hits:7.3f}"
    )


def speed(model: FootRestorer, clips: list[MotionClip]) -> str:
    """Time of 1024 damaged frames, the best of three."""
    longest = max(clips, key=lambda clip: clip.frames)
    index = np.arange(1024) % longest.frames
    long = replace(
        longest, root_position=longest.root_position[index], joint_rotation=longest.joint_rotation[index], contacts=None
    )
    damaged = damaged_clip(long, "together", "strong", 0)
    method, seconds = restoring(model), []
    for _ in range(3):
        started = time.perf_counter()
        method(damaged)
        seconds.append(time.perf_counter() - started)
    return f"1024 frames: {min(seconds):.2f} s on {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
