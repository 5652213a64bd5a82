"""How much faster `idance evaluate` is than the definitions of its metrics read frame by frame.

python -m tests.benchmarks.bench_evaluate [--clips 861] [--frames 1024] [--loop-clips 2]

Both sides work out the same figures of the same dances, in one run on one machine: kinetic and geometric features,
FID, diversity, beats, foot sliding, PFC, jitter, slide in cm/s and penetration. Ours measures all clips (and some
figures more); the loop a few, scaled to all. Penetration has no published code, so the ratio is also given without it
on both sides. Agreement of the two is printed beside the speed.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.evaluate.config import EvaluateConfig
from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.figures import Beats, measure
from infinitedance_cli.stages.evaluate.mesh_pose import mesh_pose
from infinitedance_cli.stages.evaluate.metrics.body_parts import parted_body
from infinitedance_cli.stages.evaluate.metrics.penetration import penetration
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS
from infinitedance_cli.stages.evaluate.reference import load_reference
from infinitedance_cli.stages.evaluate.stage import Evaluation
from tests.motion.samples import wandering_clip
from tests.stages.evaluate import slow, slow_penetration

BEATS = np.arange(0.25, 34.0, 0.5)
Array = NDArray[np.floating]


def dance_clip(number: int, frames: int) -> MotionClip:
    """A made-up dance of its own path, 22 joints on the default skeleton."""
    return wandering_clip(frames, number, joints=22, turn=0.02)


def loop_figures(joints: Array) -> dict[str, float | Array]:
    """All published figures of one dance, read frame by frame."""
    framed = slow.relative_frame(joints)
    left, right = slow.lodge_sliding(joints)
    return {
        "kinetic": slow.kinetic(framed),
        "geometric": slow.geometric(framed),
        "bas": slow.beat_alignment([float(round(beat * 30)) for beat in BEATS], slow.motion_beats(joints)),
        "fsr": float(np.nanmean([left, right])) if np.isfinite([left, right]).any() else float("nan"),
        "pfc": slow.pfc(joints),
        "jitter": slow.jitter(joints),
        "foot_slide": slow.planted_slide(joints, 0.0272),
    }


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Seconds of processor time that `work` takes, and what it gives: other programs on the machine do not count."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def loop_seconds(clips: int, frames: int, count: int) -> tuple[float, float, float]:
    """Processor seconds of the loop for all clips: figures, penetration, and the set's FID and diversity."""
    figures = inside = 0.0
    worst = 0.0
    for number in range(count):
        clip = dance_clip(number, frames)
        joints = clip.joint_positions().astype(np.float64)
        seconds, slow_values = timed(lambda joints=joints: loop_figures(joints))  # type: ignore[misc]
        figures += seconds
        root, turns = mesh_pose(Dance(clip.clip_id, clip=clip))
        whole = np.tile(np.array([1.0, 0, 0, 0]), (len(root), 55, 1))
        whole[:, :22] = turns
        seconds, slow_rate = timed(lambda root=root, whole=whole: slow_penetration.penetration(root, whole))  # type: ignore[misc]
        inside += seconds
        worst = max(worst, disagreement(clip, slow_values, slow_rate))  # type: ignore[arg-type]
    print(f"greatest relative difference of a figure {worst:.1e}")
    random = np.random.default_rng(0)
    sets = 0.0
    for width in (66, 32):
        first, second = random.normal(size=(clips, width)), random.normal(size=(clips, width))
        sets += timed(lambda first=first, second=second: slow.fid(first, second))[0]  # type: ignore[misc]
        some = first[: max(2, min(clips, 100))]
        pairs = (clips * (clips - 1)) / (len(some) * (len(some) - 1))
        sets += timed(lambda some=some: slow.mean_pair_distance(some))[0] * pairs  # type: ignore[misc]
    return figures * clips / count, inside * clips / count, sets


def disagreement(clip: MotionClip, expected: dict[str, float | Array], rate: float) -> float:
    """The greatest relative difference between the loop's figures and ours."""
    found = measure(Dance(clip.clip_id, clip=clip), PROTOCOLS["infinitedance"], Beats(BEATS, "made up"))
    assert found.row is not None
    pairs = [(found.row.kinetic, expected["kinetic"]), (found.row.geometric, expected["geometric"])]
    pairs += [(found.figures[name] or 0.0, expected[name]) for name in ("bas", "fsr", "pfc", "jitter", "foot_slide")]
    pairs.append((found.figures["penetration"] or 0.0, rate))
    return max(float((np.abs(ours - np.nan_to_num(theirs)) / (np.abs(theirs) + 1e-9)).max()) for ours, theirs in pairs)


def our_seconds(clips: int, frames: int) -> tuple[float, int]:
    """Processor seconds of `Evaluation` for all clips, and by how many MB memory grew over the last half of them."""
    config = EvaluateConfig(protocol="infinitedance", bootstrap=0)
    beats = Beats(BEATS, "made up")
    evaluation = Evaluation(config, load_reference("starter", "release", None, None), lambda dance: beats)
    parted_body()
    total, half = 0.0, 0
    for number in range(clips):
        if number == clips // 2:
            half = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        clip = dance_clip(number, frames)
        total += timed(lambda clip=clip: evaluation.add(Dance(clip.clip_id, clip=clip)))[0]  # type: ignore[misc]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - half
    total += timed(evaluation.report)[0]
    return total, grown // 1024


def our_penetration_seconds(clips: int, frames: int, count: int) -> float:
    """Processor seconds of our penetration for all clips, from `count` of them."""
    total = 0.0
    for number in range(count):
        dance = Dance("", clip=dance_clip(number, frames))
        total += timed(lambda dance=dance: penetration(*mesh_pose(dance)))[0]  # type: ignore[misc]
    return total * clips / count


def main() -> None:
    """Print seconds of both sides and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=861)
    parser.add_argument("--frames", type=int, default=1024)
    parser.add_argument("--loop-clips", type=int, default=2)
    arguments = parser.parse_args()
    ours, grown = our_seconds(arguments.clips, arguments.frames)
    print(f"{arguments.clips} clips of {arguments.frames} frames, all metrics: {ours:.1f} s of processor time")
    print(f"memory grown over the last half: {grown} MB")
    figures, inside, sets = loop_seconds(arguments.clips, arguments.frames, arguments.loop_clips)
    print(f"loop: published figures {figures:.0f} s, penetration {inside:.0f} s, FID and diversity {sets:.0f} s")
    print(f"ratio, all metrics (≥ 50)    {(figures + inside + sets) / ours:.0f}")
    rest = ours - our_penetration_seconds(arguments.clips, arguments.frames, min(arguments.clips, 40))
    print(f"ratio, published metrics     {(figures + sets) / rest:.0f}")


if __name__ == "__main__":
    main()
