from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from idance_gvhmr.backend import FILES, LICENCES, create

from infinitedance_cli import plugins
from infinitedance_cli.errors import IdanceError, MissingResource, StageFailed
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.capture.annotations import camera_of, captured
from infinitedance_cli.stages.capture.chosen import Chosen
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.testing import make_checkout

FRAMES = 60

# As tools/demo/demo.py of GVHMR does with its arguments and files; the motion is one that the test has put there.
DEMO = """
import argparse, pathlib, shutil, sys
parser = argparse.ArgumentParser()
parser.add_argument("--video", type=str, default="inputs/demo/dance_3.mp4")
parser.add_argument("--output_root", type=str, default=None)
parser.add_argument("-s", "--static_cam", action="store_true")
args = parser.parse_args()
video = pathlib.Path(args.video)
assert video.exists()
assert pathlib.Path("tools/demo/demo.py").exists(), "it runs in its repository"
output = pathlib.Path(args.output_root) / video.stem
(output / "preprocess").mkdir(parents=True, exist_ok=True)
told = (output / "preprocess" / "bbx.pt").exists()
print("[Input]: a line for the log")
{body}
for name in ("hmr4d_results.pt", "preprocess/vitpose.pt") + ("preprocess/bbx.pt",) * (not told):
    shutil.copyfile(pathlib.Path("found") / pathlib.Path(name).name, output / name)
previews = [output / "1_incam.mp4", output / "2_global.mp4", output / (video.stem + "_3_incam_global_horiz.mp4")]
if not all(preview.exists() for preview in previews):
    raise SystemExit("it would draw its previews now")
if args.static_cam:
    raise SystemExit("and then this preview failed")
"""


def _found(folder: Path) -> None:
    """What GVHMR finds of somebody who raises the left arm and turns to the left: its real files."""
    folder.mkdir()
    body = torch.zeros(FRAMES, 21, 3)
    body[:, 15, 2] = np.pi / 2
    turn = torch.zeros(FRAMES, 3)
    turn[:, 1] = torch.linspace(0, np.pi / 2, FRAMES)
    world = {
        "body_pose": body.reshape(FRAMES, 63),
        "betas": torch.zeros(FRAMES, 10),
        "global_orient": turn,
        "transl": torch.zeros(FRAMES, 3),
    }
    camera = dict(world)
    over = rotation.multiply(rotation.about_axis("x", np.array(np.pi)), rotation.from_axis_angle(turn.double().numpy()))
    camera["global_orient"] = torch.from_numpy(rotation.to_axis_angle(over)).float()
    camera["transl"] = torch.tensor([0.0, 0.35, 4.0]).repeat(FRAMES, 1)
    intrinsics = torch.tensor([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]]).repeat(FRAMES, 1, 1)
    result = {"smpl_params_global": world, "smpl_params_incam": camera, "K_fullimg": intrinsics, "net_outputs": {}}
    torch.save(result, folder / "hmr4d_results.pt")
    box = torch.tensor([500.0, 100, 780, 700]).repeat(FRAMES, 1)
    torch.save({"bbx_xyxy": box, "bbx_xys": torch.zeros(FRAMES, 3)}, folder / "bbx.pt")
    torch.save(torch.full((FRAMES, 17, 3), 0.5), folder / "vitpose.pt")


def _model(path: Path) -> None:
    """A body model of one vertex for each joint: our own skeleton."""
    joints = default_skeleton().rest_positions().astype(float)
    shaped = {"v_template": joints - joints[0], "shapedirs": np.zeros((55, 3, 10)), "J_regressor": np.eye(55)}
    np.savez(path, **shaped)


def _checkout(folder: Path, body: str = "", gpu: bool = True, left_out: str = "") -> Mapping[str, str]:
    files = {file.path: "" for file in FILES} | {"tools/demo/demo.py": DEMO.replace("{body}", body)}
    files.pop(left_out, None)
    environment = make_checkout("gvhmr", folder, files, gpu=gpu)
    if "SMPLX" not in left_out:
        _model(folder / "inputs/checkpoints/body_models/smplx/SMPLX_NEUTRAL.npz")
    _found(folder / "found")
    return environment


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a waltz=1 [live].mp4"  # a name that the settings of research code stumble over
    path.write_bytes(b"not looked at")
    return path


def _capture(video: Path, **settings: str) -> MotionClip:
    config = CaptureConfig(backend="gvhmr", **settings)
    (clip,) = create(config).capture(video, config)
    return clip


def test_it_is_found_by_its_name() -> None:
    assert plugins.load("capture", "gvhmr").create is create


