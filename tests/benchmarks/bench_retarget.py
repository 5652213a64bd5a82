"""Retargeting: how far joints are from the source's, speed limit, feet before and after, jitter, accents, time.

    python -m tests.benchmarks.bench_retarget DATA

Reads the recordings of a data folder (as `infinitedance_cli.starter.prepare` does) and prints one row per source.

*re-posed*: the source's bone directions with our lengths. Landmarks are the middle of the hips (root, where both are
laid upon each other), hips, knees, ankles, toe joints, shoulders, elbows, wrists and head; each vector from a landmark
to the next is scaled by our length over the source's median length, the trunk from mid-hip to mid-shoulder as one
vector. Rigs place hip, shoulder and head joints at different depths in the body, so that the same upright stance has
another slope from hip to shoulder and on to the head: for *re-posed* these two constant angles are taken out (column
*slope*: the trunk's, degrees), for *with slope* they are not. *uniform*: the source's joints scaled by the leg-length
ratio only, so the difference of proportions counts too.
Both against our joints after everything (filter, planted feet), mean over frames and joints.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.formats import aistpp, bvh, g1
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import (
    Calibration,
    RetargetOptions,
    SourceMotion,
    calibrate_sources,
    retarget,
    smpl_source,
)
from infinitedance_cli.motion.retarget.canonical import RoleMotion, to_roles
from infinitedance_cli.motion.retarget.retarget import grounded
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding
from infinitedance_cli.stages.evaluate.metrics.smoothness import jitter
from infinitedance_cli.starter.prepare import by_rig

Array = NDArray[np.floating]
_LIMBS = (("hip", "knee"), ("knee", "ankle"), ("ankle", "foot"), ("shoulder", "elbow"), ("elbow", "wrist"))
_SIDES = ("left", "right")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for name, source, calibration in sources(parser.parse_args().data):
        rows[name].append(measure(source, calibration))
    print(_HEADER)
    for name, values in rows.items():
        table = np.array(values)
        weight = np.where(np.isfinite(table), table[:, :1], 0.0)
        mean = np.nansum(np.nan_to_num(table) * weight, axis=0) / np.maximum(weight.sum(axis=0), 1e-9)
        mean[0], mean[5] = table[:, 0].sum() / 60, table[:, 5].max()
        columns = zip(mean, _WIDTHS, strict=True)
        print(f"{name:12s}" + "".join(f"{value:{width}.{digits}f}" for value, (width, digits) in columns))


_HEADER = (
    f"{'source':12s}{'min':>6s}{'re-posed':>10s}{'slope':>7s}{'with slope':>12s}{'uniform':>9s}{'rad/s':>7s}"
    f"{'FSR src':>9s}{'ours':>7s}{'strict':>8s}{'ours':>7s}{'contact':>9s}{'ours':>6s}"
    f"{'jitter':>8s}{'ours':>6s}{'below':>7s}{'hits':>6s}{'s/min':>7s}\n"
    f"{'':12s}{'':6s}{'mm':>10s}{'deg':>7s}{'mm':>12s}{'mm':>9s}{'max':>7s}"
)
_WIDTHS = (
    (6, 1),
    (10, 1),
    (7, 1),
    (12, 1),
    (9, 1),
    (7, 1),
    (9, 3),
    (7, 3),
    (8, 3),
    (7, 3),
    (9, 2),
    (6, 2),
    (8, 1),
    (6, 1),
) + (
    (7, 3),
    (6, 2),
    (7, 2),
)


def sources(data: Path) -> Iterator[tuple[str, SourceMotion, Calibration | None]]:
    """(name of the kind, source, calibration shared by its rig) of every recording."""
    for folder in ("cmu_mocap", "perfume", "animated_drawings"):
        for rig in by_rig([bvh.read_source(path) for path in sorted((data / folder).glob("*.bvh"))]):
            calibration = calibrate_sources(rig)
            yield from ((_kind(folder, source.clip_id), source, calibration) for source in rig)
    for path in sorted((data / "g1_moves").glob("*__*.npz")):
        yield f"G1 {path.stem.split('__')[0]}", g1.read_source(path), None
    for path in sorted((data / "aistpp").glob("*.pkl")):
        translation, turns = aistpp.smpl_motion(load_arrays(path), path.name)
        yield "AIST++ clip", smpl_source(path.stem, aistpp.AISTPP_FPS, translation, turns), None


def _kind(folder: str, clip_id: str) -> str:
    if folder != "cmu_mocap":
        return folder[:11]
    subject = clip_id.split("_")[0]
    return f"CMU {subject}" if subject in ("005", "85", "135") else "CMU others"


def measure(source: SourceMotion, calibration: Calibration | None) -> list[float]:
    """The figures of one clip, in the order of the header; seconds first, for weighting."""
    begin = time.perf_counter()
    clip = retarget(source, RetargetOptions(face_forward=False), calibration)
    elapsed = time.perf_counter() - begin
    skeleton = default_skeleton()
    motion = grounded(to_roles(source, skeleton, clip.fps), skeleton)
    ours = clip.joint_positions()[:, :22].astype(np.float64)
    mine = {name: ours[:, joint] for joint, name in enumerate(SMPLX_JOINT_NAMES[:22])}
    velocity = rotation.angular_velocity(clip.joint_rotation.astype(np.float64), clip.fps)
    floor = float(skeleton.rest_positions()[10, 1])
    before = foot_sliding(_source_feet(motion, skeleton.rest_positions()), floor)
    after = foot_sliding(ours, floor)
    low = np.minimum(ours[:, [10, 11], 1] - floor, ours[:, [7, 8], 1] - 0.6 * skeleton.rest_positions()[7, 1])
    return [
        clip.duration_s,
        1000 * _distance(mine, _reposed(motion.motion.points, mine, True)),
        float(np.degrees(_slope(*_trunks(motion.motion.points, mine), mine)[0])),
        1000 * _distance(mine, _reposed(motion.motion.points, mine, False)),
        1000 * _distance(mine, motion.motion.points),
        float(np.linalg.norm(velocity, axis=-1).max()) if clip.frames > 1 else 0.0,
        *(before.lodge, after.lodge, before.strict, after.strict, before.contact, after.contact),
        _source_jitter(motion),
        jitter(ours),
        float((low.min(axis=1) < -0.01).mean()),
        _hits_kept(motion, clip),
        elapsed / max(clip.duration_s / 60, 1e-9),
    ]


def _middle(points: dict[str, Array], name: str) -> Array:
    return 0.5 * (points[f"left_{name}"] + points[f"right_{name}"])


def _trunks(source: dict[str, Array], ours: dict[str, Array]) -> tuple[Array, Array]:
    """The vectors (T, 3) from the middle of the hips to the middle of the shoulders."""
    return _middle(source, "shoulder") - _middle(source, "hip"), _middle(ours, "shoulder") - _middle(ours, "hip")


def _slope(source: Array, ours: Array, points: dict[str, Array]) -> tuple[float, Array]:
    """The constant angle, radians, about the axis across the hips that turns `source` to `ours` best, and it turned."""
    axis = rotation.normalize(points["left_hip"] - points["right_hip"])
    flat = [v - np.sum(v * axis, axis=-1, keepdims=True) * axis for v in (source, ours)]
    sine = np.sum(np.cross(flat[0], flat[1]) * axis, axis=-1)
    angle = float(np.median(np.arctan2(sine, np.sum(flat[0] * flat[1], axis=-1))))
    return angle, rotation.rotate(rotation.from_axis_angle(axis * angle), source)


def _reposed(source: dict[str, Array], ours: dict[str, Array], level: bool) -> dict[str, Array]:
    """The source's landmarks with our lengths, relative to the middle of the hips; `level` takes slopes out."""
    hips, shoulders = _middle(source, "hip"), _middle(source, "shoulder")
    our_hips, our_shoulders = _middle(ours, "hip"), _middle(ours, "shoulder")
    trunk, our_trunk = _trunks(source, ours)
    chest = _scaled(_slope(trunk, our_trunk, ours)[1] if level else trunk, our_trunk)
    found: dict[str, Array] = {}
    if "head" in source:
        neck, our_neck = source["head"] - shoulders, ours["head"] - our_shoulders
        found["head"] = chest + _scaled(_slope(neck, our_neck, ours)[1] if level else neck, our_neck)
    for side in _SIDES:
        hip, shoulder = f"{side}_hip", f"{side}_shoulder"
        found[hip] = _scaled(source[hip] - hips, ours[hip] - our_hips)
        found[shoulder] = chest + _scaled(source[shoulder] - shoulders, ours[shoulder] - our_shoulders)
        for upper, lower in _LIMBS:
            start, end = f"{side}_{upper}", f"{side}_{lower}"
            if end in source:
                found[end] = found[start] + _scaled(source[end] - source[start], ours[end] - ours[start])
    return found


