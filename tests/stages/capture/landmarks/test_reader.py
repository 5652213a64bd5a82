from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES
from infinitedance_cli.stages.capture.landmarks import Detection, LandmarkReader, PersonLandmarks, geometry
from infinitedance_cli.stages.capture.landmarks.reader import Sight
from tests.stages.capture.landmarks.conftest import BODY_JOINTS, SIDE, Dancer

FAR = 0.035
"""How far a landmark may be from the joint that it stands for, of the dancer's height: shoulders and hips are not the
same points in both."""


def distances(seen: PersonLandmarks, dancer: Dancer, frame: int) -> list[float]:
    """From each joint to its landmark, of the dancer's height."""
    return [
        float(np.linalg.norm(seen.body_image[landmark] - dancer.pixel(frame, joint))) / dancer.height
        for joint, landmark in BODY_JOINTS.items()
    ]


def follow(reader: LandmarkReader, dancer: Dancer) -> list[PersonLandmarks]:
    (where,) = reader.detect(dancer.pictures[0])
    seen = []
    for picture in dancer.pictures:
        assert where is not None
        landmarks, where = reader.follow(picture, where)  # type: ignore[assignment]
        seen.append(landmarks)
    return seen


def test_landmarks_are_at_the_joints_of_a_drawn_dancer(reader: LandmarkReader, dancer: Dancer) -> None:
    for frame, seen in enumerate(follow(reader, dancer)):
        assert seen.score > 0.9
        assert np.mean(distances(seen, dancer, frame)) < FAR / 2
        assert max(distances(seen, dancer, frame)) < FAR
        assert (seen.body_visibility[list(BODY_JOINTS.values())] > 0.8).all()
        lows, highs = dancer.pixels[frame].min(axis=0), dancer.pixels[frame].max(axis=0)
        truth = np.concatenate([lows, highs])
        assert geometry.overlap(seen.box, truth) > 0.75


def test_world_landmarks_are_metres_in_the_cameras_axes(reader: LandmarkReader, dancer: Dancer) -> None:
    seen = follow(reader, dancer)[0]
    hips = seen.body_world[[23, 24]].mean(axis=0)
    assert np.abs(hips).max() < 0.02
    truth = dancer.metres[0, [SMPLX_JOINT_NAMES.index(joint) for joint in BODY_JOINTS]]
    truth = truth - truth[list(BODY_JOINTS).index("left_hip") :][:2].mean(axis=0)
    errors = seen.body_world[list(BODY_JOINTS.values())] - truth
    assert np.abs(errors[:, :2]).max() < 0.12  # across and down; how far away is seen less well
    assert np.linalg.norm(errors, axis=1).mean() < 0.15


def test_hands_are_at_the_hands_the_left_one_first(reader: LandmarkReader, dancer: Dancer) -> None:
    for frame, seen in enumerate(follow(reader, dancer)):
        assert (seen.hand_score > 0.8).all()
        for side, name in enumerate(("left", "right")):
            hand = dancer.pixel(frame, f"{name}_middle1")
            assert np.linalg.norm(seen.hand_image[side, 9] - hand) < 0.02 * dancer.height
            length = np.linalg.norm(seen.hand_world[side, 12] - seen.hand_world[side, 0])
            assert 0.08 < length < 0.22


def test_the_face_is_before_the_head(reader: LandmarkReader, dancer: Dancer) -> None:
    seen = follow(reader, dancer)[-1]
    assert seen.face_score > 0.9
    tip, right_corner, left_corner = seen.face_image[1], seen.face_image[33], seen.face_image[263]
    assert left_corner[0] > right_corner[0], "the person's left is to the right in the picture"
    assert tip[2] < right_corner[2], "the nose is nearer than the eyes"
    head = dancer.pixel(11, "head")
    assert np.linalg.norm(seen.face_image[:, :2].mean(axis=0) - head) < 0.06 * dancer.height


