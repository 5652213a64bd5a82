from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from infinitedance_cli.stream.codec import encode
from tests.conftest import REPOSITORY, RunIdance
from tests.stages.conftest import Idance
from tests.stages.render.scenes import read_video, standing_clip, with_song, write_clicks


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.h5"
    path.write_bytes(encode(standing_clip(3)) + encode(standing_clip(2, clip_id="second")))
    return path


def test_a_stream_on_stdin(needs_drawing: None, tmp_path: Path, source: Path, run_idance: RunIdance) -> None:
    with open(source, "rb") as stream:
        result = run_idance("render", "-", "-o", tmp_path / "out.mp4", "--size", "96x64", stdin=stream)
    assert result.returncode == 0, result.stderr
    assert result.stdout == b""
    lines = result.stderr.decode().splitlines()
    assert [line.rsplit("/", 1)[-1] for line in lines if "wrote" in line] == ["out_00.mp4", "out_01.mp4"]
    assert len(read_video(tmp_path / "out_01.mp4")[0]) == 2


def test_the_song_that_is_not_there(needs_drawing: None, tmp_path: Path, idance: Idance) -> None:
    (tmp_path / "in.h5").write_bytes(encode(with_song(standing_clip(2), "gone.wav")))
    result = idance("render", tmp_path / "in.h5", "-o", tmp_path / "out.mp4", "--size", "96x64")
    assert result.code == 0
    assert "warning: standing: its song gone.wav is not there, so the video is silent" in result.lines[0]
    assert read_video(tmp_path / "out.mp4")[2] is None


def test_the_song_beside_the_clip_and_all_marks(needs_drawing: None, tmp_path: Path, idance: Idance) -> None:
    write_clicks(tmp_path / "song.wav", (0.1,), 1.0)
    clip = with_song(standing_clip(6), "/elsewhere/song.wav", beats=(0.0, 0.1))
    (tmp_path / "in.h5").write_bytes(encode(clip))
    marks = ("--beats", "--contacts", "--style", "skeleton", "--camera", "orbit", "--fps", "60")
    result = idance("render", tmp_path / "in.h5", "-o", tmp_path / "out.mp4", "--size", "96x64", *marks)
    assert result.code == 0, result.lines
    times, _, sound = read_video(tmp_path / "out.mp4")
    assert len(times) == 11 and sound is not None


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("-o", "out.gif"), 2, "expected a video"),
        (("-o", "out.mp4", "--style", "clay"), 2, "no renderer plug-in 'clay'"),
        (("-o", "out.mp4", "--style", "smplx", "--music", "none"), 4, "--smplx or SMPLX_MODEL_PATH"),
        (("-o", "out.mp4", "--camera", "side"), 2, "(--camera): found 'side'"),
        (("-o", "out.mp4", "--size", "big"), 2, "expected WIDTHxHEIGHT"),
        (("-o", "out.mp4", "--size", "8x8"), 2, "(--size): found 8"),
        (("-o", "out.mp4", "--control", "canny"), 2, "(--control): found 'canny'"),
        (("-o", "out.mp4", "--zoom", "0"), 2, "(--zoom): found 0"),
        (("-o", "out.mp4", "--music", "gone.wav"), 3, "no such file"),
        (("-o", "out.mp4", "--music", "none", "--music-start", "1"), 2, "leave one out"),
        (("-o", "in.h5"), 2, "expected a video"),
        (("-o", "none/out.mp4"), 2, "there is no folder none"),
    ],
)
def test_mistakes(
    needs_drawing: None,
    tmp_path: Path,
    source: Path,
    idance: Idance,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SMPLX_MODEL_PATH", raising=False)
    result = idance("render", "in.h5", *options)
    assert (result.code, len(result.lines)) == (code, 1), result.lines
    assert message in result.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def _damaged(path: Path, damage: Callable[[h5py.File], None]) -> None:
    path.write_bytes(encode(replace(standing_clip(3), clip_id="hurt")))
    with h5py.File(path, "r+") as file:
        damage(file)


def _make_nan(file: h5py.File) -> None:
    file["motion/root_position"][1, 0] = np.nan


def _empty(file: h5py.File) -> None:
    for name in ("root_position", "joint_rotation"):
        old = file[f"motion/{name}"]
        attributes, shape = dict(old.attrs), (0, *old.shape[1:])
        del file[f"motion/{name}"]
        new = file.create_dataset(f"motion/{name}", shape, dtype="f4")
        new.attrs.update(attributes)


@pytest.mark.parametrize(
    ("damage", "message"), [(_make_nan, "root_position is not finite at row 1"), (_empty, "no frames")]
)
def test_broken_clips(
    needs_drawing: None, tmp_path: Path, idance: Idance, damage: Callable[[h5py.File], None], message: str
) -> None:
    _damaged(tmp_path / "in.h5", damage)
    result = idance("render", tmp_path / "in.h5", "-o", tmp_path / "out.mp4")
    assert (result.code, len(result.lines)) == (3, 1), result.lines
    assert message in result.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is Linux's")
def test_without_egl_it_names_the_packages(tmp_path: Path, source: Path, run_idance: RunIdance) -> None:
    environment = {"GLCONTEXT_LINUX_LIBEGL": "libnone.so"}
    result = run_idance("render", source, "-o", tmp_path / "out.mp4", env=environment)
    line = result.stderr.decode().splitlines()
    assert (result.returncode, len(line)) == (4, 1), line
    assert "libegl1 libegl-mesa0 libgl1-mesa-dri" in line[0]
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(("name", "extra"), [("out.mp4", ()), ("poses/", ("--control", "depth"))])
def test_an_interruption_leaves_nothing(needs_drawing: None, tmp_path: Path, name: str, extra: tuple[str, ...]) -> None:
    (tmp_path / "in.h5").write_bytes(encode(standing_clip(3000)))
    command = [sys.executable, "-m", "infinitedance_cli", "render", "in.h5", "-o", name, *extra]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        limit = time.monotonic() + 60
        while not any(tmp_path.glob(".*.part")) and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.decode().splitlines()[-1] == "idance render: error: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]