def _scaled(vector: Array, like: Array) -> Array:
    """`vector` (T, 3) times the ratio of median lengths."""
    return vector * (np.median(np.linalg.norm(like, axis=-1)) / np.median(np.linalg.norm(vector, axis=-1)))


def _distance(ours: dict[str, Array], source: dict[str, Array]) -> float:
    """Mean distance over frames and landmarks, both laid upon each other at the middle of the hips."""
    names = [name for name in source if name in ours and name.split("_")[-1] in _JOINTS]
    one = np.stack([ours[name] for name in names]) - _middle(ours, "hip")
    other = np.stack([source[name] for name in names]) - _middle(source, "hip")
    return float(np.linalg.norm(one - other, axis=-1).mean())


_JOINTS = ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist", "head")


def _source_feet(motion: RoleMotion, rest: Array) -> Array:
    """The source's feet as joints (T, 22, 3), toes at our rest height while they stand."""
    points = motion.motion.points
    joints = np.zeros((motion.frames, 22, 3))
    for side, ankle, toe in (("left", 7, 10), ("right", 8, 11)):
        joints[:, ankle] = points[f"{side}_ankle"]
        toes = points.get(f"{side}_foot", points[f"{side}_ankle"])
        joints[:, toe] = toes + np.array([0.0, rest[toe, 1] - np.percentile(toes[:, 1], 10), 0.0])
    return joints


