"""The release's 264 columns written down a second time, as its extraction is described: step by step, by quaternions.

Only numpy and SciPy; nothing is shared with the package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Array = NDArray[np.floating]

BONE_LENGTHS = (
    [0, 0.0996, 0.1096, 0.1302, 0.3879, 0.3854, 0.1404, 0.4282, 0.4197, 0.0561, 0.1389]
    + [0.1479, 0.2143, 0.1360, 0.1415, 0.1016, 0.1323, 0.1225, 0.2511, 0.2595, 0.2541, 0.2443]
)  # fmt: skip
_CHAINS = [[0, 2, 5, 8, 11], [0, 1, 4, 7, 10], [0, 3, 6, 9, 12, 15], [9, 14, 17, 19, 21], [9, 13, 16, 18, 20]]
_AXES = "0 +x -x +y -y -y +y -y -y +y +z +z +y +x -x +z -y -y -y -y -y -y".split()
_UP, _AHEAD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def _raw_direction(joint: int) -> Array:
    name = _AXES[joint]
    sign = {"+": 1.0, "-": -1.0}.get(name[0], 0.0)
    return sign * np.array([name[1:] == axis for axis in "xyz"], float)


def product(a: Array, b: Array) -> Array:
    """Hamilton product of two quaternions (w, x, y, z)."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return np.array(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def conjugate(q: Array) -> Array:
    """The inverse of a unit quaternion."""
    return q * [1, -1, -1, -1]


def rotated(q: Array, vector: Array) -> Array:
    """q v q⁻¹."""
    return product(product(q, np.array([0.0, *vector])), conjugate(q))[1:]


def rotation_between(a: Array, b: Array) -> Array:
    """The smallest rotation from one direction to another, with w ≥ 0."""
    a, b = a / np.sqrt(a @ a), b / np.sqrt(b @ b)
    cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    q = np.array([1 + a @ b, *cross])
    return q / np.sqrt(q @ q)


def matrix(q: Array) -> Array:
    """Rotation matrix (3, 3)."""
    return np.stack([rotated(q, axis) for axis in np.eye(3)], 1)


def _world_directions(joints: Array) -> Array:
    """Directions (22, 3) of the bones of one frame, from inverse kinematics composed again along each chain."""
    result = np.zeros((22, 3))
    for chain in _CHAINS:
        for start, end in zip(chain, chain[1:], strict=False):
            turn = rotation_between(_raw_direction(end), joints[end] - joints[start])
            result[end] = rotated(turn, _raw_direction(end))
    return result


def uniform_skeleton(positions: Array, lengths: list[float] = BONE_LENGTHS) -> Array:
    """Step 1: the clip's directions on the target's bone lengths; the path scaled by the legs of joints 5 and 8."""
    first = positions[0]
    leg = np.linalg.norm(first[5] - first[2]) + np.linalg.norm(first[8] - first[5])
    result = np.zeros(positions.shape)
    for t, joints in enumerate(positions):
        directions = _world_directions(joints)
        result[t, 0] = joints[0] * (lengths[5] + lengths[8]) / leg
        for chain in _CHAINS:
            for start, end in zip(chain, chain[1:], strict=False):
                result[t, end] = result[t, start] + lengths[end] * directions[end]
    return result


def place(positions: Array) -> Array:
    """Steps 2 to 4: floor, origin, initial facing by hips plus shoulders."""
    joints = positions - [0, positions[:, :, 1].min(), 0]
    joints = joints - [joints[0, 0, 0], 0, joints[0, 0, 2]]
    across = (joints[0, 2] - joints[0, 1]) + (joints[0, 17] - joints[0, 16])
    ahead = np.cross(_UP, across)
    turn = rotation_between(ahead, _AHEAD)
    return np.stack([[rotated(turn, joint) for joint in frame] for frame in joints])


def headings(joints: Array) -> list[Array]:
    """Step 6: a quaternion per frame; hips count the wrong way round; sigma 20 frames; the first is the identity."""
    across = (joints[:, 1] - joints[:, 2]) + (joints[:, 17] - joints[:, 16])
    across = across / np.linalg.norm(across, axis=1, keepdims=True)
    ahead = gaussian_filter1d(np.cross(_UP, across), 20, axis=0, mode="nearest")
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    result = [rotation_between(direction, _AHEAD) for direction in ahead]
    result[0] = np.array([1.0, 0.0, 0.0, 0.0])
    return result


def extract(joints: Array) -> Array:
    """Features (T - 1, 264) of placed joints (T, 22, 3), steps 5 to 8."""
    turns, rows, accumulated = headings(joints), [], 0.0
    for t in range(len(joints) - 1):
        here, there, turn = joints[t], joints[t + 1], turns[t]
        yaw = np.arcsin(product(turns[t + 1], conjugate(turn))[2])
        root = rotated(turns[t + 1], there[0] - here[0])
        local = [rotated(turn, here[j] - [here[0, 0], 0, here[0, 2]]) for j in range(1, 22)]
        velocity = [rotated(turn, there[j] - here[j]) for j in range(22)]
        rotations: dict[int, Array] = {}
        for chain in _CHAINS:
            composed = turn
            for start, end in zip(chain, chain[1:], strict=False):
                bone = rotation_between(_raw_direction(end), here[end] - here[start])
                rotations[end] = product(conjugate(composed), bone)
                composed = product(composed, rotations[end])
        columns = [np.concatenate([matrix(rotations[j])[:, 0], matrix(rotations[j])[:, 1]]) for j in range(1, 22)]
        contacts = [float(((there[j] - here[j]) ** 2).sum() < 0.002) for j in (7, 10, 8, 11)]
        rows.append(
            [here[0, 1], accumulated, yaw, root[0], root[2]]
            + [*np.concatenate(local), *np.concatenate(columns), *np.concatenate(velocity), *contacts]
        )
        accumulated += yaw
    return np.array(rows)


def recover(features: Array) -> Array:
    """Joints (T, 22, 3) of features (T, 264)."""
    result, theta, x, z = [], 0.0, 0.0, 0.0
    for t, row in enumerate(features):
        if t:
            theta += features[t - 1, 2]
            back = np.array([np.cos(theta), 0, -np.sin(theta), 0])
            step = rotated(back, np.array([features[t - 1, 3], 0, features[t - 1, 4]]))
            x, z = x + step[0], z + step[2]
        back = np.array([np.cos(theta), 0, -np.sin(theta), 0])
        joints = [np.array([x, row[0], z])]
        for joint in range(21):
            joints.append(rotated(back, row[5 + 3 * joint : 8 + 3 * joint]) + [x, 0, z])
        result.append(joints)
    return np.array(result)
