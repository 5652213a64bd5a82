from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from infinitedance_cli.errors import MissingResource, StageFailed
from infinitedance_cli.motion import rotation
from infinitedance_cli.stages.capture.checkout import (
    WORKER_MODULES,
    NeededFile,
    SmplMotion,
    camera_pose,
    check_checkout,
    run_checkout,
    to_clip,
    working_folder,
)
from infinitedance_cli.stream.worker import WorkerSpec
from infinitedance_cli.testing import make_checkout


@pytest.fixture(scope="module")
def research_code() -> ModuleType:
    """The module that stands alone, loaded as a worker loads it: by its file."""
    spec = importlib.util.spec_from_file_location("research_code", WORKER_MODULES / "research_code.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("said", "code", "message"),
    [
        (["ModuleNotFoundError: No module named 'pytorch3d.ops'"], 4, "no module pytorch3d.ops; install the"),
        (["ImportError: libGL.so.1: cannot open shared object file: No such file or directory"], 4, "libGL.so.1 is"),
        (
            ["FileNotFoundError: [Errno 2] No such file or directory: 'inputs/checkpoints/dpvo/dpvo.pth'"],
            4,
            "the file inputs/checkpoints/dpvo/dpvo.pth is missing",
        ),
        (
            ["AssertionError: Path inputs/checkpoints/body_models/smplx/SMPLX_NEUTRAL.npz does not exist!"],
            4,
            "the file inputs/checkpoints/body_models/smplx/SMPLX_NEUTRAL.npz is missing",
        ),
        (["torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"], 5, "memory of the GPU ran out"),
        (["RuntimeError: No CUDA GPUs are available"], 4, "needs an NVIDIA GPU"),
        (["AssertionError: Torch not compiled with CUDA enabled"], 4, "needs an NVIDIA GPU"),
        (["ValueError: no track was found"], 5, "demo.py failed, exit code 1: ValueError: no track was found"),
        (
            ["warning: No such file or directory: 'cache.json'", "Traceback", "KeyError: 'bbx'"],
            5,
            "demo.py failed, exit code 1: KeyError: 'bbx'",
        ),
        ([], 5, "demo.py failed, exit code 1: it said nothing"),
    ],
)
def test_last_words_of_research_code_become_one_line(
    research_code: ModuleType, said: Sequence[str], code: int, message: str
) -> None:
    found = research_code.cause("demo.py", 1, said)
    assert found[0] == code
    assert message in found[1]


def _spec(folder: Path, text: str) -> WorkerSpec:
    script = folder / "script.py"
    script.write_text(text)
    return WorkerSpec("research", script, "see its README", needs=("repository",), module_folders=(WORKER_MODULES,))


def test_files_that_are_not_there_are_named_with_where_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in make_checkout("research", tmp_path / "code", {"weights/a.ckpt": "", "b.pth": ""}).items():
        monkeypatch.setenv(name, value)
    spec = _spec(tmp_path, "")
    files = [NeededFile("weights/*.ckpt", "weights", "get them"), NeededFile("b.pth", "more", "get it")]
    assert check_checkout(spec, files) == tmp_path / "code"
    (tmp_path / "code" / "b.pth").unlink()
    (tmp_path / "code" / "weights" / "a.ckpt").unlink()
    with pytest.raises(MissingResource, match=r"has no weights/\*.ckpt .weights.; get them; also b.pth .more; get it."):
        check_checkout(spec, files)


def test_a_worker_runs_in_its_repository_and_leaves_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What research code prints does not come into the way of anything."""
    demo = "import os, sys; print('x' * 9999); open(sys.argv[1], 'w').write(os.getcwd())"
    for name, value in make_checkout("research", tmp_path / "code", {"demo.py": demo}).items():
        monkeypatch.setenv(name, value)
    text = (
        "import sys, pathlib, research_code as r\n"
        "r.main(lambda: (r.require_gpu(), r.run(['demo.py', sys.argv[1]], pathlib.Path(sys.argv[1]))))\n"
    )
    run_checkout(_spec(tmp_path, text), [str(tmp_path / "result.txt")])
    assert (tmp_path / "result.txt").read_text() == str(tmp_path / "code")
    with pytest.raises(StageFailed, match="demo.py failed, exit code 1: IsADirectoryError"):
        run_checkout(_spec(tmp_path, text), [str(tmp_path)])


def test_a_video_is_handed_over_under_a_plain_name(tmp_path: Path) -> None:
    video = tmp_path / "it's a dance=[1].mp4"
    video.write_bytes(b"pictures")
    with working_folder(video) as (folder, copy):
        assert (copy.parent, copy.name, copy.read_bytes()) == (folder, "dance.mp4", b"pictures")
    assert not folder.exists() and video.exists()


def test_the_camera_stands_where_the_clip_is_seen_from() -> None:
    """The person is 3 m before a camera that looks down by 20 degrees, and turns on the spot: the camera does not."""
    frames, over = 40, rotation.about_axis("x", np.radians(np.array(180.0 + 20.0)))
    turns = np.repeat(rotation.identity(55)[None].astype(float), frames, axis=0)
    turns[:, 0] = rotation.about_axis("y", np.linspace(0.5, 2.0, frames))
    seen = turns.copy()
    seen[:, 0] = rotation.multiply(np.broadcast_to(over, (frames, 4)), turns[:, 0])
    rest = np.zeros((22, 3))
    rest[[4, 5], 1], rest[[7, 8], 1] = -0.4, -0.8
    rest[[1, 2], 0] = 0.1, -0.1
    rest[[4, 7, 10], 0], rest[[5, 8, 11], 0], rest[[10, 11], 1:] = 0.1, -0.1, (-0.85, 0.1)
    rest[[16, 18, 20], 0], rest[[17, 19, 21], 0], rest[12:22, 1] = (0.2, 0.45, 0.7), (-0.2, -0.45, -0.7), 0.5
    common = {"betas": np.zeros(0, np.float32), "gender": "neutral", "fps": 30.0, "hands": False, "rest_joints": rest}
    world = SmplMotion(turns, np.zeros((frames, 3)), **common)  # type: ignore[arg-type]
    camera = SmplMotion(seen, np.repeat([[0.0, 0.0, 3.0]], frames, axis=0), **common)  # type: ignore[arg-type]
    clip = to_clip("turn", world, usual_up="y")
    pose = camera_pose(clip, world, camera, np.array([[900.0, 0, 320], [0, 900, 240], [0, 0, 1]]))
    stands = -np.einsum("tji,tj->ti", pose.rotation, pose.translation)
    assert np.ptp(stands, axis=0).max() < 0.05
    scale = np.linalg.norm(clip.skeleton.offsets[[4, 7]], axis=1).sum() / 0.8
    assert stands[0, 1] - clip.root_position[0, 1] == pytest.approx(3 * scale * np.sin(np.radians(20)), abs=0.03)
    assert pose.project(clip.joint_positions())[:, 0] == pytest.approx(np.array([[320, 240]] * frames), abs=2)
