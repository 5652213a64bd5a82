"""Re-posing a rig and reducing its weights, on rigs small enough to work by hand."""

from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.body import bake_anny, tpose
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES


@pytest.fixture
def arm() -> tpose.Rig:
    """Two bones along +X, one metre each; a vertex at the end of each and one on the joint, shared half and half."""
    return tpose.Rig(
        labels=("upper", "lower"),
        parents=(-1, 0),
        heads=np.array([[0.0, 0, 0], [1, 0, 0]]),
        tails=np.array([[1.0, 0, 0], [2, 0, 0]]),
        vertices=np.array([[0.5, 0, 0], [2.0, 0, 0], [1, 0.5, 0]]),
        bone_indices=np.array([[0, 1], [1, 0], [0, 1]]),
        bone_weights=np.array([[1.0, 0], [1, 0], [0.5, 0.5]]),
    )


def test_repose_turns_bones_in_the_world(arm: tpose.Rig) -> None:
    quarter = rotation.about_axis("z", np.radians([90.0, 0.0]))
    posed = tpose.repose(arm, quarter)
    # The upper bone points up; the lower one hangs on its end and keeps pointing along +X.
    np.testing.assert_allclose(posed.heads, [[0, 0, 0], [0, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(posed.tails, [[0, 1, 0], [1, 1, 0]], atol=1e-12)
    np.testing.assert_allclose(posed.vertices[:2], [[0, 0.5, 0], [1, 1, 0]], atol=1e-12)
    # Half of (-0.5, 1, 0) from the upper bone and half of (0, 1.5, 0) from the lower one.
    np.testing.assert_allclose(posed.vertices[2], [-0.25, 1.25, 0], atol=1e-12)


def test_strongest_influences_keep_the_order_and_sum_to_255() -> None:
    dense = np.zeros((2, 55))
    dense[0, [3, 9, 20]] = 0.5, 0.3, 0.2
    dense[1, [1, 2, 4, 5, 7]] = 0.3, 0.25, 0.2, 0.15, 0.1
    indices, weights = tpose.strongest_influences(dense)
    assert indices[0, :3].tolist() == [3, 9, 20]
    assert indices[1].tolist() == [1, 2, 4, 5]
    assert weights.astype(int).sum(axis=1).tolist() == [255, 255]
    # 127.5, 76.5 and 51 of 255: the two halves tie for the byte that is left, and the stronger joint takes it.
    assert weights[0].tolist() == [128, 76, 51, 0]
    assert indices[0, 3] == 3


def test_smoothing_mixes_the_trunk_and_leaves_the_limbs() -> None:
    names = ("pelvis", "spine1", "left_knee", "left_ankle")
    pelvis, spine, knee, ankle = (SMPLX_JOINT_NAMES.index(name) for name in names)
    weights = np.zeros((6, 55))
    weights[0, pelvis] = weights[1, spine] = weights[2, spine] = 1.0
    weights[3, knee] = weights[4, ankle] = weights[5, ankle] = 1.0
    smooth = tpose.smooth_trunk(weights, np.array([[0, 1, 2], [3, 4, 5]]))
    # Three vertices of the trunk, all neighbours, end up alike; those of the leg stay as they were.
    np.testing.assert_allclose(smooth[:3, pelvis], 1 / 3, atol=1e-6)
    np.testing.assert_allclose(smooth[:3, spine], 2 / 3, atol=1e-6)
    assert np.array_equal(smooth[3:], weights[3:])


def test_mirror_pairs_and_symmetrize() -> None:
    vertices = np.array([[1.0, 0, 0], [-1.02, 0, 0.02], [0.01, 1, 0]])
    assert bake_anny.mirror_pairs(vertices).tolist() == [1, 0, 2]
    left, right = (SMPLX_JOINT_NAMES.index(f"{side}_wrist") for side in ("left", "right"))
    weights = np.zeros((3, 55))
    weights[0, left] = weights[2, left] = 1.0
    weights[1, right], weights[1, 0] = 0.8, 0.2
    even, shared = bake_anny.symmetrize(vertices, weights)
    np.testing.assert_allclose(even, [[1.01, 0, 0.01], [-1.01, 0, 0.01], [0, 1, 0]], atol=1e-12)
    assert shared[0, left] == pytest.approx(0.9) and shared[1, right] == pytest.approx(0.9)
    assert shared[2, left] == shared[2, right] == pytest.approx(0.5)


def test_offsets_add_up_to_the_positions() -> None:
    positions = np.random.default_rng(0).normal(size=(55, 3))
    offsets = tpose.offsets(positions)
    middle3 = SMPLX_JOINT_NAMES.index("left_middle3")
    chain = [0, 3, 6, 9, 13, 16, 18, 20, middle3 - 2, middle3 - 1, middle3]
    np.testing.assert_allclose(offsets[chain].sum(axis=0), positions[middle3], atol=1e-12)


def test_sole_is_the_low_skin_of_its_own_foot() -> None:
    ankle, other, hand = (SMPLX_JOINT_NAMES.index(name) for name in ("left_ankle", "right_foot", "left_wrist"))
    weights = np.zeros((4, 55))
    weights[[0, 1], ankle] = 1.0
    weights[2, other] = 1.0
    weights[3, hand] = 1.0
    vertices = np.array([[0.1, 0.001, 0], [0.1, 0.05, 0], [-0.1, 0.0, 0], [0.1, 0.0, 0]])
    assert bake_anny.sole_indices(vertices, weights, "left").tolist() == [0]
    assert bake_anny.sole_indices(vertices, weights, "right").tolist() == [2]
