from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import RunIdance
from tests.stages.conftest import Idance
from tests.stream.clips import assert_same_clip, full_clip, small_clip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.h5"
    path.write_bytes(encode(full_clip("a")) + encode(full_clip("b")))
    return path


def test_through_every_format_that_keeps_rotations(tmp_path: Path, run_idance: RunIdance) -> None:
    """.h5 → .npz → .glb → .h5: motion as it was, one line on stderr each time, nothing on stdout."""
    (tmp_path / "0.h5").write_bytes(encode(full_clip(frames=5)))
    chain = ["0.h5", "1.npz", "2.glb", "3.h5"]
    for before, after in zip(chain, chain[1:], strict=False):
        result = run_idance("convert", tmp_path / before, "-o", tmp_path / after)
        assert (result.returncode, result.stdout) == (0, b""), result.stderr
        assert len(result.stderr.splitlines()) == 1 and after.encode() in result.stderr
    (clip,) = list(read_clips([str(tmp_path / "3.h5")]))
    np.testing.assert_array_equal(clip.joint_rotation, full_clip(frames=5).joint_rotation)
    assert clip.labels == full_clip().labels


def test_several_clips_and_options(tmp_path: Path, source: Path, idance: Idance) -> None:
    arguments = ("--fps", "60", "--joints", "22", "--clip-id", "solo")
    result = idance("convert", source, "-o", tmp_path / "out.npz", *arguments)
    assert (result.code, sum("wrote " in line for line in result.lines)) == (0, 2), result.lines
    clips = list(read_clips([str(tmp_path / "out_00.npz"), str(tmp_path / "out_01.npz")]))
    assert [(clip.clip_id, clip.fps, clip.skeleton.joint_count) for clip in clips] == [
        ("solo", 60.0, 22),
        ("solo_01", 60.0, 22),
    ]


def test_stdin_to_stdout(source: Path, run_idance: RunIdance) -> None:
    with open(source, "rb") as stream:
        result = run_idance("convert", "-o", "-", stdin=stream)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == source.read_bytes()


def _nan(path: Path) -> None:
    path.write_bytes(encode(small_clip()))
    with h5py.File(path, "r+") as file:
        file["motion/joint_rotation"][3, 2, 1] = np.nan


def _foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)


@pytest.mark.parametrize(
    ("name", "make", "code", "message"),
    [
        ("missing.h5", lambda path: None, 3, "no such file"),
        ("empty.h5", lambda path: path.write_bytes(b""), 3, "empty"),
        ("cut.h5", lambda path: path.write_bytes(encode(small_clip())[:-7]), 3, "clip 1: truncated"),
        ("nan.h5", _nan, 3, "joint_rotation is not finite at row 3"),
        ("foreign.h5", _foreign, 3, "another program"),
        ("text.h5", lambda path: path.write_text("HIERARCHY"), 3, "no HDF5 image"),
        ("text.npz", lambda path: path.write_text("hello"), 3, "none that is known in .npz"),
        ("text.glb", lambda path: path.write_text("hello world, I am no glb"), 3, "text.glb"),
        ("film.xyz", lambda path: path.write_text("x"), 2, "known: "),
    ],
)
def test_bad_input(tmp_path: Path, idance: Idance, name: str, make: object, code: int, message: str) -> None:
    make(tmp_path / name)  # type: ignore[operator]
    result = idance("convert", tmp_path / name, "-o", tmp_path / "out.h5")
    assert (result.code, len(result.lines)) == (code, 1), result.lines
    assert name in result.lines[0] and message in result.lines[0]
    assert not [path for path in tmp_path.iterdir() if path.name != name]


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.xyz", "known: "), ("none/out.h5", "there is no folder"), ("in.h5", "give --force"), (".", "is a folder")],
)
def test_bad_output(
    tmp_path: Path, source: Path, idance: Idance, monkeypatch: pytest.MonkeyPatch, output: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = source.read_bytes()
    result = idance("convert", source, "-o", output)
    assert (result.code, len(result.lines)) == (2, 1) and message in result.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"] and source.read_bytes() == before


def test_force_replaces(tmp_path: Path, source: Path, idance: Idance) -> None:
    (tmp_path / "out.h5").write_text("old")
    assert idance("convert", source, "-o", tmp_path / "out.h5", "--force").code == 0
    first, second = read_clips([str(tmp_path / "out.h5")])
    assert_same_clip(first, full_clip("a"))
    assert_same_clip(second, full_clip("b"))


@pytest.mark.parametrize(("option", "value"), [("--fps", "0"), ("--fps", "-3"), ("--joints", "24")])
def test_settings_out_of_range(tmp_path: Path, source: Path, idance: Idance, option: str, value: str) -> None:
    result = idance("convert", source, "-o", tmp_path / "out.h5", option, value)
    assert result.code == 2 and any(option[2:] in line for line in result.lines)
    assert not (tmp_path / "out.h5").exists()
