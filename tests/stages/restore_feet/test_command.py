from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from infinitedance_cli.models.checkpoint import save_model
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import RunIdance
from tests.motion.samples import standing_clip, wandering_clip
from tests.stages.conftest import Idance
from tests.stages.restore_feet.networks import tiny_restorer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    return save_model(folder / "foot_restorer.safetensors", tiny_restorer(contact=20.0, noise=0.05), provenance={})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.h5"
    path.write_bytes(encode(wandering_clip(70, 0)) + encode(wandering_clip(50, 1, joints=22)))
    return path


def test_files_in_and_out(tmp_path: Path, source: Path, model: Path, idance: Idance) -> None:
    result = idance("restore-feet", source, "-o", tmp_path / "out.h5", "--model", model.parent, "--seed", "3")
    assert result.code == 0, result.lines
    for before, after in zip(read_clips([str(source)]), read_clips([str(tmp_path / "out.h5")]), strict=True):
        changed = np.flatnonzero((before.joint_rotation != after.joint_rotation).any(axis=(0, 2)))
        assert changed.tolist() == [1, 2, 4, 5, 7, 8]
        record = after.provenance[-1]
        assert (record["stage"], record["seed"], record["config"]["sampling"]["steps"]) == ("restore-feet", 3, 2)


def test_a_pipe_gives_the_same_as_a_file(tmp_path: Path, source: Path, model: Path, run_idance: RunIdance) -> None:
    with source.open("rb") as stream:
        piped = run_idance("restore-feet", "--model", model, stdin=stream)
    assert piped.returncode == 0, piped.stderr
    assert run_idance("restore-feet", source, "-o", tmp_path / "out.h5", "--model", model).returncode == 0
    assert piped.stdout == (tmp_path / "out.h5").read_bytes()
    with h5py.File(io.BytesIO(piped.stdout), "r") as file:
        assert file.attrs["clip_id"] == "wandering-0"


def _centimetres() -> MotionClip:
    clip = standing_clip(30)
    skeleton = Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, clip.skeleton.offsets * np.float32(100))
    return replace(clip, skeleton=skeleton, root_position=clip.root_position * np.float32(100))


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", 3, "empty"),
        (encode(wandering_clip(30))[:-9], 3, "truncated"),
        (b"HIERARCHY\n", 3, "no HDF5 image"),
        (encode(_centimetres()), 3, "perhaps the centimetre"),
    ],
)
def test_bad_input(tmp_path: Path, model: Path, idance: Idance, content: bytes, code: int, message: str) -> None:
    (tmp_path / "bad.h5").write_bytes(content)
    result = idance("restore-feet", tmp_path / "bad.h5", "-o", tmp_path / "out.h5", "--model", model)
    assert (result.code, len(result.lines)) == (code, 1) and message in result.lines[0], result.lines
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--model", "nowhere"], 4, "there is no file nowhere"),
        (["--model", "in.h5"], 3, "not a readable safetensors file"),
        (["--device", "cuda:99"], 4, "no such CUDA device"),
        (["--set", "planting.lift=2"], 2, "planting.lift"),
        (["--set", "planting.lft=0"], 2, "lft"),
    ],
)
def test_bad_settings(
    source: Path,
    model: Path,
    idance: Idance,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(source.parent)
    given = [] if "--model" in options else ["--model", str(model)]
    result = idance("restore-feet", source, "-o", "out.h5", *given, *options)
    assert (result.code, len(result.lines)) == (code, 1) and message in result.lines[0], result.lines
    assert not Path("out.h5").exists()
