"""Our definition of penetration, pose by pose and vertex by vertex."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.evaluate.metrics.body_parts import VERTICES, Part, parted_body

Array = NDArray[np.floating]


def penetration(root: Array, rotations: Array) -> float:
    """Share of vertices in the floor or in the body, pose by pose and vertex by vertex; T poses (T, 3), (T, 55, 4)."""
    body, hits = parted_body(), 0
    mesh, rest = body.mesh, body.mesh.skeleton.rest_positions().astype(np.float64)
    inside_of: dict[int, list[int]] = {}
    for i, j in body.pairs:
        inside_of.setdefault(i, []).append(j)
    for t in range(len(root)):
        turns, places = _pose(mesh.skeleton.parents, mesh.skeleton.offsets, root[t], rotations[t])
        for i, part in enumerate(body.parts):
            for v in range(part.rows.start, part.rows.stop):
                point = np.zeros(3)
                for joint, weight in zip(mesh.joint_indices[v], mesh.joint_weights[v], strict=True):
                    point += weight * (turns[joint] @ (mesh.vertices[v] - rest[joint]) + places[joint])
                hit = point[1] < -0.005
                for j in inside_of[i]:
                    other = body.parts[j]
                    local = turns[other.joint].T @ (point - places[other.joint]) + rest[other.joint]
                    hit = hit or _inside(other, local)
                hits += hit
    return hits / (len(root) * VERTICES)


def _pose(parents: Sequence[int], offsets: Array, root: Array, rotations: Array) -> tuple[list[Array], list[Array]]:
    """World matrices and positions of all joints of one pose."""
    turns: list[Array] = []
    places: list[Array] = []
    for joint, parent in enumerate(parents):
        w, x, y, z = (float(value) for value in rotations[joint])
        own = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )
        turns.append(own if parent < 0 else turns[parent] @ own)
        places.append(root.astype(np.float64) if parent < 0 else places[parent] + turns[parent] @ offsets[joint])
    return turns, places


def _inside(part: Part, point: Array) -> bool:
    """Whether a point of the rest pose lies deeper than a centimetre in a part."""
    local = part.frame @ (point - part.centre)
    if not part.low + 0.01 < local[2] < part.high - 0.01:
        return False
    levels, sectors = part.radius.shape
    level = int((local[2] - part.low) / (part.high - part.low) * levels)
    sector = min(int((math.atan2(local[1], local[0]) / (2 * math.pi) + 0.5) * sectors), sectors - 1)
    return math.hypot(local[0], local[1]) < part.radius[level, sector] - 0.01
