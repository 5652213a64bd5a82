from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import gvhmr
from infinitedance_cli.formats._smplx_model import rest_joints
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_PARENTS, default_skeleton
from infinitedance_cli.stream.ports import read_file

FRAMES = 60
_FLIP = rotation.about_axis("x", np.array(np.pi))  # a camera that looks at the dancer: y down, z away


def _parameters(frames: int = FRAMES) -> dict[str, torch.Tensor]:
    return {
        "body_pose": torch.zeros(frames, 63),
        "betas": torch.zeros(frames, 10),
        "global_orient": torch.zeros(frames, 3),
        "transl": torch.zeros(frames, 3),
    }


def _write(path: Path, world: dict[str, torch.Tensor], **more: object) -> Path:
    """A file in the form in which GVHMR's demo saves it."""
    camera = {key: value.clone() for key, value in world.items()}
    turned = rotation.multiply(_FLIP, rotation.from_axis_angle(world["global_orient"].double().numpy()))
    camera["global_orient"] = torch.from_numpy(rotation.to_axis_angle(turned)).float()
    intrinsics = torch.tensor([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]).repeat(len(world["transl"]), 1, 1)
    outputs = {"model_output": {"pred_x": torch.zeros(1, 4, 151)}, "static_conf_logits": torch.zeros(1, 4, 6)}
    saved = {"smpl_params_global": world, "smpl_params_incam": camera, "K_fullimg": intrinsics, "net_outputs": outputs}
    torch.save({**saved, **more}, path)
    return path


def _read(path: Path) -> MotionClip:
    (clip,) = gvhmr.read(path)
    return clip


def _joint(clip: MotionClip, name: str) -> np.ndarray:
    return clip.joint_positions()[:, clip.skeleton.index(name)]


def test_a_raised_left_arm_points_up_and_the_right_one_stays_out(tmp_path: Path) -> None:
    world = _parameters()
    world["body_pose"].view(FRAMES, 21, 3)[:, 15, 2] = np.pi / 2  # left shoulder, joint 16, about +z: +x goes to +y
    clip = _read(_write(tmp_path / "hmr4d_results.pt", world))
    arm = _joint(clip, "left_elbow") - _joint(clip, "left_shoulder")
    bone = default_skeleton().offsets[18]
    assert arm[30] == pytest.approx([-bone[1], bone[0], bone[2]], abs=1e-3)
    other = _joint(clip, "right_elbow") - _joint(clip, "right_shoulder")
    assert other[30] == pytest.approx(default_skeleton().offsets[19], abs=1e-3)


def test_a_quarter_turn_about_up_faces_the_left_and_turns_on_the_spot(tmp_path: Path) -> None:
    world = _parameters()
    world["global_orient"][:, 1] = torch.linspace(0, np.pi / 2, FRAMES)
    clip = _read(_write(tmp_path / "hmr4d_results.pt", world))
    assert rotation.heading(clip.joint_rotation[0, 0]) == pytest.approx(0.0, abs=0.03)
    assert rotation.heading(clip.joint_rotation[-1, 0]) == pytest.approx(np.pi / 2, abs=0.06)  # +X is a dancer's left
    assert np.ptp(clip.root_position[:, [0, 2]], axis=0).max() < 0.02


def test_translation_moves_the_pelvis_by_the_ratio_of_leg_lengths(tmp_path: Path) -> None:
    world = _parameters()
    world["transl"][:, 2] = torch.linspace(0, 1.0, FRAMES)
    walked = _read(_write(tmp_path / "hmr4d_results.pt", world)).root_position
    legs = default_skeleton().offsets[[4, 7]]
    scale = np.linalg.norm(legs, axis=1).sum() / 0.776
    assert walked[-1, 2] - walked[0, 2] == pytest.approx(scale, abs=0.03)


def _model(path: Path, pelvis: tuple[float, float, float] = (0.0, -0.35, 0.01)) -> Path:
    """A body of 55 vertices, one at each joint: ours, 1.1 times as large, with its pelvis at `pelvis`."""
    joints = default_skeleton().rest_positions().astype(float) * 1.1
    template = joints - joints[0] + np.array(pelvis)
    directions = np.zeros((55, 3, 20))
    directions[:, 1, 0] = 0.1 * template[:, 1]  # the first beta makes taller
    np.savez(path, v_template=template, shapedirs=directions, J_regressor=np.eye(55))
    return path


