"""The open body: its rest geometry and its skinning, against poses worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import CHUNK_FRAMES, BodyMesh, load_open_body, skin
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, LEFT_RIGHT_SWAP

TOLERANCE_M = 1e-5


@pytest.fixture(scope="module")
def body() -> BodyMesh:
    return load_open_body()


def pose(body: BodyMesh, **turns: tuple[float, float, float]) -> NDArray[np.float32]:
    """One frame (1, 55, 4) at rest but for the named joints, turned by axis-angles in degrees."""
    vectors = np.zeros((1, body.skeleton.joint_count, 3), dtype=np.float32)
    for joint, degrees in turns.items():
        vectors[0, body.skeleton.index(joint)] = np.radians(degrees)
    return rotation.from_axis_angle(vectors)


def root(body: BodyMesh, frames: int = 1) -> NDArray[np.float32]:
    return np.tile(body.skeleton.offsets[0], (frames, 1))


def carried_by(body: BodyMesh, *prefixes: str) -> NDArray[np.bool_]:
    """Vertices that only joints with one of these name prefixes carry."""
    chosen = np.array([name.startswith(prefixes) for name in body.skeleton.joint_names])
    return (chosen[body.joint_indices] | (body.joint_weights == 0)).all(axis=1)


LEFT_HAND = ("left_wrist", "left_index", "left_middle", "left_pinky", "left_ring", "left_thumb")


def test_rest_pose_skins_to_the_rest_vertices(body: BodyMesh) -> None:
    vertices = skin(body, root(body), pose(body))[0]
    assert np.abs(vertices - body.vertices).max() < TOLERANCE_M


def test_turning_the_root_turns_every_vertex_about_the_pelvis(body: BodyMesh) -> None:
    turned = skin(body, root(body), pose(body, pelvis=(0, 90, 0)))[0] - body.skeleton.offsets[0]
    x, y, z = (body.vertices - body.skeleton.offsets[0]).T
    assert np.abs(turned - np.stack((z, y, -x), axis=1)).max() < TOLERANCE_M


def test_moving_the_root_moves_every_vertex(body: BodyMesh) -> None:
    moved = skin(body, root(body) + np.float32([1, 2, 3]), pose(body))[0]
    assert np.abs(moved - body.vertices - [1, 2, 3]).max() < TOLERANCE_M


def test_bending_the_left_elbow_swings_the_left_hand_forward_and_nothing_else(body: BodyMesh) -> None:
    bent = skin(body, root(body), pose(body, left_elbow=(0, -90, 0)))[0]
    elbow = body.skeleton.rest_positions()[body.skeleton.index("left_elbow")]
    hand = carried_by(body, *LEFT_HAND)
    x, y, z = (body.vertices[hand] - elbow).T
    assert hand.sum() > 1000
    assert np.abs(bent[hand] - elbow - np.stack((-z, y, x), axis=1)).max() < TOLERANCE_M
    untouched = np.abs(bent - body.vertices).max(axis=1) < TOLERANCE_M
    chest = body.skeleton.rest_positions()[body.skeleton.index("left_shoulder"), 0]
    assert untouched[body.vertices[:, 0] < chest].all()
    assert not untouched[hand].any()


def test_a_mixed_vertex_is_the_weighted_mean_of_its_joints(body: BodyMesh) -> None:
    angle = np.radians(70)
    bent = skin(body, root(body), pose(body, right_knee=(70, 0, 0)))[0]
    knee, hip = (body.skeleton.index(name) for name in ("right_knee", "right_hip"))
    pivot = body.skeleton.rest_positions()[knee].astype(float)
    shares = np.where(body.joint_indices == knee, body.joint_weights, 0).sum(axis=1)
    thigh = np.where(body.joint_indices == hip, body.joint_weights, 0).sum(axis=1)
    vertex = int(np.argmax((np.abs(shares - 0.5) < 0.1) & (shares + thigh > 0.999)))
    x, y, z = body.vertices[vertex] - pivot
    swung = np.array([x, y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)]) + pivot
    expected = shares[vertex] * swung + thigh[vertex] * body.vertices[vertex]
    assert 0.4 < shares[vertex] < 0.6
    assert np.abs(bent[vertex] - expected).max() < 1e-4


def test_a_clip_without_hands_leaves_them_at_rest(body: BodyMesh) -> None:
    full = pose(body, left_shoulder=(0, 0, -60), head=(0, 30, 0))
    short = skin(body, root(body), full[:, :BODY_JOINT_COUNT])
    assert np.array_equal(short, skin(body, root(body), full))


def test_frames_do_not_depend_on_their_neighbours(body: BodyMesh) -> None:
    frames = CHUNK_FRAMES + 1
    angles = np.linspace(0, 1, frames)
    poses = np.concatenate([pose(body, spine2=(0, 0, 40 * angle)) for angle in angles])
    together = skin(body, root(body, frames), poses)
    alone = np.concatenate([skin(body, root(body), poses[[frame]]) for frame in range(frames)])
    assert np.abs(together - alone).max() < TOLERANCE_M
    assert np.abs(together[0] - body.vertices).max() < TOLERANCE_M


@pytest.mark.parametrize(("frames", "shape"), [(2, (1, 55, 4)), (1, (1, 55, 3)), (1, (1, 56, 4)), (1, (55, 4))])
def test_shapes_that_do_not_fit_are_refused(body: BodyMesh, frames: int, shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="at most 55 joints"):
        skin(body, np.zeros((frames, 3), np.float32), np.zeros(shape, np.float32))


def test_weights_are_positive_and_sum_to_one(body: BodyMesh) -> None:
    assert body.joint_weights.min() >= 0
    assert np.abs(body.joint_weights.sum(axis=1) - 1).max() < 1e-6
    assert body.joint_indices.max() < body.skeleton.joint_count


def test_every_joint_that_has_skin_carries_some(body: BodyMesh) -> None:
    carried = np.zeros(body.skeleton.joint_count)
    np.add.at(carried, body.joint_indices, body.joint_weights)
    assert (carried > 1).all()


def test_the_soles_are_the_lowest_vertices_and_touch_the_floor(body: BodyMesh) -> None:
    soles = np.concatenate((body.left_sole, body.right_sole))
    above = np.delete(body.vertices[:, 1], soles)
    assert abs(body.vertices[soles, 1].min()) < TOLERANCE_M
    assert body.vertices[soles, 1].max() <= above.min()
    assert (body.vertices[body.left_sole, 0] > 0).all()
    assert (body.vertices[body.right_sole, 0] < 0).all()
    # Heel and toes both: a sole reaches behind the ankle and before the ball of the foot.
    joints = body.skeleton.rest_positions()
    assert body.vertices[body.left_sole, 2].min() < joints[body.skeleton.index("left_ankle"), 2]
    assert body.vertices[body.left_sole, 2].max() > joints[body.skeleton.index("left_foot"), 2]


def test_the_surface_faces_outward_and_holds_a_persons_volume(body: BodyMesh) -> None:
    a, b, c = np.moveaxis(body.vertices[body.faces].astype(float), 1, 0)
    litres = 1000 * np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert 50 < litres < 80


def test_the_mesh_is_its_own_mirror_image(body: BodyMesh) -> None:
    def rows(vertices: NDArray[np.float32]) -> set[tuple[int, ...]]:
        return {tuple(row) for row in np.round(vertices * 2**14).astype(int)}

    assert rows(body.vertices) == rows(body.vertices * np.float32([-1, 1, 1]))


def test_the_skeleton_is_symmetric_within_a_millimetre(body: BodyMesh) -> None:
    rest = body.skeleton.rest_positions()
    assert np.abs(rest - rest[list(LEFT_RIGHT_SWAP)] * [-1, 1, 1]).max() < 1e-3


def test_the_skeleton_stands_in_an_exact_t_pose(body: BodyMesh) -> None:
    rest = dict(zip(body.skeleton.joint_names, body.skeleton.rest_positions(), strict=True))
    for upper, lower in (("left_hip", "left_knee"), ("left_knee", "left_ankle")):
        assert np.abs((rest[lower] - rest[upper])[[0, 2]]).max() < 1e-4
        assert rest[lower][1] < rest[upper][1] - 0.3
    for inner, outer in (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"), ("left_wrist", "left_middle1")):
        assert np.abs((rest[outer] - rest[inner])[1:]).max() < 1e-4
        assert rest[outer][0] > rest[inner][0] + 0.09
    ball = rest["left_foot"] - rest["left_ankle"]
    assert abs(ball[0]) < 1e-4 and ball[2] > 0.1 and ball[1] < 0
    assert rest["left_hip"][0] > 0
    # Palm down: the thumb is in front, the fingers level.
    assert rest["left_thumb3"][2] > rest["left_middle3"][2] > rest["left_pinky3"][2]
    assert abs(rest["left_index3"][1] - rest["left_index1"][1]) < 1e-4


def test_joints_lie_inside_the_skin_that_they_carry(body: BodyMesh) -> None:
    rest = body.skeleton.rest_positions()
    for name in ("left_knee", "right_elbow", "left_hip", "right_shoulder", "neck", "left_index2", "right_ankle"):
        joint = body.skeleton.index(name)
        skin_of_joint = body.vertices[(np.where(body.joint_indices == joint, body.joint_weights, 0)).sum(axis=1) > 0.2]
        assert (skin_of_joint.min(axis=0) < rest[joint]).all() and (rest[joint] < skin_of_joint.max(axis=0)).all(), name


def test_the_body_is_free_of_rights(body: BodyMesh) -> None:
    assert body.license == "CC0-1.0"
