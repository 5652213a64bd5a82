from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from idance_gemx import soma
from idance_gemx.backend import LICENCES, SCRIPT, create
from idance_gemx.result import read_result

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput, IdanceError, MissingResource, StageFailed
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.capture.annotations import camera_of
from infinitedance_cli.stages.capture.chosen import Chosen
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.testing import make_checkout

FRAMES = 60

# As scripts/demo/demo_soma.py of GEM-X does with its arguments and files.
DEMO = """
import argparse, pathlib, shutil, sys
parser = argparse.ArgumentParser()
parser.add_argument("--video", type=str, required=True)
parser.add_argument("--output_root", type=str, default="outputs/demo_soma")
parser.add_argument("-s", "--static_cam", action="store_true")
args = parser.parse_args()
video = pathlib.Path(args.video)
assert video.exists() and args.static_cam
output = pathlib.Path(args.output_root) / video.stem
(output / "preprocess").mkdir(parents=True, exist_ok=True)
told = (output / "preprocess" / "bbx.pt").exists()
{body}
for name in ("vitpose.pt",) + ("bbx.pt",) * (not told):
    shutil.copyfile(pathlib.Path("found") / name, output / "preprocess" / name)
shutil.copyfile("found/hpe_results.pt", output / "{place}" / "hpe_results.pt")
"""

# As gem/utils/soma_utils/soma_layer.py, for a body whose bones are `size` times ours.
LAYER = """
import numpy as np
class SomaLayer:
    def __init__(self, data_root, low_lod, device, identity_model_type, mode):
        assert (data_root, device, identity_model_type) == ("inputs/soma_assets", "cpu", "mhr")
    def get_skeleton(self, identity_coeffs, scale_params):
        assert identity_coeffs.values.shape == (1, 45) and scale_params.values.shape == (1, 69)
        from torch import Tensor
        return Tensor(np.load("found/joints.npy")[None] * identity_coeffs.values[0, 0])
"""
TORCH = """
import contextlib
import numpy as np
class cuda:
    @staticmethod
    def is_available(): return {gpu}
class Tensor:
    def __init__(self, values): self.values = np.asarray(values)
    def float(self): return self
    def cpu(self): return self
    def numpy(self): return self.values
    def __getitem__(self, key): return Tensor(self.values[key])
from_numpy = Tensor
no_grad = contextlib.nullcontext
"""


def _parameters() -> dict[str, torch.Tensor]:
    """Somebody 1.2 times our size who raises the left arm, bends an index finger, and walks a metre while turning."""
    body = torch.zeros(FRAMES, 77, 3)
    body[:, soma.NAMES.index("LeftArm"), 2] = np.pi / 2
    body[:, soma.NAMES.index("RightHandIndex1"), 2] = torch.linspace(0, 0.2, FRAMES)
    body[:, soma.NAMES.index("RightHandIndex2"), 2] = torch.linspace(0, 0.4, FRAMES)
    turn = torch.zeros(FRAMES, 3)
    turn[:, 1] = torch.linspace(0, np.pi / 2, FRAMES)
    place = torch.zeros(FRAMES, 3)
    place[:, 0] = torch.linspace(0, 1.2, FRAMES)
    return {
        "body_pose": body[:, 1:].reshape(FRAMES, 228),
        "identity_coeffs": torch.full((FRAMES, 45), 1.2),
        "scale_params": torch.ones(FRAMES, 69),
        "global_orient": turn,
        "transl": place,
    }


def _found(folder: Path) -> None:
    """GEM-X's real files for it."""
    folder.mkdir()
    world = _parameters()
    camera = dict(world)
    turn = world["global_orient"].double().numpy()
    over = rotation.multiply(rotation.about_axis("x", np.array(np.pi)), rotation.from_axis_angle(turn))
    camera["global_orient"] = torch.from_numpy(rotation.to_axis_angle(over)).float()
    camera["transl"] = torch.tensor([0.0, 0.0, 4.0]).repeat(FRAMES, 1)
    intrinsics = torch.tensor([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]).repeat(FRAMES, 1, 1)
    outputs = {"meta": [{"vid": "dance"}], "static_conf_logits": torch.zeros(1, 4, 6), "noise": np.zeros(3)}
    saved = {"body_params_global": world, "body_params_incam": camera, "K_fullimg": intrinsics, "net_outputs": outputs}
    torch.save(saved, folder / "hpe_results.pt")
    torch.save({"bbx_xyxy": torch.ones(FRAMES, 4), "bbx_xys": torch.zeros(FRAMES, 3)}, folder / "bbx.pt")
    torch.save((torch.full((FRAMES, 77, 3), 0.5), torch.zeros(1)), folder / "vitpose.pt")
    np.save(folder / "joints.npy", _soma_at_rest())


def _soma_at_rest() -> np.ndarray:
    """SOMA's 77 joints where ours rest; those that we have not lie on their parents."""
    joints, ours = np.zeros((77, 3)), default_skeleton().rest_positions().astype(float)
    for name, parent in enumerate(soma.PARENTS):
        same = [joint for joint, theirs in enumerate(soma._SAME) if theirs == name]
        joints[name] = ours[same[0]] - ours[0] if same else joints[max(parent, 0)]
    return joints


def _checkout(
    folder: Path, body: str = "", place: str = ".", gpu: bool = True, layer: str = LAYER
) -> Mapping[str, str]:
    files = {
        SCRIPT: DEMO.replace("{body}", body).replace("{place}", place),
        "gem/utils/soma_utils/soma_layer.py": layer,
        "modules/torch.py": TORCH.replace("{gpu}", str(gpu)),
    }
    environment = make_checkout("gemx", folder, files)
    _found(folder / "found")
    return environment


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "dance.mp4"
    path.write_bytes(b"not looked at")
    return path


