from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from idance_smplestx.backend import FILES, LICENCES, create
from idance_smplestx.people import link, wanted

from infinitedance_cli import plugins
from infinitedance_cli.errors import IdanceError, MissingResource, StageFailed
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton
from infinitedance_cli.stages.capture.annotations import array_of, captured
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.testing import make_checkout

FRAMES, WIDTH, HEIGHT = 45, 640, 480

# Stand-ins for the modules of SMPLest-X's repository and environment that `main/inference.py` uses, with their names,
# arguments and shapes. The "picture" is its number; the dancer raises the left arm, and is out of sight in some.
MODULES = {
    "modules/torch.py": """
import contextlib
import numpy as np
class cuda:
    @staticmethod
    def is_available():
        return True
class Tensor:
    def __init__(self, values): self.values = np.asarray(values)
    def cuda(self): return self
    def detach(self): return self
    def cpu(self): return self
    def numpy(self): return self.values
    def __getitem__(self, key): return Tensor(self.values[key])
from_numpy = Tensor
no_grad = contextlib.nullcontext
""",
    "modules/cv2.py": f"""
import numpy as np
class VideoCapture:
    def __init__(self, name): self.next = 0
    def read(self):
        picture = np.full(({HEIGHT}, {WIDTH}, 3), self.next, np.uint8)
        self.next += 1
        return self.next <= {FRAMES}, picture
    def release(self): pass
""",
    "modules/ultralytics.py": """
from types import SimpleNamespace
from torch import Tensor
class YOLO:
    def __init__(self, path): assert path == "./pretrained_models/yolov8x.pt", path
    def predict(self, picture, device, classes, conf, save, verbose):
        frame = int(picture[0, 0, 0])
        small, large = [400, 100, 440, 200], [200 + frame, 50, 360 + frame, 450]
        boxes = [small, large] if not 20 <= frame < 23 else [small]
        return [SimpleNamespace(boxes=SimpleNamespace(xyxy=Tensor(boxes), conf=Tensor([0.5, 0.9][: len(boxes)])))]
""",
    "human_models/human_models.py": """
from types import SimpleNamespace
import numpy as np
from torch import Tensor
class SMPLX:
    def __init__(self, path):
        assert path == "./human_models/human_model_files"
        means = {"left_hand_mean": Tensor(np.full(45, 0.1)), "right_hand_mean": Tensor(np.zeros(45))}
        self.layer = {"neutral": SimpleNamespace(**means)}
        self.joint_part = {"lhand": range(25, 45), "rhand": range(45, 65)}
""",
    "main/config.py": """
from types import SimpleNamespace
class Config:
    @classmethod
    def load_config(cls, path):
        cfg = cls()
        names = {}
        exec(open(path).read(), names)
        cfg.model, cfg.data = SimpleNamespace(**names["model"]), SimpleNamespace(**names["data"])
        cfg.inference = SimpleNamespace(detection=SimpleNamespace(conf=0.5))
        return cfg
    def update_config(self, new):
        self.model.__dict__.update(new["model"])
        assert new["log"]["exp_name"] and new["log"]["log_dir"]
    def prepare_log(self): pass
""",
    "main/base.py": """
import numpy as np
from torch import Tensor
class Tester:
    def __init__(self, cfg): self.cfg = cfg
    def _make_model(self):
        assert self.cfg.model.pretrained_model_path.endswith("smplest_x_h/smplest_x_h.pth.tar")
        self.model = model
def model(inputs, targets, meta_info, mode):
    assert mode == "test" and inputs["img"].values.shape == (1, 3, 512, 384)
    frame = float(inputs["img"].values[0, 0, 0, 0]) * 255
    body = np.zeros((1, 63))
    body[0, 15 * 3 + 2] = np.pi / 2
    left = np.zeros((1, 45))
    left[0, 2] = -0.1 + 0.02 * frame
    proj = np.zeros((1, 137, 2)) + 6.0
    proj[0, 45:55] = -100.0
    out = {
        "smplx_root_pose": [[np.pi, 0, 0]], "smplx_body_pose": body, "smplx_lhand_pose": left,
        "smplx_rhand_pose": np.zeros((1, 45)), "smplx_jaw_pose": [[0.2, 0, 0]], "smplx_shape": np.zeros((1, 10)),
        "smplx_expr": np.full((1, 10), 0.01 * frame), "cam_trans": [[0.0, 0.0, 50.0]], "smplx_joint_proj": proj,
    }
    return {key: Tensor(value) for key, value in out.items()}
""",
    "utils/data_utils.py": """
import numpy as np
def process_bbox(bbox, img_width, img_height, input_img_shape, ratio=1.25):
    assert list(bbox)[2] > 0 and (img_width, img_height) == (640, 480) and ratio == 1.2
    return np.array([bbox[0], bbox[1], bbox[2], bbox[2] * 4 / 3], np.float32)
def generate_patch_image(cvimg, bbox, scale, rot, do_flip, out_shape):
    assert cvimg.dtype == np.float32 and not do_flip
    return np.full((*out_shape, 3), cvimg[0, 0, 0]), None, None
""",
    "pretrained_models/smplest_x_h/config_base.py": """
model = dict(human_model_path="./human_models/human_model_files", input_img_shape=(512, 384), princpt=(96.0, 128.0),
             input_body_shape=(256, 192), output_hm_shape=(16, 16, 12), focal=(5000, 5000))
data = dict(bbox_ratio=1.2)
""",
}


