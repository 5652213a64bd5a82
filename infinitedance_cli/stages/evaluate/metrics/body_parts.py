"""The open body cut into rigid parts, each with a map of how far its skin is from its axis: what is inside it?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import BodyMesh, load_open_body

Float32 = NDArray[np.float32]

VERTICES = 480
"""Vertices that are counted: spread evenly over the skin, farthest point first."""
_SOLE_STEP = 6
MARGIN_M = 0.01
"""Skin may touch skin, and parts are not quite rigid: nearer to the surface than this is not inside."""
_LEVELS, _SECTORS = 12, 16

_PARTS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("hips", (0, 3)),
    ("chest", (6, 9, 13, 14)),
    ("head", (12, 15, 22, 23, 24)),
    ("left thigh", (1,)),
    ("right thigh", (2,)),
    ("left shank", (4,)),
    ("right shank", (5,)),
    ("left foot", (7, 10)),
    ("right foot", (8, 11)),
    ("left upper arm", (16,)),
    ("right upper arm", (17,)),
    ("left forearm", (18,)),
    ("right forearm", (19,)),
    ("left hand", (20, *range(25, 40))),
    ("right hand", (21, *range(40, 55))),
)
"""Parts and the joints whose skin they are; the first joint carries the part."""

_TOUCHING = (
    *("hips chest", "hips left thigh", "hips right thigh", "chest head", "chest left upper arm"),
    *("chest right upper arm", "left thigh right thigh", "left thigh left shank", "right thigh right shank"),
    *("left shank left foot", "right shank right foot", "left upper arm left forearm"),
    *("right upper arm right forearm", "left forearm left hand", "right forearm right hand"),
)


@dataclass(frozen=True, eq=False)
class Part:
    """One rigid part in the rest pose, metres.

    `joint` carries it; `rows` of the sampled vertices are its own. Its axis goes through `centre`; `frame` (3, 3) has
    two directions across it and one along. `radius` (levels, sectors) is how far the skin is from the axis at least,
    between `low` and `high` along it. All of its skin is within `reach` of `centre`.
    """

    name: str
    joint: int
    rows: slice
    centre: Float32
    frame: Float32
    low: float
    high: float
    radius: Float32
    reach: float

    def holds(self, points: Float32) -> NDArray[np.bool_]:
        """Which of `points` (N, 3) in the rest pose lie deeper than `MARGIN_M` inside."""
        inside = np.zeros(len(points), dtype=bool)
        along = (points - self.centre) @ self.frame[2]
        rows = np.flatnonzero((along > self.low + MARGIN_M) & (along < self.high - MARGIN_M))
        local: Float32 = ((points[rows] - self.centre) @ self.frame.T).astype(np.float32)
        across = np.hypot(local[:, 0], local[:, 1])
        level = ((local[:, 2] - self.low) / (self.high - self.low) * _LEVELS).astype(int)
        inside[rows] = across < self.radius[level, _sector(local)] - MARGIN_M
        return inside


@dataclass(frozen=True, eq=False)
class PartedBody:
    """The body as parts: a vertex of part i may be inside part j for each of the `pairs` (i, j).

    `mesh` holds only `VERTICES` vertices sorted by part, then more of the soles, which tell how deep a body stands in
    the floor but are not counted.
    """

    mesh: BodyMesh
    parts: tuple[Part, ...]
    pairs: tuple[tuple[int, int], ...]


@lru_cache
def parted_body() -> PartedBody:
    """The open body, cut once."""
    body = load_open_body()
    owner = np.empty(body.skeleton.joint_count, dtype=int)
    for number, (_, joints) in enumerate(_PARTS):
        owner[list(joints)] = number
    strongest = body.joint_indices[np.arange(len(body.vertices)), body.joint_weights.argmax(axis=1)]
    part_of = owner[strongest]
    chosen = spread(body.vertices, VERTICES)
    chosen = chosen[np.argsort(part_of[chosen], kind="stable")]
    parts = []
    for number, (name, joints) in enumerate(_PARTS):
        begin, end = np.searchsorted(part_of[chosen], (number, number + 1))
        parts.append(_part(name, joints[0], slice(int(begin), int(end)), body.vertices[part_of == number]))
    chosen = np.concatenate((chosen, body.left_sole[::_SOLE_STEP], body.right_sole[::_SOLE_STEP]))
    mesh = BodyMesh(
        vertices=body.vertices[chosen],
        faces=np.zeros((0, 3), np.int32),
        joint_indices=body.joint_indices[chosen],
        joint_weights=body.joint_weights[chosen],
        skeleton=body.skeleton,
        left_sole=np.zeros(0, np.int32),
        right_sole=np.zeros(0, np.int32),
        license=body.license,
    )
    names = [name for name, _ in _PARTS]
    apart = [
        (i, j)
        for i, first in enumerate(names)
        for j, second in enumerate(names)
        if i != j and f"{first} {second}" not in _TOUCHING and f"{second} {first}" not in _TOUCHING
    ]
    return PartedBody(mesh, tuple(parts), tuple(apart))


def spread(points: Float32, count: int) -> NDArray[np.int64]:
    """Indices (count,) of points far from one another: the lowest, then always the one farthest from all chosen."""
    chosen = [int(points[:, 1].argmin())]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, np.sum((points - points[chosen[-1]]) ** 2, axis=1))
        chosen.append(int(distance.argmax()))
    return np.array(chosen, dtype=np.int64)


def _part(name: str, joint: int, rows: slice, skin: Float32) -> Part:
    """The map of one part: along its longest direction, the nearest skin in every cell of level and sector."""
    centre: Float32 = skin.mean(axis=0)
    _, _, directions = np.linalg.svd(skin - centre, full_matrices=False)
    frame = np.stack((directions[1], directions[2], directions[0])).astype(np.float32)
    local: Float32 = ((skin - centre) @ frame.T).astype(np.float32)
    low, high = float(local[:, 2].min()), float(local[:, 2].max())
    level = np.minimum(((local[:, 2] - low) / (high - low) * _LEVELS).astype(int), _LEVELS - 1)
    radius = np.full((_LEVELS, _SECTORS), np.inf, dtype=np.float32)
    np.minimum.at(radius, (level, _sector(local)), np.hypot(local[:, 0], local[:, 1]).astype(np.float32))
    # A cell without a vertex takes its nearest neighbours' least, so that nothing counts as inside that may not be.
    for shift in range(1, _SECTORS):
        least = np.minimum(np.roll(radius, shift, axis=1), np.roll(radius, -shift, axis=1))
        radius = np.where(np.isinf(radius), least, radius)
    radius[np.isinf(radius)] = 0.0
    reach = float(np.linalg.norm(skin - centre, axis=1).max())
    return Part(name, joint, rows, centre, frame, low, high, radius, reach)


def _sector(local: Float32) -> NDArray[np.int64]:
    turn = np.arctan2(local[:, 1], local[:, 0]) / (2 * np.pi) + 0.5
    return np.minimum((turn * _SECTORS).astype(np.int64), _SECTORS - 1)
