"""What users do wrong, in real processes: one line, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import REPOSITORY, RunIdance
from tests.stages.generate.songs import song
from tests.stream.clips import small_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.models.tiny_bundle import write_tiny_bundle

    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def click_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("songs") / "clicks.wav", 2.0)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _text(path: Path) -> None:
    path.write_text("la la la " * 200)


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _no_samples(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))


@pytest.mark.parametrize(
    ("song_name", "make", "arguments", "code", "message"),
    [
        ("none.mp3", None, ["-o", "d.h5"], 3, "no such file"),
        ("text.wav", _text, ["-o", "d.h5"], 3, "text.wav: not a sound or video file"),
        ("empty.mp3", _nothing, ["-o", "d.h5"], 3, "the file is empty"),
        ("clicks.wav", None, ["-o", "d.h5", "-g", "polka"], 2, "unknown genre 'polka'. Known genres: ballet, k-pop"),
        ("clicks.wav", None, ["-o", "d.fbx"], 2, "known: .259.npy, .264.npy, .bvh, .glb, .h5"),
        ("clicks.wav", None, ["-o", "none/d.h5"], 2, "there is no folder none"),
        ("clicks.wav", None, ["-o", "there.npz"], 2, "exists already; give --force"),
        ("clicks.wav", None, ["-o", "take.npz", "--takes", "2"], 2, "take_01.npz: exists already; give --force"),
        ("clicks.wav", None, ["-o", "d.h5", "-m", "none"], 4, "model 'none': no such folder"),
        ("clicks.wav", None, ["-o", "d.h5", "-m", "part"], 4, "index.safetensors missing in part"),
        (
            "clicks.wav",
            None,
            ["-o", "d.h5", "--set", "sampling.top_q=3"],
            2,
            "did you mean 'sampling.top_p'?",
        ),
    ],
)
def test_refused_before_anything_heavy_is_loaded(
    tmp_path: Path,
    bundle: Path,
    click_track: Path,
    run_idance: RunIdance,
    song_name: str,
    make: Callable[[Path], None] | None,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    if make is not None:
        make(tmp_path / song_name)
    for name in ("there.npz", "take_01.npz"):
        (tmp_path / name).write_text("precious")
    shutil.copytree(bundle, tmp_path / "part", ignore=shutil.ignore_patterns("index*"))
    before = left_in(tmp_path)
    source = click_track if song_name == "clicks.wav" else song_name
    model = [] if "-m" in arguments else ["-m", str(bundle)]
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    result = run_idance("generate", source, *arguments, *model, cwd=tmp_path, env=environment)
    lines = result.stderr.decode().splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    said = [line for line in lines if not line.startswith("import time:")]
    assert (result.returncode, result.stdout, len(said)) == (code, b"", 1), said
    assert message in said[0]
    assert "typer" in imported and not imported & {"torch", "faiss", "scipy.signal", "librosa"}
    assert left_in(tmp_path) == before and (tmp_path / "there.npz").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(
    tmp_path: Path, bundle: Path, click_track: Path, run_idance: RunIdance
) -> None:
    tmp_path.chmod(0o500)
    result = run_idance("generate", click_track, "-m", bundle, "-o", tmp_path / "d.h5")
    assert result.returncode == 2 and b"is not writable" in result.stderr and result.stderr.count(b"\n") == 1


def test_sound_without_samples(tmp_path: Path, bundle: Path, run_idance: RunIdance) -> None:
    _no_samples(tmp_path / "hollow.wav")
    result = run_idance("generate", tmp_path / "hollow.wav", "-m", bundle, "-q", "-o", tmp_path / "d.h5")
    assert result.returncode == 3 and result.stderr.count(b"\n") == 1
    assert left_in(tmp_path) == ["hollow.wav"]


def test_a_song_cut_short_is_danced_up_to_there(tmp_path: Path, bundle: Path, run_idance: RunIdance) -> None:
    whole = song(tmp_path / "whole.mp3", 8.0).read_bytes()
    (tmp_path / "cut.mp3").write_bytes(whole[: len(whole) * 5 // 8])
    result = run_idance("generate", tmp_path / "cut.mp3", "-m", bundle, "-q", "-o", tmp_path / "d.h5")
    assert result.returncode == 0
    (warning,) = result.stderr.decode().splitlines()
    assert "warning" in warning and "damaged or truncated" in warning and "of 8.0 s" in warning
    (clip,) = read_clips([str(tmp_path / "d.h5")])
    assert 4.7 < clip.duration_s < 5.2


def test_parts_of_a_model_that_do_not_fit(
    tmp_path: Path, bundle: Path, click_track: Path, run_idance: RunIdance
) -> None:
    from infinitedance_cli.models.checkpoint import load_model, save_model
    from infinitedance_cli.models.choreographer import Choreographer

    shutil.copytree(bundle, tmp_path / "mixed")
    model = load_model(bundle / "choreographer.safetensors", Choreographer)
    model.set_codebook(model.codebook + 1)
    save_model(tmp_path / "mixed" / "choreographer.safetensors", model, provenance={})
    result = run_idance("generate", click_track, "-m", tmp_path / "mixed", "-q", "-o", tmp_path / "d.h5")
    assert result.returncode == 3 and result.stderr.count(b"\n") == 1
    assert b"take both from one training" in result.stderr and left_in(tmp_path) == ["mixed"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, bundle: Path, click_track: Path, run_idance: RunIdance) -> None:
    """A limit on the size of files stands in for the disk; a clip stream goes to /dev/full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    line = ["generate", click_track, "-m", bundle, "-q", "-o"]
    result = run_idance(*line, tmp_path / "d.h5", preexec_fn=limit)
    assert result.returncode == 5 and b"d.h5: the disk is full" in result.stderr and result.stderr.count(b"\n") == 1
    assert left_in(tmp_path) == []
    with open("/dev/full", "wb") as full:
        result = run_idance(*line, "-", stdout=full)
    assert result.returncode == 5 and b"standard output: the disk is full" in result.stderr


