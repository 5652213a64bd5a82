from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from checkpoint_files import mcp, pnn, save
from humanoids import write_repository
from idance_isaacgym import engine
from idance_isaacgym.engine import SPEC, IsaacGymEngine, PhcOptions, create, library_path

from infinitedance_cli.errors import ConfigError, MissingResource, StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.resample import resample_clip
from infinitedance_cli.motion.skeleton import Skeleton, default_skeleton
from infinitedance_cli.stages.imitate import work
from infinitedance_cli.stages.imitate.body import build_body
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.conformance import check_engine, floating, standing, swaying
from infinitedance_cli.stages.imitate.stage import Failures, imitate
from infinitedance_cli.stages.imitate.tracking import Tracking
from infinitedance_cli.stream.files import NewFile
from infinitedance_cli.stream.ports import write_stream
from infinitedance_cli.stream.worker_settings import workers_file

TESTS = Path(__file__).parent
WORKER_FOLDER = SPEC.script.parent
MUJOCO = dataclasses.replace(SPEC, script=TESTS / "mujoco_worker.py", module_folders=(WORKER_FOLDER,))
"""The worker with MuJoCo in place of Isaac Gym."""
STAND_IN = dataclasses.replace(SPEC, module_folders=(TESTS, TESTS / "stand_in"))
"""The real worker's script, with a package `isaacgym` that has MuJoCo behind it."""


