"""The metrics as their definitions read, frame by frame and joint by joint: slow, and independent of ours.

Written from the published definitions in our own words. `joints` are (T, J, 3) float64 metres, y up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

NAMES = (
    "root lhip rhip belly lknee rknee spine lankle rankle chest ltoes rtoes neck linshoulder rinshoulder head "
    "lshoulder rshoulder lelbow relbow lwrist rwrist lhand rhand"
).split()
HUMERUS = math.dist((0.199113488, 0.236807942, -0.0180702247), (0.454445392, 0.221158922, -0.0410167128))
SHOULDERS = math.dist((0.199113488, 0.236807942, -0.0180702247), (-0.191692337, 0.236928746, -0.0123055102))
HIPS = math.dist((0.0564076714, -0.323069185, 0.0109197125), (-0.0624834076, -0.331302464, 0.0150412619))


def relative_frame(joints: Array, crop: int = 1024) -> Array:
    """Release and LODGE: everything minus the first pelvis, joints but the first minus the current pelvis."""
    out = joints[:crop].copy()
    for t in range(len(out)):
        for j in range(out.shape[1]):
            out[t, j] = joints[t, j] - joints[0, 0]
            if j > 0:
                out[t, j] -= joints[t, 0] - joints[0, 0]
    return out


def start_frame(joints: Array, crop: int | None = 1200) -> Array:
    """Bailando and AIST++: everything minus the first pelvis."""
    return np.array([[joint - joints[0, 0] for joint in frame] for frame in joints[:crop]])


def kinetic(framed: Array, frame_time: float = 1 / 60, mended: bool = False) -> Array:
    """Three energies for every joint, averaged over frames 1…"""
    frames, count = framed.shape[:2]
    out = []
    for j in range(count):
        horizontal = vertical = expenditure = 0.0
        for i in range(1, frames):
            total, used = np.zeros(3), 0
            for k in range(i - 2, i + 3):
                if 0 <= k - 1 and k < frames:
                    total += framed[k, j] - framed[k - 1, j]
                    used += 1
            velocity = total / (used * frame_time)
            horizontal += velocity[0] ** 2 + velocity[2] ** 2
            vertical += velocity[1] ** 2
            total, used = np.zeros(3), 0
            for k in range(i - 2, i + 3):
                if 0 <= k - 1 and k + 1 < frames:
                    after = (framed[k + 1, j] - framed[k, j]) / frame_time
                    before = framed[k, j] - framed[k - 1, j] / frame_time
                    if mended:
                        before = (framed[k, j] - framed[k - 1, j]) / frame_time
                    total += (after - before) / frame_time
                    used += 1
            expenditure += float(np.linalg.norm(total / used))
        out += [horizontal / (frames - 1), vertical / (frames - 1), expenditure / (frames - 1)]
    return np.array(out)


class _Questions:
    """The boolean questions of one frame; `now` and `before` are its joints and those of the frame before."""

    def __init__(self, now: Array, before: Array, rate: float, mended: bool) -> None:
        self.now, self.before, self.rate, self.mended = now, before, rate, mended
        self.special = {
            "zero": np.zeros(3),
            "y": np.array([0.0, 1.0, 0.0]),
            "-y": np.array([0.0, -1.0, 0.0]),
            "ymin": np.array([0.0, min(point[1] for point in now), 0.0]),
        }

    def at(self, name: str) -> Array:
        return self.special[name] if name in self.special else self.now[NAMES.index(name)]

    def moved(self, name: str) -> Array:
        index = NAMES.index(name)
        return (self.now[index] - self.before[index]) * self.rate

    def fast(self, name: str, limit: float) -> bool:
        return float(np.linalg.norm(self.moved(name))) > limit

    def move(self, a: str, b: str, c: str, p: str, limit: float) -> bool:
        line = self.at(b) - self.at(a)
        moving = p if self.mended else c
        return float(np.dot(self.moved(moving) - self.moved(a), line)) / float(np.linalg.norm(line)) > limit

    def nmove(self, a: str, b: str, c: str, p: str, limit: float) -> bool:
        normal = np.cross(self.at(c) - self.at(a), self.at(b) - self.at(a))
        return float(np.dot(self.moved(p) - self.moved(a), normal)) / float(np.linalg.norm(normal)) > limit

    def plane(self, a: str, b: str, c: str, p: str, limit: float) -> bool:
        normal = np.cross(self.at(c) - self.at(a), self.at(b) - self.at(a))
        return float(np.dot(self.at(p) - self.at(a), normal)) / float(np.linalg.norm(normal)) > limit

    def nplane(self, a: str, b: str, c: str, p: str, limit: float) -> bool:
        line = self.at(b) - self.at(a)
        return float(np.dot(self.at(p) - self.at(c), line)) / float(np.linalg.norm(line)) > limit

    def angle(self, a: str, b: str, c: str, d: str, low: float, high: float) -> bool:
        one, two = self.at(b) - self.at(a), self.at(d) - self.at(c)
        cosine = float(np.dot(one, two)) / float(np.linalg.norm(one) * np.linalg.norm(two))
        return low < math.degrees(math.acos(max(-1.0, min(1.0, cosine)))) < high


def geometric(framed: Array, rate: float = 120.0, mended: bool = False) -> Array:
    """Shares of frames 1… in which each of the 32 questions is answered yes."""
    answers = [_answers(_Questions(framed[t], framed[t - 1], rate, mended)) for t in range(1, len(framed))]
    return np.array([[float(one) for one in row] for row in answers]).mean(axis=0)


def _answers(q: _Questions) -> list[bool]:
    h, s, w = HUMERUS, SHOULDERS, HIPS
    return [
        q.nmove("neck", "rhip", "lhip", "rwrist", 1.8 * h),
        q.nmove("neck", "lhip", "rhip", "lwrist", 1.8 * h),
        q.nplane("chest", "neck", "neck", "rwrist", 0.2 * h),
        q.nplane("chest", "neck", "neck", "lwrist", 0.2 * h),
        q.move("belly", "chest", "chest", "rwrist", 1.8 * h),
        q.move("belly", "chest", "chest", "lwrist", 1.8 * h),
        q.angle("relbow", "rshoulder", "relbow", "rwrist", 0, 110),
        q.angle("lelbow", "lshoulder", "lelbow", "lwrist", 0, 110),
        q.nplane("lshoulder", "rshoulder", "lwrist", "rwrist", 2.5 * s),
        q.move("lwrist", "rwrist", "rwrist", "lwrist", 1.4 * h),
        q.move("rwrist", "root", "lwrist", "root", 1.4 * h),
        q.move("lwrist", "root", "rwrist", "root", 1.4 * h),
        q.fast("rwrist", 2.5 * h),
        q.fast("lwrist", 2.5 * h),
        q.plane("root", "lhip", "ltoes", "rankle", 0.38 * h),
        q.plane("root", "rhip", "rtoes", "lankle", 0.38 * h),
        q.nplane("zero", "y", "ymin", "rankle", 1.2 * h),
        q.nplane("zero", "y", "ymin", "lankle", 1.2 * h),
        q.nplane("lhip", "rhip", "lankle", "rankle", 2.1 * w),
        q.angle("rknee", "rhip", "rknee", "rankle", 0, 110),
        q.angle("lknee", "lhip", "lknee", "lankle", 0, 110),
        q.fast("rankle", 2.5 * h),
        q.fast("lankle", 2.5 * h),
        q.angle("neck", "root", "rshoulder", "relbow", 25, 180),
        q.angle("neck", "root", "lshoulder", "lelbow", 25, 180),
        q.angle("neck", "root", "rhip", "rknee", 50, 180),
        q.angle("neck", "root", "lhip", "lknee", 50, 180),
        q.plane("rankle", "neck", "lankle", "root", 0.5 * h),
        q.angle("neck", "root", "zero", "y", 70, 110),
        q.nplane("zero", "-y", "ymin", "rwrist", -1.2 * h),
        q.nplane("zero", "-y", "ymin", "lwrist", -1.2 * h),
        q.fast("root", 2.3 * h),
    ]


def motion_beats(joints: Array) -> list[int]:
    """Strict local minima of the mean joint step, smoothed by a Gaussian of 5 frames cut at 4 σ, reflected at ends."""
    steps = [
        float(np.mean([np.linalg.norm(joints[t + 1, j] - joints[t, j]) for j in range(joints.shape[1])]))
        for t in range(len(joints) - 1)
    ]
    weights = [math.exp(-0.5 * (k / 5) ** 2) for k in range(-20, 21)]
    count, smooth = len(steps), []
    for t in range(count):
        total = 0.0
        for k, weight in zip(range(t - 20, t + 21), weights, strict=True):
            index = k % (2 * count)
            total += weight * steps[index if index < count else 2 * count - 1 - index]
        smooth.append(total / sum(weights))
    return [t for t in range(1, count - 1) if smooth[t] < smooth[t - 1] and smooth[t] < smooth[t + 1]]


def beat_alignment(music: Sequence[float], motion: Sequence[int]) -> float:
    """Mean over music beats of the closeness of the nearest motion beat."""
    return sum(math.exp(-min((m - b) ** 2 for m in motion) / 18) for b in music) / len(music)


def lodge_sliding(joints: Array) -> tuple[float, float]:
    """Sliding ratio of the left and of the right foot; not a number for one that never stands."""
    left, right = joints[0, 10, 1], joints[0, 11, 1]
    ground = (left + right) / 2 if abs(left - right) < 0.02 else min(left, right)
    ratios = []
    for ankle, toe in ((7, 10), (8, 11)):
        stands = slides = 0
        for t in range(len(joints)):
            if joints[t, ankle, 1] - ground <= 0.08 and joints[t, toe, 1] - ground <= 0.05:
                stands += 1
                if t + 1 < len(joints):
                    steps = [joints[t + 1, one] - joints[t, one] for one in (ankle, toe)]
                    slides += any(abs((step[0] + step[2]) / 2) > 0.01 for step in steps)
        ratios.append(slides / stands if stands else math.nan)
    return ratios[0], ratios[1]


def pfc(joints: Array) -> float:
    """Root acceleration times the slower joints of both feet."""
    accelerations, products = [], []
    for t in range(len(joints) - 2):
        first = (joints[t + 1, 0] - joints[t, 0]) * 30
        second = (joints[t + 2, 0] - joints[t + 1, 0]) * 30
        a = (second - first) * 30
        accelerations.append(math.sqrt(a[0] ** 2 + max(a[1], 0) ** 2 + a[2] ** 2))
        feet = []
        for pair in ((7, 10), (8, 11)):
            steps = [joints[t + 2, one] - joints[t + 1, one] for one in pair]
            feet.append(min(math.hypot(step[0], step[2]) for step in steps))
        products.append(feet[0] * feet[1])
    greatest = max(accelerations)
    return sum(p * a / greatest for p, a in zip(products, accelerations, strict=True)) / len(products) * 1e4


def jitter(joints: Array) -> float:
    """Mean third difference, in 10 m/s³ at 30 fps."""
    total = 0.0
    for t in range(len(joints) - 3):
        for j in range(joints.shape[1]):
            third = joints[t + 3, j] - 3 * joints[t + 2, j] + 3 * joints[t + 1, j] - joints[t, j]
            total += float(np.linalg.norm(third))
    return total / ((len(joints) - 3) * joints.shape[1]) * 27000 / 10


def planted_slide(joints: Array, floor: float) -> float:
    """Mean speed of feet while they stand, cm/s."""
    speeds = []
    for t in range(len(joints) - 1):
        for ankle, toe in ((7, 10), (8, 11)):
            low = all(joints[k, ankle, 1] - floor <= 0.08 and joints[k, toe, 1] - floor <= 0.05 for k in (t, t + 1))
            if low:
                steps = [joints[t + 1, one] - joints[t, one] for one in (ankle, toe)]
                speeds.append(min(math.hypot(step[0], step[2]) for step in steps) * 3000)
    return sum(speeds) / len(speeds) if speeds else math.nan


def fid(first: Array, second: Array) -> float:
    """Fréchet distance with SciPy's matrix square root."""
    from scipy.linalg import sqrtm

    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    shift = first.mean(axis=0) - second.mean(axis=0)
    return float(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * np.trace(sqrtm(s1 @ s2)).real)


def mean_pair_distance(features: Array) -> float:
    """Mean distance over all pairs, one pair after the other."""
    total, count = 0.0, 0
    for i in range(len(features)):
        for j in range(i + 1, len(features)):
            total += float(np.linalg.norm(features[i] - features[j]))
            count += 1
    return total / count


def strict_sliding(joints: Array, floor: float) -> float:
    """Our sliding ratio: true horizontal distance over 1 cm a frame, over steps that begin in contact."""
    ratios = []
    for ankle, toe in ((7, 10), (8, 11)):
        stands = slides = 0
        for t in range(len(joints) - 1):
            if joints[t, ankle, 1] - floor <= 0.08 and joints[t, toe, 1] - floor <= 0.05:
                stands += 1
                steps = [joints[t + 1, one] - joints[t, one] for one in (ankle, toe)]
                slides += any(math.hypot(step[0], step[2]) > 0.01 for step in steps)
        if stands:
            ratios.append(slides / stands)
    return sum(ratios) / len(ratios) if ratios else math.nan
