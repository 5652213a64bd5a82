"""The pieces of the fit: derivatives, the banded solver, sides, gaps, fingers, face, the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.capture.fitting import split_track
from infinitedance_cli.stages.capture.fitting.camera import Pinhole, background_turns, locate
from infinitedance_cli.stages.capture.fitting.face import face_measures, jaw_rotations
from infinitedance_cli.stages.capture.fitting.fingers import finger_rotations
from infinitedance_cli.stages.capture.fitting.floor import Floor
from infinitedance_cli.stages.capture.fitting.normal import SHARED, Normal
from infinitedance_cli.stages.capture.fitting.pose_model import GROUPS, POSE_SIZE, Jacobian, Person, scaled_skeleton
from infinitedance_cli.stages.capture.fitting.priors import pose_priors
from infinitedance_cli.stages.capture.fitting.sides import mend_sides, mistaken_frames
from infinitedance_cli.stages.capture.fitting.smoothness import Smoothness
from infinitedance_cli.stages.capture.fitting.solver import solve_bordered
from infinitedance_cli.stages.capture.track import PersonTrack
from tests.stages.capture.fitting.synthetic import View, dance, track_of


def a_person(frames: int = 2) -> Person:
    random = np.random.default_rng(1)
    turns = rotation.from_axis_angle(0.4 * random.normal(size=(frames, BODY_JOINT_COUNT, 3)))
    for joints in GROUPS:
        turns[:, joints] = turns[:, joints[:1]]
    return Person(0.1 * random.normal(size=10), random.normal(size=(frames, 3)), turns)


def test_jacobian_is_the_derivative() -> None:
    person, step = a_person(), 1e-6
    jacobian = Jacobian(person.points)
    by_pose, by_scales = jacobian.by_pose(person.pose()), jacobian.by_scales(person.pose())
    before = person.pose().seen
    for unknown in range(POSE_SIZE):
        moved = Person(person.scales, person.root, person.local)
        change = np.zeros((2, POSE_SIZE))
        change[:, unknown] = step
        moved.step(change)
        assert np.allclose((moved.pose().seen - before) / step, by_pose[..., unknown], atol=1e-5)
    for part in range(10):
        scales = person.scales.copy()
        scales[part] += 1e-3
        grown = Person(scales, person.root, person.local).pose().seen
        assert np.allclose((grown - before) / 1e-3, by_scales[..., part], atol=2e-3)


def test_bordered_solver_equals_the_dense_one() -> None:
    random, frames = np.random.default_rng(2), 5
    factors = random.normal(size=(frames, POSE_SIZE, 2 * POSE_SIZE))
    blocks = factors @ np.swapaxes(factors, 1, 2)
    border, gradient = random.normal(size=(frames, POSE_SIZE, SHARED)), random.normal(size=(frames, POSE_SIZE))
    shared, shared_gradient = 1e4 * np.eye(SHARED), random.normal(size=SHARED)
    weight = random.uniform(size=(frames - 2, POSE_SIZE))
    change, common = solve_bordered(
        Normal(blocks.copy(), border, shared, gradient, shared_gradient), Smoothness(weight, weight)
    )
    size = frames * POSE_SIZE
    dense = np.zeros((size + SHARED, size + SHARED))
    for frame, block in enumerate(blocks):
        part = slice(frame * POSE_SIZE, (frame + 1) * POSE_SIZE)
        dense[part, part] += block
    second = np.zeros((frames - 2, frames))
    for row in range(frames - 2):
        second[row, row : row + 3] = 1, -2, 1
    for unknown in range(POSE_SIZE):
        rows = np.arange(frames) * POSE_SIZE + unknown
        dense[np.ix_(rows, rows)] += second.T @ np.diag(weight[:, unknown]) @ second
    dense[:size, size:] = border.reshape(size, SHARED)
    dense[size:, :size], dense[size:, size:] = dense[:size, size:].T, shared
    expected = np.linalg.solve(dense, -np.concatenate((gradient.reshape(-1), shared_gradient)))
    assert np.allclose(change.reshape(-1), expected[:size], atol=1e-8)
    assert np.allclose(common, expected[size:], atol=1e-8)


def test_camera_derivative_and_place() -> None:
    turns = np.stack([np.eye(3), rotation.to_matrix(rotation.about_axis("y", np.array(0.2)))])
    camera = Pinhole(900.0, np.array([640.0, 360.0]), turns)
    points = np.random.default_rng(0).uniform((-1, -1, -5), (1, 1, -3), size=(2, 7, 3))
    for axis in range(3):
        moved = points.copy()
        moved[..., axis] += 1e-6
        slope = (camera.project(moved) - camera.project(points)) / 1e-6
        assert np.allclose(slope, camera.derivative(points)[..., axis], atol=1e-2)
    middle = np.array([0.3, -0.2, -4.0])
    place = locate(points - middle, camera.project(points), np.ones((2, 7)), camera)
    assert np.allclose(place, middle, atol=1e-9)


def test_homographies_of_a_turning_camera() -> None:
    focal, centre = 800.0, np.array([320.0, 240.0])
    matrix = np.array([[focal, 0, 320], [0, focal, 240], [0, 0, 1.0]])
    pan = rotation.to_matrix(rotation.about_axis("y", np.array([0.0, 0.1])))
    turns = background_turns(3.0 * matrix @ pan @ np.linalg.inv(matrix), 2, focal, centre)
    flip = np.diag([1.0, -1.0, -1.0])
    assert np.allclose(turns, flip @ pan @ flip, atol=1e-12)


def test_scaled_skeleton_stands_on_its_soles() -> None:
    scales = np.zeros(10)
    scales[7] = np.log(1.2)  # thighs
    tall, usual = scaled_skeleton(scales, 55), scaled_skeleton(np.zeros(10), 55)
    assert tall.offsets[4, 1] == pytest.approx(1.2 * usual.offsets[4, 1])
    assert tall.rest_positions()[7, 1] == pytest.approx(usual.rest_positions()[7, 1], abs=1e-6)


def test_right_limits_mirror_left_ones() -> None:
    usual, spread, least, greatest = pose_priors()
    left = next(index for index, joints in enumerate(GROUPS) if joints == (18,))
    right = next(index for index, joints in enumerate(GROUPS) if joints == (19,))
    assert least[left, 1] == -greatest[right, 1] and least[right, 1] == -greatest[left, 1]
    assert np.allclose(spread[left], spread[right])
    assert (least <= greatest).all()


def test_floor_tilts_the_way_it_says() -> None:
    floor = Floor(np.array([0.0, 1.0, 0.0]), -1.0)
    tilted = floor.tilted(np.array([0.1, 0.0, 0.2]))
    assert np.degrees(np.arccos(tilted.up[1])) == pytest.approx(np.degrees(np.arctan(0.1)))
    assert tilted.up[0] > 0 and tilted.height == pytest.approx(-0.8)


def test_sides_are_found_and_a_turn_is_none() -> None:
    track = track_of(dance(60), View(), noise_px=2)
    assert not mistaken_frames(track).any()
    image = track.body_image.copy()
    order = np.arange(33)
    order[11:33] = order[11:33].reshape(-1, 2)[:, ::-1].reshape(-1)
    wrong = np.zeros(60, dtype=bool)
    wrong[[10, 12]], wrong[25:40] = True, True
    image[wrong] = image[wrong][:, order]
    mistaken = replace(track, body_image=image)
    assert (mistaken_frames(mistaken) == wrong).all()
    assert np.allclose(mend_sides(mistaken).body_image[:, 11:], track.body_image[:, 11:])


def test_split_at_long_gaps_only() -> None:
    track = track_of(dance(60), View())
    score = np.ones(60)
    score[10:25], score[30:46], score[58:] = 0, 0, 0
    pieces = split_track(replace(track, score=score), longest_gap_s=0.5)
    assert [(piece.first_frame, len(piece.box)) for piece in pieces] == [(0, 30), (46, 12)]
    assert [len(piece.box) for piece in split_track(replace(track, score=score), 0.5, shortest_s=0.5)] == [30]
    assert split_track(replace(track, score=np.zeros(60))) == ()


def a_hand(bend: float) -> np.ndarray:
    """Landmarks (21, 3) of a flat left hand, palm down, in the picture's axes; index bent down at its knuckle."""
    points = np.zeros((21, 3))
    knuckles = {5: (0.11, 0.028), 9: (0.11, 0.0), 13: (0.103, -0.021), 17: (0.093, -0.04)}
    for first, (along, across) in knuckles.items():
        for joint in range(4):
            points[first + joint] = along + 0.027 * joint, 0.0, across
    for joint in range(1, 4):
        points[5 + joint] = 0.11 + 0.027 * joint * np.cos(bend), -0.027 * joint * np.sin(bend), 0.028
    for joint, place in enumerate(((0.04, -0.004, 0.026), (0.052, -0.026, 0.047), (0.079, -0.045, 0.067))):
        points[1 + joint] = place
    points[4] = 0.1, -0.06, 0.08
    return points * (1, -1, -1)


