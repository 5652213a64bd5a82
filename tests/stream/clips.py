"""Clips made for tests: small, different in every value, with every section filled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import (
    Body,
    Dataset,
    FootContacts,
    Group,
    Labels,
    MotionClip,
    MusicTrack,
    Tokens,
)
from infinitedance_cli.motion.skeleton import default_skeleton


def small_clip(clip_id: str = "small", frames: int = 12, joints: int = 22, seed: int = 0) -> MotionClip:
    """A clip with motion only: random walk of the root, random turns below 1.5 rad."""
    generator = np.random.default_rng(seed)
    turns = generator.uniform(-0.85, 0.85, (frames, joints, 3)).astype(np.float32)
    root = np.array([0, 0.9, 0]) + generator.normal(size=(frames, 3)).cumsum(axis=0) * 0.01
    return MotionClip(
        clip_id=clip_id,
        skeleton=default_skeleton(joints),
        fps=30.0,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.normalize(rotation.from_axis_angle(turns)),
    )


def full_clip(clip_id: str = "full", frames: int = 12, joints: int = 55) -> MotionClip:
    """A clip with every section, nested unknown groups and text that is not ASCII."""
    generator = np.random.default_rng(7)
    report = Group(
        {"root_wrench": Dataset(generator.normal(size=(frames, 6)), {"units": "body weights"})}, {"falls": 2}
    )
    physics = Group({"report": report, "notes": Dataset(np.array(["über", ""], dtype=object))}, {"engine": "mujoco"})
    return replace(
        small_clip(clip_id, frames, joints),
        body=Body("smplx", np.arange(10, dtype=np.float32), np.ones((frames, 10), np.float32), "female"),
        contacts=FootContacts(generator.random((frames, 2)) > 0.5, ("left_foot", "right_foot")),
        music=MusicTrack(
            sha256="ab" * 32,
            path="Lied für Élise.wav",
            beats=np.array([0.1, 0.6, 1.1 / 3]),
            downbeats=np.array([0.1]),
            tempo_bpm=119.9999,
            features=generator.normal(size=(10, 3)).astype(np.float16),
            encoder="loudness",
        ),
        labels=Labels("Popular", "kpop"),
        tokens=Tokens(np.arange(9, dtype=np.int16).reshape(3, 3), 4, "cd" * 32),
        provenance=({"stage": "generate", "seed": 3, "config": {"top_k": 30, "name": "é", "off": None}},),
        extra={
            "physics": physics,
            "contacts": Group({"hand": Dataset(np.ones((frames, 2), np.uint8))}, {"method": "height"}),
            "/": Group({"mask": Dataset(np.array([True, False]))}, {"rig": "A"}),
        },
    )


def assert_same_group(left: Group | Dataset, right: Group | Dataset) -> None:
    """Fails unless two trees agree in every name, attribute, value and type."""
    assert dict(left.attributes) == dict(right.attributes)
    if isinstance(left, Dataset):
        assert isinstance(right, Dataset)
        assert left.values.dtype == right.values.dtype
        np.testing.assert_array_equal(left.values, right.values)
        return
    assert isinstance(right, Group)
    assert left.members.keys() == right.members.keys()
    for name, member in left.members.items():
        assert_same_group(member, right.members[name])


def assert_same_clip(left: MotionClip, right: MotionClip) -> None:
    """Fails unless two clips agree in everything."""
    assert (left.clip_id, left.fps, left.labels) == (right.clip_id, right.fps, right.labels)
    assert left.skeleton.matches(right.skeleton, tolerance=0)
    assert list(left.provenance) == list(right.provenance)
    np.testing.assert_array_equal(left.root_position, right.root_position)
    np.testing.assert_array_equal(left.joint_rotation, right.joint_rotation)
    for section in ("body", "contacts", "music", "tokens"):
        _assert_same_record(getattr(left, section), getattr(right, section))
    assert left.extra.keys() == right.extra.keys()
    for name, group in left.extra.items():
        assert_same_group(group, right.extra[name])


def _assert_same_record(left: object, right: object) -> None:
    assert type(left) is type(right)
    for name, value in vars(left).items() if left is not None else ():
        other = getattr(right, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype, name
            np.testing.assert_array_equal(value, other)
        else:
            assert value == other, name
