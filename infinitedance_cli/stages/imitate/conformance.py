"""Checks that every physics engine must pass; tests run them over every engine that is installed.

In the test folder of a plug-in package::

    from infinitedance_cli.stages.imitate.conformance import check_engine

    def test_it_is_a_physics_engine():
        check_engine("my-engine")
"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton
from infinitedance_cli.stages.imitate.body import GRAVITY, SimulatedBody, build_body
from infinitedance_cli.stages.imitate.stage import load_engine
from infinitedance_cli.stages.imitate.tracking import CONTACT_LABELS, PhysicsEngine, Quality, Tracking

_FEW_FRAMES = 12
_FLIGHT_HEIGHT_M = 0.35


def standing(frames: int = 45, fps: float = 30.0) -> MotionClip:
    """A body that stands with its arms down."""
    skeleton = default_skeleton(BODY_JOINT_COUNT)
    turns = rotation.identity(frames, BODY_JOINT_COUNT)
    for name, angle in (("left_shoulder", -1.2), ("right_shoulder", 1.2)):
        turns[:, skeleton.index(name)] = rotation.about_axis("z", np.full(frames, angle))
    root = np.repeat(skeleton.rest_positions()[:1], frames, axis=0)
    return MotionClip("standing", skeleton, fps, root, turns)


def swaying(frames: int = 60, fps: float = 30.0) -> MotionClip:
    """A body that stands and swings its arms."""
    clip = standing(frames, fps)
    joints = clip.joint_rotation.copy()
    swing = 0.5 * np.sin(2 * np.pi * np.arange(frames) / fps)
    for name, sign in (("left_shoulder", 1), ("right_shoulder", -1)):
        joint = clip.skeleton.index(name)
        joints[:, joint] = rotation.multiply(joints[:, joint], rotation.about_axis("y", sign * swing))
    return replace(clip, clip_id="swaying", joint_rotation=joints.astype(np.float32))


def floating(frames: int = 20, fps: float = 30.0) -> MotionClip:
    """A body that hangs still, half a metre over the floor, where nothing but help can hold it."""
    clip = standing(frames, fps)
    return replace(clip, clip_id="floating", root_position=clip.root_position + np.array([0, 0.5, 0], np.float32))


def check_engine(name: str) -> None:
    """An engine keeps a standing body up and near its reference, obeys Newton, and tells of its help and of falls.

    Raises AssertionError with the rule that is broken.
    """
    engine = load_engine(name)
    assert engine.name == name, f"the engine calls itself {engine.name!r}; expected its plug-in name {name!r}"
    for reference in (standing(), swaying()):
        _check_stands(engine, reference, "fast")
    for quality in get_args(Quality):
        _check_stands(engine, swaying(_FEW_FRAMES), quality)
    _check_momentum(engine)
    _check_help_is_reported(engine)
    _check_repeats(engine)


def _check_stands(engine: PhysicsEngine, reference: MotionClip, quality: Quality) -> None:
    body = build_body(reference.skeleton)
    result = engine.track(body, reference, quality)
    label = f"{reference.clip_id}, {quality}"
    _check_shapes(result, reference.frames, label)
    assert not result.falls, f"{label}: the body fell at frame {result.falls[0]}"
    distance = np.linalg.norm(_joints(reference, result) - reference.joint_positions(), axis=-1).mean()
    assert distance < 0.05, f"{label}: joints are {1000 * distance:.0f} mm from the reference on average; expected < 50"
    carried = result.contact_force[:, :, 1].sum(axis=1).mean() / body.weight_n
    assert carried > 0.7, f"{label}: the floor carries {carried:.2f} of the weight; expected the most of it"
    assert (result.contact_force[:, :2, 1] >= -1e-6).all(), f"{label}: the floor pulls at the feet"


def _check_shapes(result: Tracking, frames: int, label: str) -> None:
    expected = {
        "root_position": (frames, 3),
        "joint_rotation": (frames, BODY_JOINT_COUNT, 4),
        "root_force": (frames, 3),
        "root_torque": (frames, 3),
        "contact_force": (frames, len(CONTACT_LABELS), 3),
        "power": (frames,),
    }
    for field, shape in expected.items():
        values: NDArray[np.floating] = getattr(result, field)
        assert values.shape == shape, f"{label}: {field} has shape {values.shape}; expected {shape}"
        assert np.isfinite(values).all(), f"{label}: {field} is not finite"
    norms = np.linalg.norm(result.joint_rotation, axis=-1)
    assert np.allclose(norms, 1, atol=1e-5), f"{label}: joint_rotation does not hold unit quaternions"
    assert (result.power >= 0).all(), f"{label}: power is negative"


def _check_momentum(engine: PhysicsEngine) -> None:
    """Floor, help and gravity explain how the body's weight moves: over a long stand their impulses cancel."""
    reference = swaying(90)
    body = build_body(reference.skeleton)
    result = engine.track(body, reference, "fast")
    up = result.contact_force[30:, :, 1].sum(axis=1) + result.root_force[30:, 1]
    found = float(up.mean()) / (body.mass_kg * GRAVITY)
    assert abs(found - 1) < 0.05, f"floor and help carry {found:.3f} of the weight of a standing body; expected 1"


def _check_help_is_reported(engine: PhysicsEngine) -> None:
    """A body that does not come down either is held by a reported force of its weight, or falls, and it says so."""
    reference = floating()
    body: SimulatedBody = build_body(reference.skeleton)
    result = engine.track(body, reference, "fast")
    stays = result.root_position[-1, 1] > reference.root_position[-1, 1] - _FLIGHT_HEIGHT_M
    lifted = float(result.root_force[:, 1].mean()) / body.weight_n
    touched = float(np.abs(result.contact_force).sum())
    if stays and not result.falls and touched == 0:
        assert lifted > 0.7, f"a body hangs in the air and the reported help is {lifted:.2f} of its weight"


def _check_repeats(engine: PhysicsEngine) -> None:
    reference = swaying(20)
    body = build_body(reference.skeleton)
    first, second = (engine.track(body, reference, "fast") for _ in range(2))
    assert np.array_equal(first.joint_rotation, second.joint_rotation), "two runs over one clip differ"


def _joints(reference: MotionClip, result: Tracking) -> NDArray[np.floating]:
    moved = replace(
        reference,
        root_position=result.root_position.astype(np.float32),
        joint_rotation=result.joint_rotation.astype(np.float32),
    )
    return moved.joint_positions()