def with_hands(frames: int, seen: slice, bend: float) -> PersonTrack:
    track = track_of(dance(frames), View())
    world, score = track.hand_world.copy(), track.hand_score.copy()
    world[seen, 0], score[seen, 0] = a_hand(bend), 1.0
    return replace(track, hand_world=world, hand_score=score)


def test_fingers_bend_as_seen() -> None:
    turns = finger_rotations(with_hands(10, slice(0, 10), np.radians(50)))
    index = rotation.to_axis_angle(turns[:, 0, 0])
    assert np.degrees(np.linalg.norm(index, axis=-1)) == pytest.approx(50, abs=6)
    along = rotation.rotate(turns[5, 0, 0], np.array([1.0, 0.0, 0.0]))
    assert along[1] < -0.6  # down, to the palm
    middle = rotation.to_axis_angle(turns[:, 0, 3])
    assert np.degrees(np.linalg.norm(middle, axis=-1)).max() < 8
    assert np.allclose(turns[:, 1], relaxed_hands()["right"], atol=1e-6)


def test_unseen_fingers_are_filled_then_relaxed() -> None:
    turns = finger_rotations(with_hands(60, slice(0, 10), np.radians(80)))
    bend = np.degrees(np.linalg.norm(rotation.to_axis_angle(turns[:, 0, 0]), axis=-1))
    relaxed = np.degrees(2 * np.arccos(relaxed_hands()["left"][0, 0]))
    assert bend[11] > 60
    assert bend[-1] == pytest.approx(relaxed, abs=3)


def test_jaw_opens_with_the_lips() -> None:
    track = track_of(dance(9), View())
    face = np.full((9, 468, 3), 0.0)
    face[:, 33], face[:, 263] = (0, 0, 0), (90, 0, 0)
    face[:, 14, 1] = 30
    seen = replace(track, face_image=face, face_score=np.ones(9))
    measures = face_measures(seen)
    assert measures[4, 0] == pytest.approx(1 / 3)
    opened = rotation.to_axis_angle(jaw_rotations(measures))[4]
    assert np.degrees(opened[0]) == pytest.approx(np.degrees(np.arcsin((1 / 3 - 0.02) * 0.9)), abs=0.5)
    assert np.isnan(face_measures(track)).all()
    assert np.allclose(jaw_rotations(face_measures(track))[:, 0], 1)