def test_the_demo_is_run_and_its_result_becomes_a_clip(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _checkout(tmp_path / "GVHMR").items():
        monkeypatch.setenv(name, value)
    clip = _capture(video)
    assert (clip.frames, clip.fps, clip.skeleton.joint_count) == (FRAMES, 30.0, 55)
    positions = clip.joint_positions()[30]
    shoulder, elbow = (positions[clip.skeleton.index(f"left_{name}")] for name in ("shoulder", "elbow"))
    assert elbow[1] - shoulder[1] == pytest.approx(default_skeleton().offsets[18, 0], abs=0.01)
    assert rotation.heading(clip.joint_rotation[-1, 0]) == pytest.approx(np.pi / 2, abs=0.06)
    assert positions[:, 1].min() > -0.02
    assert clip.provenance[-1]["stage"] == "capture/gvhmr"
    assert clip.provenance[-1]["licences"] == list(LICENCES)


def test_boxes_keypoints_and_camera_come_with_the_clip(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _checkout(tmp_path / "GVHMR").items():
        monkeypatch.setenv(name, value)
    clip = _capture(video)
    members = clip.extra["capture"].members
    assert members["bbox"].values[0].tolist() == [500, 100, 780, 700]
    assert members["keypoints2d"].values.shape == (FRAMES, 17, 3)
    camera = camera_of(clip)
    assert camera is not None
    up = camera.rotation[:, 1, 1]
    assert up == pytest.approx(-1.0, abs=1e-4)  # the world's up is the picture's up, y down
    pelvis, *_ = camera.project(clip.joint_positions())[0]
    assert pelvis == pytest.approx([640, 360 + 1000 * 0.35 / 4], abs=1)  # transl, and the model rests at its pelvis
    head = camera.project(clip.joint_positions())[0, clip.skeleton.index("head")]
    metres = default_skeleton().rest_positions()[15, 1] - default_skeleton().rest_positions()[0, 1]
    assert pelvis[1] - head[1] == pytest.approx(1000 * metres / 4, rel=0.05)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"left_out": FILES[1].path},
            MissingResource,
            "has no .*SMPLX_NEUTRAL.npz .the SMPL-X body model.; register at",
        ),
        ({"left_out": FILES[3].path}, MissingResource, "has no .*epoch=10-step=25000.ckpt .HMR2's weights."),
        ({"gpu": False}, MissingResource, "needs an NVIDIA GPU, and torch under .* finds none"),
        ({"body": "import pytorch3d_that_is_not_there"}, MissingResource, "no module pytorch3d_that_is_not_there"),
        (
            {"body": "open('inputs/checkpoints/body_models/smpl/SMPL_NEUTRAL.pkl')"},
            MissingResource,
            "SMPL_NEUTRAL.pkl is",
        ),
        ({"body": "raise RuntimeError('CUDA out of memory. Tried')"}, StageFailed, "memory of the GPU ran out"),
        (
            {"body": "raise ValueError('nobody is here')"},
            StageFailed,
            "failed, exit code 1: ValueError: nobody is here",
        ),
        ({"body": "import os; os.kill(os.getpid(), 9)"}, StageFailed, "demo.py was ended by SIGKILL; is the memory"),
        ({"body": "sys.exit(0)"}, StageFailed, "demo.py ended well but wrote no hmr4d_results.pt"),
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
    for name, value in _checkout(tmp_path / "GVHMR", **options).items():  # type: ignore[arg-type]
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=message) as raised:
        _capture(video)
    assert "\n" not in str(raised.value)


def test_a_checkout_that_nobody_named_is_asked_for(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(MissingResource, match="README of idance-gvhmr.*IDANCE_GVHMR_PYTHON"):
        _capture(video)


def test_people_who_are_asked_for_are_handed_over_as_boxes(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GVHMR follows the boxes that lie ready; only the frames in which the person is seen become the clip."""
    for name, value in _checkout(tmp_path / "GVHMR").items():
        monkeypatch.setenv(name, value)
    boxes = np.repeat([[10.0, 20.0, 110.0, 320.0]], FRAMES, axis=0)
    people = [Chosen(boxes, 10, 40), Chosen(boxes + 200, 0, FRAMES)]
    monkeypatch.setattr("idance_gvhmr.backend.chosen_people", lambda video, config: iter(people))
    config = CaptureConfig(backend="gvhmr", person="all")
    first, second = create(config).capture(video, config)
    assert (first.frames, captured(first).attributes["first_frame"]) == (30, 10)
    assert captured(first).members["bbox"].values[0].tolist() == [10, 20, 110, 320]
    assert (second.frames, captured(second).members["bbox"].values[0, 0]) == (FRAMES, 210)


def test_a_demo_that_fails_while_it_draws_has_done_its_work(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in ends with an error after its result whenever the camera stands still."""
    for name, value in _checkout(tmp_path / "GVHMR").items():
        monkeypatch.setenv(name, value)
    assert _capture(video, camera="static").frames == _capture(video, camera="moving").frames == FRAMES