def test_a_reader_that_leaves(bundle: Path, click_track: Path, run_idance: RunIdance) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        result = run_idance("generate", click_track, "-m", bundle, "-q", stdout=write_end)
    finally:
        os.close(write_end)
    assert (result.returncode, result.stderr) == (141, b"")


def test_an_interruption_in_the_middle(tmp_path: Path, bundle: Path, click_track: Path) -> None:
    line = ["generate", click_track, "-m", bundle, "--takes", "500", "-g", "salsa", "-o", tmp_path / "d.h5"]
    with subprocess.Popen(
        [sys.executable, "-m", "infinitedance_cli", *map(str, line)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "will take about" in process.stderr.readline() and "clicks.wav: 2.0 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "idance generate: error: interrupted\n"
    assert process.returncode == 130 and left_in(tmp_path) == []


@pytest.mark.parametrize(("given", "message"), [(b"", "the stream is empty"), (b"la la " * 99, "<stdin>: not a sound")])
def test_no_song_on_stdin(tmp_path: Path, bundle: Path, run_idance: RunIdance, given: bytes, message: str) -> None:
    options = {"stdin": None, "input": given}
    result = run_idance("generate", "-", "-m", bundle, "-o", tmp_path / "d.h5", **options)
    assert result.returncode == 3 and message in result.stderr.decode() and result.stderr.count(b"\n") == 1


def _nan(path: Path) -> None:
    path.write_bytes(encode(small_clip()))
    with h5py.File(path, "r+") as file:
        file["motion/joint_rotation"][3, 2, 1] = np.nan


def _foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros(3)


def _cut(path: Path) -> None:
    path.write_bytes(encode(small_clip())[:-100])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_nan, "joint_rotation is not finite"),
        (_foreign, "an HDF5 file of another program"),
        (_cut, "truncated"),
        (_nothing, "empty"),
    ],
)
def test_clips_that_are_none(tmp_path: Path, run_idance: RunIdance, make: Callable[[Path], None], message: str) -> None:
    make(tmp_path / "in.h5")
    result = run_idance("convert", tmp_path / "in.h5", "-o", tmp_path / "out.bvh")
    (line,) = result.stderr.decode().splitlines()
    assert result.returncode == 3 and "in.h5" in line and message in line
    assert left_in(tmp_path) == ["in.h5"]
