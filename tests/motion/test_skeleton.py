from __future__ import annotations

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.motion.skeleton import (
    LEFT_RIGHT_SWAP,
    SMPLX_JOINT_NAMES,
    SMPLX_PARENTS,
    Skeleton,
    default_skeleton,
)


def test_smplx_order_has_its_known_landmarks() -> None:
    assert len(SMPLX_JOINT_NAMES) == len(SMPLX_PARENTS) == 55
    known = {0: "pelvis", 9: "spine3", 15: "head", 21: "right_wrist", 22: "jaw", 25: "left_index1", 54: "right_thumb3"}
    assert {index: SMPLX_JOINT_NAMES[index] for index in known} == known
    # Fingers hang on their wrist, finger joints on the one before.
    assert SMPLX_PARENTS[25] == 20 and SMPLX_PARENTS[40] == 21 and SMPLX_PARENTS[54] == 53


def test_swapping_sides_twice_is_nothing() -> None:
    assert [LEFT_RIGHT_SWAP[joint] for joint in LEFT_RIGHT_SWAP] == list(range(55))
    assert LEFT_RIGHT_SWAP[1] == 2 and LEFT_RIGHT_SWAP[15] == 15 and LEFT_RIGHT_SWAP[23] == 24


def test_default_skeleton_is_an_upright_symmetric_person() -> None:
    skeleton = default_skeleton()
    rest = skeleton.rest_positions()
    assert skeleton.joint_names == SMPLX_JOINT_NAMES and skeleton.parents == SMPLX_PARENTS
    assert rest[15, 1] > rest[0, 1] > rest[4, 1] > rest[7, 1] > rest[10, 1] > 0
    assert rest[10, 2] > rest[7, 2]  # toes in front: it faces +Z
    assert rest[1, 0] > 0 > rest[2, 0]  # left is +X
    mirrored = rest[list(LEFT_RIGHT_SWAP)] * np.array([-1, 1, 1])
    np.testing.assert_allclose(mirrored, rest, atol=1e-4)
    # T-pose: the arms are level.
    assert abs(rest[20, 1] - rest[16, 1]) < 0.02


def test_rest_positions_add_up_the_offsets() -> None:
    offsets = np.array([[0, 1, 0], [0.5, 0, 0], [0.5, 0.25, 0]], dtype=np.float32)
    skeleton = Skeleton(("root", "a", "b"), (-1, 0, 1), offsets)
    np.testing.assert_allclose(skeleton.rest_positions(), [[0, 1, 0], [0.5, 1, 0], [1.0, 1.25, 0]])
    assert skeleton.children(0) == (1,) and skeleton.index("b") == 2
    assert skeleton.first(2).joint_names == ("root", "a")


def test_matches_looks_at_names_and_offsets() -> None:
    skeleton = default_skeleton(22)
    moved = Skeleton(skeleton.joint_names, skeleton.parents, skeleton.offsets + np.float32(1e-3))
    assert skeleton.matches(default_skeleton(22))
    assert not skeleton.matches(moved) and skeleton.matches(moved, tolerance=2e-3)
    assert not skeleton.matches(default_skeleton(55))


@pytest.mark.parametrize(
    ("parents", "offsets", "message"),
    [
        ((-1, 0), np.zeros((3, 3)), "do not agree"),
        ((0, 0), np.zeros((2, 3)), "first joint"),
        ((-1, 1), np.zeros((2, 3)), "parent of joint 1"),
    ],
)
def test_broken_trees_are_refused(parents: tuple[int, ...], offsets: np.ndarray, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Skeleton(("a", "b"), parents, offsets.astype(np.float32))


def test_unknown_joint_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="tail.*pelvis"):
        default_skeleton(22).index("tail")