def write_files(folder: Path) -> None:
    """A repository with a humanoid of the default skeleton's size, and checkpoints of random weights."""
    write_repository(folder, default_skeleton(22))
    save(folder / "phc_3/Humanoid.pth", pnn(934), 934)
    save(folder / "phc_comp_3/Humanoid.pth", mcp(934), 934)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a user has to have, named in the environment."""
    write_files(tmp_path)
    for setting in ("REPOSITORY", "CHECKPOINTS"):
        monkeypatch.setenv(f"IDANCE_ISAACGYM_{setting}", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def in_mujoco(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsaacGymEngine]:
    """The engine with MuJoCo behind it, its worker already running: starting one takes seconds."""
    folder = tmp_path_factory.mktemp("phc")
    write_files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDANCE_ISAACGYM_PYTHON", os.environ.get("IDANCE_OLD_PYTHON", sys.executable))
        for setting in ("REPOSITORY", "CHECKPOINTS"):
            patch.setenv(f"IDANCE_ISAACGYM_{setting}", str(folder))
        tracker = IsaacGymEngine(PhcOptions(), MUJOCO)
        tracker.track(build_body(default_skeleton(22)), standing(4), "fast")
    yield tracker


def distance(reference: MotionClip, tracking: Tracking) -> np.ndarray:
    """Metres (T,) between the joints of both on average."""
    danced = dataclasses.replace(
        reference,
        root_position=tracking.root_position.astype(np.float32),
        joint_rotation=tracking.joint_rotation.astype(np.float32),
    )
    return np.linalg.norm(danced.joint_positions() - reference.joint_positions(), axis=-1).mean(axis=1)


def small(clip: MotionClip, factor: float = 0.7) -> MotionClip:
    skeleton = Skeleton(clip.skeleton.joint_names, clip.skeleton.parents, clip.skeleton.offsets * np.float32(factor))
    return dataclasses.replace(clip, skeleton=skeleton, root_position=clip.root_position * np.float32(factor))


def test_the_engine_conforms_in_mujoco(in_mujoco: IsaacGymEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "create", lambda: in_mujoco)
    check_engine("isaacgym")


def test_a_clip_of_another_size_and_rate_comes_back_at_its_own(in_mujoco: IsaacGymEngine) -> None:
    reference = small(resample_clip(swaying(30), 50.0))
    body = build_body(reference.skeleton)
    found = in_mujoco.track(body, reference, "fast")
    assert len(found.root_position) == reference.frames == 49
    assert not found.falls
    assert distance(reference, found).max() < 0.05
    carried = found.contact_force[10:, :, 1].sum(axis=1).mean() / body.weight_n
    assert carried == pytest.approx(1, abs=0.1)
    assert not found.root_force.any() and not found.root_torque.any()
    assert found.timestep_s == pytest.approx(1 / 120)


def test_a_turned_dancer_is_danced_turned(in_mujoco: IsaacGymEngine) -> None:
    """Walking forward and to the left stay so on the way to z up and back."""
    clip = standing(20)
    path = np.linspace(0, 0.15, 20, dtype=np.float32)[:, None] * np.array([[1, 0, 2]], np.float32)
    reference = dataclasses.replace(clip, root_position=clip.root_position + path)
    found = in_mujoco.track(build_body(clip.skeleton), reference, "fast")
    moved = found.root_position[4] - found.root_position[0]
    assert moved[2] > 1.5 * moved[0] > 0.01  # as placed: with the reference's velocity


def test_falls_are_said_and_the_humanoid_is_put_back(in_mujoco: IsaacGymEngine) -> None:
    """Half a metre above the floor it falls 0.5 m in √(2·0.5/9.81) = 0.32 s: at the tenth frame."""
    reference = floating(25)
    body = build_body(reference.skeleton)
    found = in_mujoco.track(body, reference, "fast")
    assert found.falls == (10, 20)
    away = distance(reference, found)
    assert away[9] > 0.35 and away[10] < 1e-4 and away[20] < 1e-4


def test_a_clip_that_falls_is_left_out_and_the_next_one_is_danced(in_mujoco: IsaacGymEngine) -> None:
    failures = Failures()
    clips = [floating(20), swaying(20)]
    config = ImitateConfig(engine="isaacgym")
    danced = list(imitate(clips, in_mujoco, config, failures))
    assert [clip.clip_id for clip in danced][-1] == "swaying"
    physics = danced[-1].extra["physics"].attributes
    assert physics["engine"] == "isaacgym"
    assert physics["root_wrench_bw"] == 0
    assert physics["failed"] is False


def test_several_clips_share_one_simulation(in_mujoco: IsaacGymEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "load_engine", lambda name: in_mujoco)
    clips = [standing(8), swaying(8), standing(6)]
    config = ImitateConfig(engine="isaacgym")
    assert work.default_jobs(config) == 1  # another process would have to start another one
    results = list(work.open_stage(config).run(clips))
    assert [result.error for result in results] == [None] * 3
    danced = [clip for result in results for clip in result.values]
    assert [(clip.clip_id, clip.frames) for clip in danced] == [("standing", 8), ("swaying", 8), ("standing", 6)]


def test_the_whole_worker_runs_with_random_weights(installed: Path) -> None:
    """Isaac Gym before torch, weights of the real layout, tensors and calls in order, though nothing is tracked."""
    reference = standing(24)
    tracker = IsaacGymEngine(PhcOptions(device="cpu"), STAND_IN)
    body = build_body(reference.skeleton)
    first, second = (tracker.track(body, reference, "fast") for _ in range(2))
    assert first.root_position.shape == (24, 3)
    np.testing.assert_array_equal(first.joint_rotation, second.joint_rotation)
    assert distance(reference, first)[0] < 1e-4 < distance(reference, first)[5]
    assert first.power.max() > 1


def test_a_broken_checkpoint_is_named_by_its_tensor(installed: Path) -> None:
    model = pnn(934)
    del model["a2c_network.pnn.actors.2.0.bias"]
    save(installed / "phc_3/Humanoid.pth", model, 934)
    with pytest.raises(StageFailed, match=r"phc_3/Humanoid\.pth has no tensor a2c_network\.pnn\.actors\.2\.0\.bias"):
        IsaacGymEngine(PhcOptions(device="cpu"), STAND_IN).track(build_body(default_skeleton(22)), standing(8), "fast")


def test_without_isaac_gym_the_line_says_what_to_install(installed: Path) -> None:
    with pytest.raises(MissingResource, match="No module named 'isaacgym'.*Isaac Gym Preview 4") as caught:
        create().track(build_body(default_skeleton(22)), standing(8), "fast")
    assert "\n" not in str(caught.value)


def test_what_is_not_configured_is_asked_for_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = os.environ["IDANCE_ISAACGYM_PYTHON"]
    monkeypatch.delenv("IDANCE_ISAACGYM_PYTHON")
    steps = (
        ("PYTHON", python, r"no python is named .*Python 3\.8.*workers\.yaml"),
        ("REPOSITORY", str(tmp_path), "no repository is named .*IDANCE_ISAACGYM_REPOSITORY"),
        ("CHECKPOINTS", str(tmp_path), "no checkpoints is named"),
    )
    for setting, value, message in steps:
        with pytest.raises(MissingResource, match=message):
            create()
        monkeypatch.setenv(f"IDANCE_ISAACGYM_{setting}", value)
    with pytest.raises(MissingResource, match=r"no humanoid at .*github\.com/ZhengyiLuo/PHC"):
        create()
    write_repository(tmp_path, default_skeleton(22))
    with pytest.raises(MissingResource, match=r"no checkpoint at .*phc_comp_3/Humanoid\.pth"):
        create()


def test_the_libraries_of_a_conda_environment_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/before")
    python = str(tmp_path / "bin" / "python")
    assert library_path(python) == {}
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libpython3.8.so.1.0").touch()
    assert library_path(python) == {"LD_LIBRARY_PATH": f"{tmp_path / 'lib'}:/before"}


def test_options_that_do_not_exist_are_refused(installed: Path) -> None:
    workers_file().parent.mkdir(parents=True)
    for options, message in (("{polcy: phc_3}", "did you mean 'policy'"), ("{policy: phc_9}", "no policy 'phc_9'")):
        workers_file().write_text(f"isaacgym: {{options: {options}}}")
        with pytest.raises(ConfigError, match=message):
            create()


def test_the_command_says_it_in_one_line_with_exit_code_4(tmp_path: Path) -> None:
    with NewFile(tmp_path / "clip.h5") as new:
        write_stream([standing(8)], new.file, "clip.h5")
        new.finish(tmp_path / "clip.h5")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("IDANCE_ISAACGYM")}
    command = [sys.executable, "-m", "infinitedance_cli", "imitate", "--engine", "isaacgym", "clip.h5", "-o", "out.h5"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert "isaacgym" in line and "Isaac Gym Preview 4" in line and "workers.yaml" in line
    assert not (tmp_path / "out.h5").exists()