def _capture(video: Path, **settings: str) -> MotionClip:
    config = CaptureConfig(backend="gemx", **settings)
    (clip,) = create(config).capture(video, config)
    return clip


def test_it_is_found_by_its_name() -> None:
    assert plugins.load("capture", "gemx").create is create


def test_the_skeleton_is_somas() -> None:
    assert len(soma.NAMES) == 77
    places = {"Hips": 0, "Chest": 3, "RightEye": 10, "LeftShoulder": 11, "LeftHand": 14, "RightShoulder": 39}
    places |= {"RightHand": 42, "LeftLeg": 67, "LeftFoot": 69, "LeftToeEnd": 71, "RightLeg": 72, "RightToeEnd": 76}
    assert {name: soma.NAMES.index(name) for name in places} == places
    parents = {name: soma.NAMES[soma.PARENTS[soma.NAMES.index(name)]] for name in ("LeftArm", "LeftHandRing1", "Jaw")}
    assert parents == {"LeftArm": "LeftShoulder", "LeftHandRing1": "LeftHand", "Jaw": "Head"}


@pytest.mark.parametrize("place", [".", "preprocess"])
def test_the_demo_is_run_and_its_result_becomes_a_clip(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    for name, value in _checkout(tmp_path / "GEM-X", place=place).items():
        monkeypatch.setenv(name, value)
    clip = _capture(video)
    assert (clip.frames, clip.fps, clip.skeleton.joint_count) == (FRAMES, 30.0, 55)
    positions = clip.joint_positions()[30]
    shoulder, elbow = (positions[clip.skeleton.index(f"left_{name}")] for name in ("shoulder", "elbow"))
    assert elbow[1] - shoulder[1] == pytest.approx(default_skeleton().offsets[18, 0], abs=0.01)
    assert rotation.heading(clip.joint_rotation[-1, 0]) == pytest.approx(np.pi / 2, abs=0.06)
    assert clip.root_position[-1, 0] - clip.root_position[0, 0] == pytest.approx(1.0, abs=0.03)  # 1.2 m at 1.2 times
    assert clip.provenance[-1]["licences"] == list(LICENCES)


def test_fingers_turn_by_what_all_their_joints_turn(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bone in the palm, which SMPL-X has not, turns the finger too."""
    for name, value in _checkout(tmp_path / "GEM-X").items():
        monkeypatch.setenv(name, value)
    finger = rotation.to_axis_angle(_capture(video).joint_rotation[:, SMPLX_JOINT_NAMES.index("right_index1")])
    assert finger[-1, 2] == pytest.approx(0.6, abs=1e-3)


def test_camera_boxes_and_keypoints_come_with_the_clip(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _checkout(tmp_path / "GEM-X").items():
        monkeypatch.setenv(name, value)
    clip = _capture(video)
    members, camera = clip.extra["capture"].members, camera_of(clip)
    assert members["keypoints2d"].values.shape == (FRAMES, 77, 3) and members["bbox"].values.shape == (FRAMES, 4)
    assert camera is not None
    assert camera.project(clip.joint_positions())[0, 0] == pytest.approx([640, 360], abs=1)  # the hips are `transl`


def test_without_the_body_model_an_average_body_gives_the_scale(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in _checkout(tmp_path / "GEM-X", layer="import soma_that_is_not_there").items():
        monkeypatch.setenv(name, value)
    clip = _capture(video)
    assert "no module soma_that_is_not_there" in caplog.text and "as an average body's" in caplog.text
    ours = np.linalg.norm(default_skeleton().offsets[[4, 7]], axis=1).sum()
    assert clip.root_position[-1, 0] - clip.root_position[0, 0] == pytest.approx(1.2 * ours / 0.776, abs=0.03)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gpu": False}, MissingResource, "needs an NVIDIA GPU, and torch under .* finds none"),
        ({"body": "import detectron_that_is_not_there"}, MissingResource, "no module detectron_that_is_not_there"),
        ({"body": "raise RuntimeError('CUDA out of memory.')"}, StageFailed, "memory of the GPU ran out"),
        ({"body": "raise SystemExit('no person')"}, StageFailed, "demo_soma.py failed, exit code 1: no person"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path,
    video: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    error: type[IdanceError],
    message: str,
) -> None:
    for name, value in _checkout(tmp_path / "GEM-X", **options).items():  # type: ignore[arg-type]
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=message) as raised:
        _capture(video)
    assert "\n" not in str(raised.value)


def test_people_who_are_asked_for_are_handed_over_as_boxes(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _checkout(tmp_path / "GEM-X").items():
        monkeypatch.setenv(name, value)
    boxes = np.repeat([[10.0, 20.0, 110.0, 320.0]], FRAMES, axis=0)
    monkeypatch.setattr("idance_gemx.backend.chosen_people", lambda video, config: iter([Chosen(boxes, 10, 40)]))
    clip = _capture(video, person="2")
    assert (clip.frames, clip.extra["capture"].attributes["first_frame"]) == (30, 10)
    assert clip.extra["capture"].members["bbox"].values[0].tolist() == [10, 20, 110, 320]


def test_a_checkout_that_nobody_named_is_asked_for(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(MissingResource, match="README of idance-gemx.*IDANCE_GEMX_PYTHON"):
        _capture(video)


def test_a_result_without_the_camera_is_refused(tmp_path: Path) -> None:
    torch.save({"body_params_global": _parameters()}, tmp_path / "hpe_results.pt")
    with pytest.raises(BadInput, match="no body_params_incam with global_orient, body_pose, transl in it"):
        read_result(tmp_path / "hpe_results.pt")
