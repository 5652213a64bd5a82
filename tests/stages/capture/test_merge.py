from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.capture.annotations import array_of, capture_group, captured
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.merge import MergedBackend, merge, same_person
from infinitedance_cli.stages.capture.video import TimedPicture
from tests.stages.capture.videos import constant, write_video

FRAMES = 90
ELBOW, WRIST, FINGER = (SMPLX_JOINT_NAMES.index(f"left_{name}") for name in ("elbow", "wrist", "index1"))
JAW = SMPLX_JOINT_NAMES.index("jaw")


def _turn(axis: str, degrees: float | np.ndarray) -> np.ndarray:
    return rotation.about_axis(axis, np.radians(np.asarray(degrees, dtype=float)))  # type: ignore[arg-type]


def _clip(
    turns: dict[int, np.ndarray] | None = None,
    frames: int = FRAMES,
    first_frame: int = 0,
    confidence: np.ndarray | None = None,
    box: tuple[float, ...] | None = None,
    joints: int = 55,
) -> MotionClip:
    """Somebody in the T-pose, but for the local rotations (4,) or (T, 4) of some joints."""
    local = np.repeat(rotation.identity(joints)[None], frames, axis=0)
    for joint, turn in (turns or {}).items():
        local[:, joint] = turn
    boxes = None if box is None else np.repeat(np.array(box)[None], frames, axis=0)
    group = capture_group(first_frame=first_frame, confidence=confidence, bbox=boxes)
    root = np.zeros((frames, 3), np.float32)
    return MotionClip("clip", default_skeleton(joints), 30.0, root, local.astype(np.float32), extra={"capture": group})


