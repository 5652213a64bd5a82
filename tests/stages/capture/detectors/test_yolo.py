from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinitedance_cli import plugins, weights
from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.stages.capture.detectors import _yolo_checkpoint as checkpoint
from infinitedance_cli.stages.capture.detectors._yolo_network import YoloDetector, distinct_boxes, letterbox

NAMES = {0: "bicycle", 1: "person", 2: "dog"}


def write_checkpoint(path: Path, **changes: Any) -> Any:
    """A YOLOv8n with random weights in the format of ultralytics' own checkpoints; its network."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("ultralytics")
    torch.manual_seed(0)
    network = checkpoint.ultralytics_model("n", len(NAMES))
    network.names = NAMES
    for name, value in changes.items():
        setattr(network, name, value)
    content = {"epoch": -1, "model": network.half(), "ema": None, "optimizer": None, "train_args": {"imgsz": 640}}
    torch.save(content | {"date": "2023-01-01", "version": "8.3.0"}, path)
    return network.float()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    return tmp_path


def test_a_picture_is_framed_to_a_multiple_of_the_stride() -> None:
    framed, scale, margin = letterbox(np.zeros((994, 1768, 3), np.uint8))
    assert framed.shape == (384, 640, 3)  # 994 · 640 / 1768 = 359.8
    assert (scale, margin) == (640 / 1768, (0, 12))
    assert (framed[:12] == 114).all() and (framed[12:372] == 0).all()
    assert letterbox(np.zeros((32, 16, 3), np.uint8))[0].shape == (640, 320, 3)


def test_of_boxes_that_cover_each_other_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [5, 0, 15, 10]], float)
    assert distinct_boxes(boxes, np.array([0.5, 0.9, 0.3, 0.8], np.float32)) == [1, 3, 2]
    assert distinct_boxes(np.zeros((0, 4)), np.zeros(0, np.float32)) == []


def test_boxes_of_people_are_in_pixels_of_the_picture() -> None:
    detector = YoloDetector.__new__(YoloDetector)
    detector._person = 1
    raw = np.zeros((7, 3), np.float32)
    raw[:, 0] = (100, 112, 50, 80, 0.9, 0.6, 0)
    raw[:, 1] = (300, 112, 50, 80, 0.9, 0.1, 0.9)  # a bicycle and a dog
    raw[:, 2] = (630, 20, 40, 80, 0.0, 0.8, 0)
    found = detector.people(raw, 0.5, (0, 12), 1280, 720)
    assert [one.score for one in found] == pytest.approx([0.8, 0.6])
    assert found[0].box == pytest.approx((1220, 0, 1280, 96)), "cut off at the edge of the picture"
    assert found[1].box == pytest.approx((150, 120, 250, 280))
    assert found[0].region is None


def test_a_checkpoint_becomes_safetensors_and_says_the_same(cache: Path) -> None:
    import torch

    network = write_checkpoint(cache / "best.pt")
    folder = weights.add(weights.find("yolov8-own"), cache / "best.pt")
    assert json.loads((folder / "yolov8.json").read_text()) == {"size": "n", "names": list(NAMES.values())}
    assert not list(folder.glob("*.pt"))
    detector = plugins.load("detector", "yolo").create()
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)[0]
        framed = torch.from_numpy(letterbox(picture)[0]).permute(2, 0, 1)[None].float() / 255
        assert torch.allclose(detector._network(framed)[0], expected, atol=1e-3)
    for one in detector.detect(picture):
        assert one.score >= 0.25 and (one.box >= 0).all() and (one.box[[0, 2]] <= 640).all()


class _Danger:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (os.environ["IDANCE_CACHE"] + "-danger",)


def test_a_checkpoint_runs_nothing(cache: Path) -> None:
    write_checkpoint(cache / "best.pt", extra=_Danger())
    with pytest.raises(BadInput, match=r"best\.pt wants to load posix\.mkdir|nt\.mkdir"):
        weights.add(weights.find("yolov8-own"), cache / "best.pt")
    assert not (cache / "cache-danger").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"names": {0: "cat"}}, "no class 'person'"),
        ({"names": {0: "person"}}, "its tensors differ"),
        ({"yaml": {"scale": "q"}}, "no YOLOv8 of a size"),
    ],
)
def test_other_networks_are_refused(cache: Path, changes: dict[str, Any], reason: str) -> None:
    write_checkpoint(cache / "best.pt", **changes)
    with pytest.raises(BadInput, match=reason):
        weights.add(weights.find("yolov8-own"), cache / "best.pt")


def test_files_that_are_no_checkpoint_are_refused(cache: Path) -> None:
    pytest.importorskip("ultralytics")
    for content in (b"no checkpoint", pickle.dumps({"model": 1})):
        (cache / "best.pt").write_bytes(content)
        with pytest.raises(BadInput, match=r"best\.pt"):
            weights.add(weights.find("yolov8-own"), cache / "best.pt")


def test_without_ultralytics_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingResource, match=r"pip install 'infinitedance-cli\[yolo\]'"):
        plugins.load("detector", "yolo").create()