def test_a_dancer_upside_down_is_found_and_right_stays_right(reader: LandmarkReader, dancer: Dancer) -> None:
    picture = np.ascontiguousarray(dancer.pictures[0][::-1, ::-1])
    found = reader.detect(picture)
    seen, _ = reader.follow(picture, found[0])
    turned = SIDE - 1 - dancer.pixel(0, "left_wrist")
    assert np.linalg.norm(seen.body_image[15] - turned) < FAR * dancer.height
    assert found[0].region is not None and abs(abs(found[0].region.angle) - math.pi) < 0.3


def test_a_box_is_enough_to_start_from(reader: LandmarkReader, dancer: Dancer) -> None:
    lows, highs = dancer.pixels[0].min(axis=0), dancer.pixels[0].max(axis=0)
    start = Detection(np.concatenate([lows, highs]).astype(np.float32), 0.9)
    seen, following = reader.follow(dancer.pictures[0], start)
    assert following is not None
    assert max(distances(seen, dancer, 0)) < FAR


def test_a_small_dancer_in_a_wide_picture_is_found(reader: LandmarkReader, dancer: Dancer) -> None:
    import cv2

    small = cv2.resize(dancer.pictures[0], (160, 160), interpolation=cv2.INTER_AREA)
    picture = np.full((360, 1280, 3), small[0, 0], np.uint8)
    picture[180:340, 900:1060] = small
    found = reader.detect(picture)
    assert found, "nobody was found"
    hips = dancer.pixels[0, 0] * 160 / SIDE + (900, 180)
    assert found[0].region is not None
    assert np.hypot(found[0].region.x - hips[0], found[0].region.y - hips[1]) < 20


def test_whoever_leaves_is_lost_and_has_no_landmarks(reader: LandmarkReader, dancer: Dancer) -> None:
    (where,) = reader.detect(dancer.pictures[0])
    _, following = reader.follow(dancer.pictures[0], where)
    assert following is not None
    seen, lost = reader.follow(np.full_like(dancer.pictures[0], 90), following)
    assert lost is None and seen.score < 0.5
    for part in (seen.body_image, seen.body_world, seen.hand_image, seen.hand_world, seen.face_image, seen.box):
        assert np.isnan(part).all()
    assert not seen.body_visibility.any() and not seen.hand_score.any() and seen.face_score == 0


def test_an_empty_picture_holds_nobody(reader: LandmarkReader) -> None:
    assert reader.detect(np.zeros((480, 640, 3), np.uint8)) == ()
    assert reader.detect(np.zeros((1, 1, 3), np.uint8)) == ()


def test_what_is_begun_and_asked_for_later_is_the_same(reader: LandmarkReader, dancer: Dancer) -> None:
    at_once = follow(reader, dancer)
    (where,) = reader.detect(dancer.pictures[0])
    pending = []
    for picture in dancer.pictures:
        assert where is not None
        later, where = reader.begin(picture, where)  # type: ignore[assignment]
        pending.append(later)
    for first, second in zip(at_once, (later() for later in pending), strict=True):
        for name in ("body_image", "body_world", "hand_image", "hand_world", "hand_score", "face_image"):
            assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_without_details_the_body_is_the_same(reader: LandmarkReader, dancer: Dancer, blazepose: Path) -> None:
    with LandmarkReader(details=False) as plain:
        (where,) = plain.detect(dancer.pictures[0])
        seen, _ = plain.follow(dancer.pictures[0], where)
    assert np.array_equal(seen.body_image, follow(reader, dancer)[0].body_image)
    assert np.isnan(seen.hand_image).all() and seen.face_score == 0


def test_a_hand_that_is_not_seen_is_looked_for_less_often() -> None:
    sight: Sight[str] = Sight("a hand")
    looks = []
    for _ in range(12):
        looks.append(sight.worth_a_look)
        sight = sight.then(None)
    assert looks == [True, True, False, True, False, False, True, False, False, True, False, False]
    assert sight.then("a hand").worth_a_look
    assert sight.then("a hand").unseen == 0