def _world(clip: MotionClip, joint: int) -> np.ndarray:
    return forward_kinematics(clip.skeleton, clip.root_position, clip.joint_rotation)[1][:, joint]


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees between rotations."""
    return np.degrees(2 * np.arccos(np.clip(np.abs(np.sum(one * other, axis=-1)), 0, 1)))


def test_fingers_jaw_and_expression_come_from_the_hands_and_the_body_stays() -> None:
    body = _clip({1: _turn("x", 20), 16: _turn("z", 30)})
    hands = _clip({FINGER: _turn("z", -40), JAW: _turn("x", 12), 1: _turn("x", -70)})
    hands = replace(hands, body=Body("smplx", expression=np.full((FRAMES, 10), 0.5, np.float32)))
    merged = merge(body, hands)
    assert _apart(merged.joint_rotation[:, FINGER], _turn("z", -40)).max() < 0.1
    assert _apart(merged.joint_rotation[:, JAW], _turn("x", 12)).max() < 0.1
    assert merged.body is not None and merged.body.expression is not None
    assert merged.body.expression == pytest.approx(0.5)
    same = [joint for joint in range(22) if joint not in (20, 21)]
    assert merged.joint_rotation[:, same] == pytest.approx(body.joint_rotation[:, same], abs=1e-6)


def test_the_hand_is_turned_as_it_was_seen_whatever_camera_and_elbow_say() -> None:
    """Both see the arms out. The second sees them from another side, and turns the elbow where the wrist turns back."""
    hands = _clip({0: _turn("y", 140), 9: _turn("x", 10), ELBOW: _turn("x", 40), WRIST: _turn("x", -10)})
    merged = merge(_clip(), hands)
    assert _apart(_world(merged, WRIST), _turn("x", 30)).max() < 0.2
    assert _apart(merged.joint_rotation[:, ELBOW], _turn("x", 0)).max() < 0.2  # a wrist turns that far by itself


def test_a_bend_of_the_wrist_stays_with_the_forearm_where_the_two_forearms_differ() -> None:
    body, hands = _clip({18: _turn("z", 0)}), _clip({ELBOW: _turn("z", 25), WRIST: _turn("z", 35)})
    assert _apart(merge(body, hands).joint_rotation[:, WRIST], _turn("z", 35)).max() < 1.0


def test_a_forearm_turns_by_what_is_too_much_for_a_wrist_and_nothing_moves() -> None:
    degrees = np.linspace(0, 170, FRAMES)
    body = _clip()
    merged = merge(body, _clip({WRIST: _turn("x", degrees)}))
    assert _apart(_world(merged, WRIST), _turn("x", degrees))[5:-5].max() < 1.0
    wrist = np.degrees(np.linalg.norm(rotation.to_axis_angle(merged.joint_rotation[:, WRIST]), axis=-1))
    assert wrist.max() < 52
    arm = [18, 20]
    assert merged.joint_positions()[:, arm] == pytest.approx(body.joint_positions()[:, arm], abs=2e-3)


def test_a_turn_past_half_a_circle_does_not_flip() -> None:
    degrees = np.linspace(150, 230, FRAMES)
    merged = merge(_clip(), _clip({WRIST: _turn("x", degrees)}))
    for joint in (ELBOW, WRIST):
        steps = _apart(merged.joint_rotation[1:, joint], merged.joint_rotation[:-1, joint])
        assert steps.max() < 2.0
    assert _apart(_world(merged, WRIST), _turn("x", degrees))[5:-5].max() < 1.0


@pytest.mark.parametrize("turns", [{ELBOW: _turn("z", 90), WRIST: _turn("x", 30)}, {WRIST: _turn("z", 130)}])
def test_a_hand_on_a_forearm_that_points_elsewhere_or_bends_too_far_is_not_taken(turns: dict[int, np.ndarray]) -> None:
    merged = merge(_clip({WRIST: _turn("y", 15)}), _clip({**turns, FINGER: _turn("z", -40)}))
    assert _apart(merged.joint_rotation[:, WRIST], _turn("y", 15)).max() < 0.1
    assert _apart(merged.joint_rotation[:, FINGER], _turn("z", 0)).max() < 0.1
    right = SMPLX_JOINT_NAMES.index("right_index1")
    confidence = array_of(captured(merged), "confidence")
    assert confidence is not None and confidence[:, FINGER].max() == 0 and confidence[:, right].min() == 1


def _unsure(first: int, last: int) -> np.ndarray:
    confidence = np.ones((FRAMES, 55))
    confidence[first:last, 25:40] = 0.1
    return confidence


def test_a_short_time_out_of_sight_is_filled_from_its_ends() -> None:
    degrees = np.concatenate((np.zeros(30), np.full(10, 90.0), np.full(50, -40.0)))
    merged = merge(_clip(), _clip({FINGER: _turn("z", degrees)}, confidence=_unsure(30, 40)), gap=15)
    bend = np.degrees(rotation.to_axis_angle(merged.joint_rotation[:, FINGER])[:, 2])
    assert bend[35] == pytest.approx(-40 * 6 / 11, abs=1.0)  # from frame 29 to frame 40
    assert np.abs(np.diff(bend)).max() < 5.0


def test_a_long_time_out_of_sight_is_the_bodys_own_hand_and_no_switch_is_sudden() -> None:
    own, seen = _turn("z", -10), _turn("z", -70)
    merged = merge(_clip({FINGER: own, WRIST: own}), _clip({FINGER: seen}, confidence=_unsure(30, 65)), gap=15)
    finger = merged.joint_rotation[:, FINGER]
    assert _apart(finger[40:55], own).max() < 0.1
    assert _apart(finger[:20], seen).max() < 0.1 and _apart(finger[-15:], seen).max() < 0.1
    assert _apart(finger[1:], finger[:-1]).max() < 60 / 8
    assert _apart(finger[30:65], own).max() < 0.1  # not one frame of what was not seen


def test_a_glimpse_of_a_few_frames_is_left_out() -> None:
    confidence = _unsure(0, FRAMES)
    confidence[40:44] = 1.0
    merged = merge(_clip(), _clip({FINGER: _turn("z", -70)}, confidence=confidence))
    assert _apart(merged.joint_rotation[:, FINGER], _turn("z", 0)).max() < 0.1


def test_frames_are_aligned_by_when_they_are_shown() -> None:
    degrees = np.linspace(0, 60, 120)  # over 120 frames of the shot
    hands = _clip({FINGER: _turn("z", degrees[:100])}, frames=100, first_frame=0)
    merged = merge(_clip(frames=80, first_frame=15), hands)
    bend = np.degrees(rotation.to_axis_angle(merged.joint_rotation[:, FINGER])[:, 2])
    assert bend[20:60] == pytest.approx(degrees[35:75], abs=0.5)


def test_a_body_without_hands_gets_them_at_ease_where_none_are_seen() -> None:
    confidence = np.ones((FRAMES, 55))
    confidence[:, 40:] = 0.0
    merged = merge(_clip(joints=22), _clip({FINGER: _turn("z", -70)}, confidence=confidence))
    assert merged.skeleton.joint_count == 55
    assert _apart(merged.joint_rotation[:, FINGER], _turn("z", -70)).max() < 0.1
    assert _apart(merged.joint_rotation[:, 40:], relaxed_hands()["right"]).max() < 0.1


def test_the_same_person_is_the_one_in_the_same_place_at_the_same_time() -> None:
    body = _clip(box=(100, 0, 200, 300), first_frame=10)
    left, right = _clip(box=(90, 0, 210, 310)), _clip(box=(400, 0, 500, 300))
    assert same_person(body, [right, left]) is left
    assert same_person(body, [right]) is None
    assert same_person(body, [_clip(frames=10, box=(100, 0, 200, 300))]) is None  # gone before
    assert same_person(_clip(), [right]) is right  # nobody knows where: the one who is there
    assert same_person(body, []) is None


@dataclass
class _Fixed:
    name: str
    clips: tuple[MotionClip, ...]
    asked: str = ""

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        self.asked = config.person
        yield from self.clips


def test_two_backends_are_one_and_only_the_first_chooses_the_person(caplog: pytest.LogCaptureFixture) -> None:
    here, there = (100.0, 0.0, 200.0, 300.0), (400.0, 0.0, 500.0, 300.0)
    body = _Fixed("gvhmr", (_clip(box=here), _clip(box=(800, 0, 900, 300))))
    hands = _Fixed("smplestx", (_clip({FINGER: _turn("z", 20)}, box=there), _clip({FINGER: _turn("z", -70)}, box=here)))
    merged = MergedBackend(body, hands)
    assert merged.name == "gvhmr+smplestx"
    first, second = merged.capture(Path("shot.mp4"), CaptureConfig(person="center"))
    assert (body.asked, hands.asked) == ("center", "all")
    assert _apart(first.joint_rotation[:, FINGER], _turn("z", -70)).max() < 0.1
    assert second is body.clips[1] and "smplestx saw no hands of the person" in caplog.text
    assert first.provenance[-1]["stage"] == "capture/merge"


@dataclass
class _OfPictures:
    name: str
    clip: MotionClip
    pictures: int = 0

    def follow(self, pictures: Iterable[TimedPicture], config: CaptureConfig) -> Iterator[MotionClip]:
        self.pictures = sum(1 for _ in pictures)
        yield self.clip


def test_a_backend_that_wants_pictures_gets_those_of_the_shot(tmp_path: Path) -> None:
    shot = write_video(tmp_path / "shot.mp4", constant(30, 1.0), lambda number: np.full((32, 48, 3), number, np.uint8))
    hands = _OfPictures("blazepose", _clip({FINGER: _turn("z", -70)}))
    (merged,) = MergedBackend(_Fixed("gvhmr", (_clip(),)), hands).capture(shot, CaptureConfig())
    assert hands.pictures == 30
    assert _apart(merged.joint_rotation[:, FINGER], _turn("z", -70)).max() < 0.1