def _checkout(folder: Path, change: Mapping[str, str] | None = None, left_out: str = "") -> Mapping[str, str]:
    files = {file.path: "" for file in FILES} | MODULES | dict(change or {})
    files.pop(left_out, None)
    environment = make_checkout("smplestx", folder, files)
    joints = default_skeleton().rest_positions().astype(float)
    shaped = {"v_template": joints - joints[0], "shapedirs": np.zeros((55, 3, 10)), "J_regressor": np.eye(55)}
    if "SMPLX" not in left_out:
        np.savez(folder / "human_models/human_model_files/smplx/SMPLX_NEUTRAL.npz", **shaped)
    return environment


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "dance.mp4"
    path.write_bytes(b"not looked at")
    return path


def _capture(video: Path, **settings: str) -> list[MotionClip]:
    config = CaptureConfig(backend="smplestx", **settings)
    return list(create(config).capture(video, config))


@pytest.fixture
def clip(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> MotionClip:
    for name, value in _checkout(tmp_path / "SMPLest-X").items():
        monkeypatch.setenv(name, value)
    (clip,) = _capture(video)
    return clip


def test_it_is_found_by_its_name() -> None:
    assert plugins.load("capture", "smplestx").create is create


def test_the_largest_person_becomes_an_upright_clip_and_its_gap_is_filled(clip: MotionClip) -> None:
    assert (clip.frames, clip.fps, clip.skeleton.joint_count) == (FRAMES, 30.0, 55)
    positions = clip.joint_positions()[30]
    shoulder, elbow = (positions[clip.skeleton.index(f"left_{name}")] for name in ("shoulder", "elbow"))
    assert elbow[1] - shoulder[1] == pytest.approx(default_skeleton().offsets[18, 0], abs=0.01)
    assert positions[:, 1].argmin() in (10, 11)  # the feet
    confidence = array_of(captured(clip), "confidence")
    assert confidence is not None
    assert (confidence[20:23] == 0).all() and (confidence[:20, 0] == pytest.approx(0.9))
    assert confidence[0, 25] == pytest.approx(0.9) and confidence[0, 40] == pytest.approx(0.45)  # half a hand is seen


def test_hands_get_the_mean_hand_that_the_body_model_adds(clip: MotionClip) -> None:
    finger = rotation.to_axis_angle(clip.joint_rotation[:, SMPLX_JOINT_NAMES.index("left_index1")])
    assert finger[:, 0] == pytest.approx(0.1, abs=0.02)  # zero, plus the mean
    assert finger[10, 2] == pytest.approx(0.02 * 10, abs=0.01)
    assert finger[21, 2] == pytest.approx(0.02 * 21, abs=0.01)  # filled in
    right = rotation.to_axis_angle(clip.joint_rotation[:, SMPLX_JOINT_NAMES.index("right_index1")])
    assert np.abs(right).max() < 1e-3


def test_jaw_and_expression_are_kept(clip: MotionClip) -> None:
    jaw = rotation.to_axis_angle(clip.joint_rotation[:, SMPLX_JOINT_NAMES.index("jaw")])
    assert jaw[:, 0] == pytest.approx(0.2, abs=1e-3)
    assert clip.body is not None and clip.body.expression is not None
    assert clip.body.expression[40] == pytest.approx(np.full(10, 0.4), abs=1e-5)
    assert clip.provenance[-1]["licences"] == list(LICENCES)


def test_a_walk_to_the_side_is_as_long_as_the_pixels_say(clip: MotionClip) -> None:
    """The box moves a pixel a frame; the picture's focal length is 800 pixels, the crop's camera is 50 m away."""
    depth = 50 * 800 / (5000 * 160 / 192)
    walked = clip.root_position[-1, 0] - clip.root_position[0, 0]
    assert abs(walked) == pytest.approx((FRAMES - 1) * depth / 800, rel=0.03)


def test_all_people_are_captured_when_asked_for(tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _checkout(tmp_path / "SMPLest-X").items():
        monkeypatch.setenv(name, value)
    assert sorted(int(captured(clip).attributes["first_frame"]) for clip in _capture(video, person="all")) == [0, 0]


def test_people_are_told_apart_by_their_boxes() -> None:
    boxes = np.full((40, 2, 4), np.nan)
    boxes[:, 0] = [0, 0, 100, 300]
    boxes[:, 1] = [300, 0, 420, 300]
    boxes[10:, [0, 1]] = boxes[10:, [1, 0]]  # the order changes
    boxes[20:25, 0] = np.nan
    left, right = link(boxes, gap=15)
    assert left[[0, 9, 10, 39]].tolist() == [0, 0, 1, 1]
    assert right[[0, 9, 10, 20, 39]].tolist() == [1, 1, 0, -1, 0]
    assert len(link(boxes, gap=3)) == 3
    for person, expected in (("largest", right), ("center", right), ("1", left), ("2", right)):
        (found,) = wanted([left, right], boxes, 640, CaptureConfig(person=person))
        assert found is expected
    assert wanted([left, right], boxes, 640, CaptureConfig(person="3")) == []


@pytest.mark.parametrize(
    ("change", "left_out", "error", "message"),
    [
        ({}, FILES[1].path, MissingResource, "has no .*smplest_x_h.pth.tar .SMPLest-X's weights.; download it from"),
        ({}, FILES[3].path, MissingResource, "has no .*SMPLX_NEUTRAL.npz .the SMPL-X body model.; register at"),
        ({"modules/ultralytics.py": "import lap"}, "", MissingResource, "SMPLest-X stopped: .* no module lap"),
        ({"modules/torch.py": "class cuda: is_available = bool"}, "", MissingResource, "needs an NVIDIA GPU"),
        ({"main/base.py": "raise RuntimeError('CUDA out of memory.')"}, "", StageFailed, "memory of the GPU ran out"),
        (
            {
                "modules/cv2.py": "class VideoCapture:\n __init__ = lambda self, name: None\n"
                " read = lambda self: (False, None)\n release = read"
            },
            "",
            StageFailed,
            "SMPLest-X failed, exit code 1: nobody was found in 0 pictures",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path,
    video: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    left_out: str,
    error: type[IdanceError],
    message: str,
) -> None:
    for name, value in _checkout(tmp_path / "SMPLest-X", change, left_out).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=message) as raised:
        _capture(video)
    assert "\n" not in str(raised.value)
