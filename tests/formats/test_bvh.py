"""BVH files: hand-worked poses, rotation orders, odd spelling, bad files, and our own writing read back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import bvh
from infinitedance_cli.formats._bvh_text import parse
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from tests.motion.retarget import rigs

TINY = """HIERARCHY
ROOT hip
{
  OFFSET 1.0 2.0 3.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 -4 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 -5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 10 0  0 0 0  0 0 0
0 10 0  90 0 0  90 0 0
"""


def _source(text: str, tmp_path: Path) -> bvh.SourceMotion:
    path = tmp_path / "a.bvh"
    path.write_text(text)
    return bvh.read_source(path)


def test_hand_worked_positions(tmp_path: Path) -> None:
    source = _source(TINY, tmp_path)
    assert source.joint_names == ("hip", "knee", "knee_end")
    assert source.ends == {2}
    assert source.fps == 30.0
    np.testing.assert_allclose(source.positions[0], [[0, 10, 0], [0, 6, 0], [0, 1, 0]], atol=1e-12)
    # 90 degrees about z takes −y to +x; the knee's 90 about its own x, which now is y, takes the shank to −z … +z.
    np.testing.assert_allclose(source.positions[1, 1], [4, 10, 0], atol=1e-9)
    np.testing.assert_allclose(source.positions[1, 2], [4, 10, -5], atol=1e-9)


@pytest.mark.parametrize("order", ["ZXY", "ZYX", "XYZ", "YXZ", "XZY", "YZX"])
def test_rotation_orders_are_products_from_left_to_right(order: str, tmp_path: Path) -> None:
    angles = {"X": 20.0, "Y": -35.0, "Z": 50.0}
    text = TINY.replace("Zrotation Xrotation Yrotation", " ".join(f"{axis}rotation" for axis in order))
    row = " ".join(str(angles[axis]) for axis in order)
    text = text.replace("0 10 0  90 0 0  90 0 0", f"0 10 0  {row}  0 0 0")
    expected = np.eye(3)
    for axis in order:
        expected = expected @ rotation.to_matrix(rotation.about_axis(axis.lower(), np.radians(angles[axis])))
    turned = _source(text, tmp_path).rotations
    assert turned is not None
    np.testing.assert_allclose(rotation.to_matrix(turned[1, 0]), expected, atol=1e-9)


def test_position_channels_of_other_joints_replace_the_offset(tmp_path: Path) -> None:
    text = TINY.replace("CHANNELS 3 Xrotation", "CHANNELS 6 Xposition Yposition Zposition Xrotation")
    text = text.replace("0 10 0  0 0 0  0 0 0", "0 10 0  0 0 0  1 -3 2  0 0 0")
    text = text.replace("0 10 0  90 0 0  90 0 0", "0 10 0  0 0 0  0 -4 0  0 0 0")
    np.testing.assert_allclose(_source(text, tmp_path).positions[0, 1], [1, 7, 2], atol=1e-12)


def test_commas_tabs_carriage_returns_and_small_letters(tmp_path: Path) -> None:
    text = TINY.replace("0 10 0  90 0 0  90 0 0", "0,10,\t0, 90 , 0 0   90 0 0 ").replace("\n", "\r\n")
    text = text.replace("Frames: 2", "FRAMES:   2").replace("Frame Time:", "Frame Time:\t").replace("JOINT", "joint")
    np.testing.assert_allclose(_source(text, tmp_path).positions, _source(TINY, tmp_path).positions, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("HIERARCHY", "HELLO", 1, "HIERARCHY"),
        ("OFFSET 0 -4 0", "OFFSET 0 minus 0", 8, "numbers"),
        ("CHANNELS 3 Xrotation", "CHANNELS 4 Xrotation", 9, "channels"),
        ("Yrotation Zrotation", "Yrotation Wrotation", 9, "Wrotation"),
        ("Frames: 2", "Frames: many", 17, "Frames"),
        ("Frame Time: 0.0333333", "Frame Time: 0", 18, "Frame Time"),
        ("0 10 0  90 0 0  90 0 0", "0 10 0  90 0 0  90 0", 20, "8 values"),
        ("0 10 0  90 0 0  90 0 0", "0 10 0  90 0 x  90 0 0", 20, "numbers"),
        ("0 10 0  90 0 0  90 0 0\n", "", 19, "1 motion rows"),
        ("MOTION\n", "", 16, "does not belong"),
    ],
)
def test_bad_files_say_where(old: str, new: str, line: int, what: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        _source(TINY.replace(old, new), tmp_path)
    message = str(error.value)
    assert f"line {line}:" in message
    assert what in message
    assert "\n" not in message


def test_truncated_header_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="ends too early"):
        parse("HIERARCHY\nROOT a\n{\n")
    with pytest.raises(BadInput, match="readable BVH"):
        bvh.read_source(tmp_path / "none.bvh")


def test_not_finite_values_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not finite at frame 1"):
        _source(TINY.replace("0 10 0  90 0 0  90 0 0", "0 nan 0  90 0 0  90 0 0"), tmp_path)


def _wild_clip(joints: int) -> MotionClip:
    rng = np.random.default_rng(5)
    steps = rng.normal(0.0, 0.3, (40, joints, 3)).cumsum(axis=0)
    return MotionClip(
        "wild",
        default_skeleton(joints),
        30.0,
        rng.normal(0, 1, (40, 3)).astype(np.float32),
        rotation.from_axis_angle(steps.astype(np.float32)),
    )


@pytest.mark.parametrize("joints", [22, 55])
def test_our_own_file_comes_back_the_same(joints: int, tmp_path: Path) -> None:
    clip, path = _wild_clip(joints), tmp_path / "own.bvh"
    with path.open("wb") as file:
        bvh.write(clip, file)
    (again,) = bvh.read(path)
    assert again.fps == clip.fps
    assert again.skeleton.matches(clip.skeleton)
    np.testing.assert_allclose(again.joint_positions(), clip.joint_positions(), atol=1e-5)
    agree = np.abs(np.sum(again.joint_rotation * clip.joint_rotation, axis=-1))
    assert agree.min() > 1 - 1e-6


def test_written_file_is_centimetres_with_a_t_pose_at_rest() -> None:
    buffer = io.BytesIO()
    bvh.write(_wild_clip(55), buffer)
    file = parse(buffer.getvalue().decode("ascii"))
    rest = default_skeleton().offsets
    for name, offset in zip(default_skeleton().joint_names[1:], rest[1:], strict=True):
        np.testing.assert_allclose(file.offsets[file.joint_names.index(name)], 100 * offset, atol=1e-4)
    assert len(file.joint_names) - len(file.ends) == 55
    leaves = set(range(len(file.joint_names))) - set(file.parents)
    assert leaves == set(file.ends)


def test_written_angles_run_on_without_jumps() -> None:
    """A knee that bends through 90 degrees and a body that turns twice have smooth curves."""
    turns = np.zeros((60, 22, 3), np.float32)
    turns[:, 4, 0] = np.linspace(0.2, 2.4, 60)
    clip = MotionClip(
        "knee", default_skeleton(22), 30.0, np.zeros((60, 3), np.float32), rotation.from_axis_angle(turns)
    )
    spinning = clip.joint_rotation.copy()
    spinning[:, 0] = rotation.about_axis("y", np.linspace(0, 4 * np.pi, 60).astype(np.float32))
    angles = bvh.euler_zxy(spinning.astype(np.float64))
    assert np.abs(np.diff(angles, axis=0)).max() < 0.25
    assert abs(angles[-1, 0, 2] - angles[0, 0, 2]) == pytest.approx(4 * np.pi, abs=1e-3)


def test_a_foreign_rig_is_retargeted(tmp_path: Path) -> None:
    path = tmp_path / "dance.bvh"
    path.write_text(rigs.bvh_text(rigs.dance()))
    (clip,) = bvh.read(path)
    assert clip.clip_id == "dance"
    assert clip.skeleton.matches(default_skeleton())
    head = clip.joint_positions()[:, 15, 1]
    assert head.min() > 1.3


def test_frame_rates_of_rounded_frame_times() -> None:
    assert bvh.frame_rate(0.0333333) == 30.0
    assert bvh.frame_rate(0.008333) == 120.0
    assert bvh.frame_rate(1 / 29.97) == pytest.approx(29.97)