def test_rest_joints_are_the_regressed_ones_of_the_shaped_template(tmp_path: Path) -> None:
    model = _model(tmp_path / "SMPLX_NEUTRAL.npz")
    plain, tall = (rest_joints(model, np.array([beta, 0.0])) for beta in (0.0, 2.0))
    assert plain[0] == pytest.approx([0.0, -0.35, 0.01])
    assert tall[:, 1] == pytest.approx(plain[:, 1] * 1.2)
    with pytest.raises(BadInput, match=r"expected SMPL-X with 55 joints and 30 betas"):
        rest_joints(model, np.zeros(30))


def test_with_the_model_file_a_somersault_turns_about_the_pelvis_and_the_path_has_this_persons_scale(
    tmp_path: Path,
) -> None:
    """SMPL turns about its pelvis, so `transl` that stays keeps the pelvis where it is, however the body turns."""
    world = _parameters()
    world["global_orient"][:, 0] = torch.linspace(0, 2 * np.pi, FRAMES)
    world["transl"][:, 0] = torch.linspace(0, 1.1, FRAMES)
    path = _write(tmp_path / "hmr4d_results.pt", world)
    motion = gvhmr.read_result(path, _model(tmp_path / "SMPLX_NEUTRAL.npz", pelvis=(0.0, -0.6, 0.2))).world
    assert motion.rest_joints is not None
    joints = motion.rest_joints
    legs = np.linalg.norm(joints[[4, 7]] - joints[[SMPLX_PARENTS[4], SMPLX_PARENTS[7]]], axis=1).sum()
    assert legs == pytest.approx(1.1 * np.linalg.norm(default_skeleton().offsets[[4, 7]], axis=1).sum(), rel=1e-5)
    clip = gvhmr.to_clip("turn", motion, usual_up="y")
    assert clip.root_position[-1, 0] - clip.root_position[0, 0] == pytest.approx(1.0, abs=0.03)


def test_the_camera_sees_the_world_turned_over(tmp_path: Path) -> None:
    result = gvhmr.read_result(_write(tmp_path / "hmr4d_results.pt", _parameters()))
    assert rotation.rotate(result.camera.rotations[0, 0], np.array([0.0, 1.0, 0.0])) == pytest.approx(
        [0.0, -1.0, 0.0], abs=1e-6
    )
    assert rotation.rotate(result.world.rotations[0, 0], np.array([0.0, 1.0, 0.0])) == pytest.approx(
        [0.0, 1.0, 0.0], abs=1e-6
    )
    assert result.intrinsics[0, 0] == pytest.approx([1000.0, 0.0, 640.0])


def test_convert_knows_the_file_by_its_content(tmp_path: Path) -> None:
    folder = tmp_path / "waltz"
    folder.mkdir()
    (clip,) = read_file(_write(folder / "hmr4d_results.pt", _parameters()))
    assert (clip.clip_id, clip.fps, clip.frames) == ("waltz", 30.0, FRAMES)
    other = tmp_path / "other.pt"
    torch.save({"weights": torch.zeros(3)}, other)
    assert not gvhmr.matches(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smpl_params_incam": 3}, "no smpl_params_incam with global_orient, body_pose, transl in it"),
        ({"K_fullimg": torch.zeros(2, 3, 3)}, r"60 frames in the world, 60 in the camera, K_fullimg \(2, 3, 3\)"),
    ],
)
def test_a_file_in_which_something_is_missing_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        gvhmr.read_result(_write(tmp_path / "hmr4d_results.pt", _parameters(), **change))


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (__import__("os").mkdir, ("made-by-a-pickle",))


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hmr4d_results.pt"
    torch.save({"smpl_params_global": _Evil()}, path)
    with pytest.raises(BadInput, match="is no file of tensors that can be read"):
        gvhmr.read_result(path)
    assert not (tmp_path / "made-by-a-pickle").exists()


def test_numpy_arrays_in_the_file_are_read(tmp_path: Path) -> None:
    world = _parameters()
    path = _write(tmp_path / "hmr4d_results.pt", world, K_fullimg=np.eye(3), meta=[np.float32(2.0), "a"])
    assert gvhmr.read_result(path).intrinsics.shape == (FRAMES, 3, 3)


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "hmr4d_results.pt", _parameters())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput, match="hmr4d_results.pt: is no file of tensors as torch.save writes it"):
        gvhmr.read_result(path)
