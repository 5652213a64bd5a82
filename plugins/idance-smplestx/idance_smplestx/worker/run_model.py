"""Runs SMPLest-X over one video and keeps its parameters, which its own inference script does not.

    run_model.py VIDEO RESULT.npz [MODEL]

Runs in the folder of the checkout, under the interpreter of SMPLest-X's environment; the steps are those of
`main/inference.py`: YOLO's boxes, a crop for each, one pass of the model. RESULT.npz holds, for T pictures of which
each shows up to N people, largest first, NaN where there are fewer:

    boxes (T, N, 4) left, top, right, bottom in pixels, box_score (T, N)
    global_orient (T, N, 3), body_pose (T, N, 63), left_hand_pose and right_hand_pose (T, N, 45), jaw_pose (T, N, 3),
    betas (T, N, 10), expression (T, N, 10), transl (T, N, 3), focal (T, N, 2), centre (T, N, 2)
    hand_inside (T, N, 2) the share of the joints of the left and right hand that lie in the picture
    left_hand_mean, right_hand_mean (45,): what the body model adds to the hand poses; size (2,) of the pictures

The camera is a crop's own: x right, y down, z away, `focal` and `centre` in pixels of the picture.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

PEOPLE = 4
_FIELDS = {
    "global_orient": "smplx_root_pose",
    "body_pose": "smplx_body_pose",
    "left_hand_pose": "smplx_lhand_pose",
    "right_hand_pose": "smplx_rhand_pose",
    "jaw_pose": "smplx_jaw_pose",
    "betas": "smplx_shape",
    "expression": "smplx_expr",
    "transl": "cam_trans",
}


def main() -> None:
    """All pictures of the video through the model."""
    video, result = sys.argv[1], sys.argv[2]
    name = sys.argv[3] if len(sys.argv) > 3 else "smplest_x_h"
    root = Path.cwd()
    sys.path.insert(0, str(root))
    model = _Model(root, name)
    rows = [model.people(picture) for picture in _pictures(video)]
    if not any(rows):
        raise SystemExit(f"nobody was found in {len(rows)} pictures")
    _save(result, rows, model)


class _Model:
    """SMPLest-X and YOLO, loaded as `main/inference.py` loads them."""

    def __init__(self, root: Path, name: str) -> None:
        import torch
        from human_models.human_models import SMPLX
        from main.base import Tester
        from main.config import Config
        from ultralytics import YOLO

        folder = root / "pretrained_models" / name
        self.cfg = Config.load_config(str(folder / "config_base.py"))
        log = {"exp_name": "idance", "log_dir": str(root / "outputs" / (f"idance_{time.time():.0f}") / "log")}
        weights = {"pretrained_model_path": str(folder / (name + ".pth.tar"))}
        self.cfg.update_config({"model": weights, "log": log})
        self.cfg.prepare_log()
        self.smplx = SMPLX(self.cfg.model.human_model_path)
        self.tester = Tester(self.cfg)
        self.tester._make_model()
        self.detector = YOLO(getattr(self.cfg.inference.detection, "model_path", "./pretrained_models/yolov8x.pt"))
        self.torch = torch
        self.size = (0, 0)

    def people(self, picture: Any) -> list[dict[str, Any]]:
        """The parameters of each person in one picture (H, W, 3), blue green red as OpenCV reads it; largest first."""
        self.size = picture.shape[1], picture.shape[0]
        found = self.detector.predict(picture, device="cuda", classes=0, conf=0.3, save=False, verbose=False)[0].boxes
        boxes, scores = _array(found.xyxy), _array(found.conf)
        order = sorted(range(len(boxes)), key=lambda i: -(boxes[i][2] - boxes[i][0]) * (boxes[i][3] - boxes[i][1]))
        people = [self._person(picture, boxes[i], float(scores[i])) for i in order[:PEOPLE]]
        return [person for person in people if person is not None]

    def _person(self, picture: Any, box: Any, score: float) -> dict[str, Any] | None:
        import numpy as np
        from utils.data_utils import generate_patch_image, process_bbox

        cfg, (height, width) = self.cfg, picture.shape[:2]
        corner_size = np.array([box[0], box[1], box[2] - box[0], box[3] - box[1]], dtype=np.float64)
        crop = process_bbox(
            bbox=corner_size,
            img_width=width,
            img_height=height,
            input_img_shape=cfg.model.input_img_shape,
            ratio=getattr(cfg.data, "bbox_ratio", 1.25),
        )
        if crop is None:
            return None
        patch, _, _ = generate_patch_image(
            cvimg=picture[:, :, ::-1].astype(np.float32),
            bbox=crop,
            scale=1.0,
            rot=0.0,
            do_flip=False,
            out_shape=cfg.model.input_img_shape,
        )
        image = np.ascontiguousarray(patch.astype(np.float32).transpose(2, 0, 1)[None] / 255)
        with self.torch.no_grad():
            out = self.tester.model({"img": self.torch.from_numpy(image).cuda()}, {}, {}, "test")
        person = {field: _array(out[key])[0] for field, key in _FIELDS.items()}
        shape = cfg.model.input_body_shape
        scale = np.array([crop[2] / shape[1], crop[3] / shape[0]])
        person["focal"] = np.array(cfg.model.focal) * scale
        person["centre"] = np.array(cfg.model.princpt) * scale + crop[:2]
        person["boxes"], person["box_score"] = np.asarray(box), np.float64(score)
        person["hand_inside"] = self._hand_inside(_array(out["smplx_joint_proj"])[0], crop, width, height)
        return person

    def _hand_inside(self, joints: Any, crop: Any, width: int, height: int) -> Any:
        """The share (2,) of each hand's joints in the picture; `joints` (J, 2) are in the model's heat map."""
        import numpy as np

        heat = self.cfg.model.output_hm_shape
        pixels = joints / np.array([heat[2], heat[1]]) * np.asarray(crop[2:4]) + np.asarray(crop[:2])
        inside = ((pixels >= 0) & (pixels < np.array([width, height]))).all(axis=-1)
        return np.array([inside[list(self.smplx.joint_part[hand])].mean() for hand in ("lhand", "rhand")])


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy()


def _pictures(video: str) -> Any:
    import cv2

    capture = cv2.VideoCapture(video)
    while True:
        there, picture = capture.read()
        if not there:
            break
        yield picture
    capture.release()


def _save(result: str, rows: list[list[dict[str, Any]]], model: _Model) -> None:
    """One array for each field, NaN for people who are not there."""
    import numpy as np

    example = next(person for people in rows for person in people)
    arrays = {
        field: np.full((len(rows), max(map(len, rows)), *np.shape(value)), np.nan) for field, value in example.items()
    }
    for frame, people in enumerate(rows):
        for number, person in enumerate(people):
            for field, value in person.items():
                arrays[field][frame, number] = value
    layer = model.smplx.layer["neutral"]
    means = {f"{side}_hand_mean": _array(getattr(layer, f"{side}_hand_mean")) for side in ("left", "right")}
    np.savez(result, **{"size": np.array(model.size), **arrays, **means})


if __name__ == "__main__":
    main()