def _source_jitter(motion: RoleMotion) -> float:
    names = [name for name in SMPLX_JOINT_NAMES[:22] if name in motion.motion.points]
    return jitter(np.stack([motion.motion.points[name] for name in names], axis=1))


def _hits_kept(motion: RoleMotion, clip: MotionClip) -> float:
    """Median ratio of our wrist speed peaks over the source's, for peaks above twice the mean speed."""
    ratios = []
    for side in _SIDES:
        ours = clip.joint_positions()[:, SMPLX_JOINT_NAMES.index(f"{side}_wrist")]
        wrist = motion.motion.points[f"{side}_wrist"]
        root, our_root = _middle(motion.motion.points, "shoulder"), clip.joint_positions()[:, [16, 17]].mean(axis=1)
        arm = [np.median(np.linalg.norm(w - r, axis=-1)) for w, r in ((ours, our_root), (wrist, root))]
        fast, slow = (np.linalg.norm(np.diff(w - r, axis=0), axis=-1) for w, r in ((wrist, root), (ours, our_root)))
        peaks = np.flatnonzero((fast[1:-1] > fast[:-2]) & (fast[1:-1] >= fast[2:]) & (fast[1:-1] > 2 * fast.mean())) + 1
        near = [slow[max(peak - 1, 0) : peak + 2].max() for peak in peaks]
        ratios += list(np.array(near) / fast[peaks] * arm[1] / arm[0]) if len(peaks) else []
    return float(np.median(ratios)) if ratios else float("nan")


if __name__ == "__main__":
    main()
