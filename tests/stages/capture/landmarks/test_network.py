from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.stages.capture.landmarks.network import Network, sigmoid
from tests.conftest import REPOSITORY


def test_without_its_mask_the_body_network_says_the_same(blazepose: Path) -> None:
    path = blazepose / "pose_landmark_full.tflite"
    picture = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    whole, part = Network(path).run(picture), Network(path, outputs=(0, 1, 3, 4)).run(picture)
    assert len(whole) == 5 and whole[2].shape == (256, 256, 1)
    for kept, same in zip((whole[0], whole[1], whole[3], whole[4]), part, strict=True):
        assert np.array_equal(kept, same)


def test_black_is_low_and_white_is_one(blazepose: Path) -> None:
    network = Network(blazepose / "pose_detection.tflite", low=-1.0)
    picture = np.zeros((224, 224, 3), np.uint8)
    picture[..., 1], picture[..., 2] = 255, 51
    network._fill(picture)
    assert network._input()[0, 0, 0] == pytest.approx((-1, 1, -0.6))


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"no network at all")
    with pytest.raises(MissingResource, match=r"net\.tflite is not a network"):
        Network(path)


def test_making_a_network_writes_nothing(blazepose: Path) -> None:
    script = (
        "import sys, pathlib, os\n"
        "from infinitedance_cli.stages.capture.landmarks.network import Network\n"
        "Network(pathlib.Path(sys.argv[1]))\n"
        "os.write(2, b'still there')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(blazepose / "hand_recrop.tflite")],
        capture_output=True,
        cwd=REPOSITORY,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == (b"", b"still there")


def test_sigmoid_of_large_numbers() -> None:
    assert sigmoid([-500, 0, 500]) == pytest.approx([0, 0.5, 1])
    assert sigmoid(1.0) == pytest.approx(1 / (1 + np.exp(-1)))
