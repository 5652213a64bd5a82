from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream._worker_pipes import WorkerProcess
from infinitedance_cli.stream.worker import Worker, run_worker
from tests.stream.clips import assert_same_clip, full_clip, small_clip
from tests.stream.toy_worker import ECHO, failure, settings_file, worker


def test_clips_pass_through_a_worker_unchanged_and_in_order(tmp_path: Path) -> None:
    clips = [full_clip("one"), full_clip("two", frames=90), small_clip("three")]
    answers = list(run_worker(worker(tmp_path, ECHO), (), clips))
    for clip, answer in zip(clips, answers, strict=True):
        assert_same_clip(answer, clip)


def test_a_worker_is_asked_clip_by_clip_in_one_process(tmp_path: Path) -> None:
    script = """
        import os, clip_stream
        def work(clips):
            for clip in clips:
                clip.attributes.setdefault("labels", {})["genre"] = str(os.getpid())
                clip.root_position = clip.root_position + 1
                yield clip
        clip_stream.run(work)
    """
    clips = [small_clip("a"), small_clip("b", frames=2000, joints=55)]
    with Worker(worker(tmp_path, script)) as running:
        answers = [running.ask(clip) for clip in clips]
    for clip, answer in zip(clips, answers, strict=True):
        assert answer.clip_id == clip.clip_id
        assert (answer.root_position == clip.root_position + 1).all()
    processes = {answer.labels.genre for answer in answers if answer.labels is not None}
    assert len(processes) == 1 and processes != {str(os.getpid())}


def test_a_source_takes_arguments_and_makes_a_whole_clip(tmp_path: Path) -> None:
    script = """
        import sys
        import numpy as np
        import clip_stream
        def work(clips):
            turns = np.zeros((int(sys.argv[2]), 1, 4)); turns[..., 0] = 1
            yield clip_stream.Clip(sys.argv[1], 25.0, ["pelvis"], [-1], np.zeros((1, 3)), np.ones((5, 3)), turns,
                {"body/betas": (np.zeros(10, np.float32), {"units": "1"})}, {"body": {"model": "smplx"}})
        clip_stream.run(work)
    """
    (clip,) = run_worker(worker(tmp_path, script), ["waltz", "5"])
    assert (clip.clip_id, clip.fps, clip.frames, clip.skeleton.joint_names) == ("waltz", 25.0, 5, ("pelvis",))
    assert clip.body is not None and clip.body.model == "smplx" and len(clip.body.betas) == 10


def test_what_a_worker_prints_reaches_the_log_and_not_the_stream(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = """
        import subprocess, sys, clip_stream
        def work(clips):
            print("loading")
            subprocess.run(["echo", "from C"])
            sys.stderr.write("10%\\r20%\\r")
            clip_stream.say("info", "on the GPU")
            clip_stream.say("warning", "little\\n memory")
            yield from clips
        clip_stream.run(work)
    """
    with caplog.at_level("DEBUG", "infinitedance_cli"):
        (clip,) = run_worker(worker(tmp_path, script), (), [small_clip()])
    assert_same_clip(clip, small_clip())
    lines = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert {("DEBUG", "toy: loading"), ("DEBUG", "toy: from C"), ("DEBUG", "toy: 10%"), ("DEBUG", "toy: 20%")} <= lines
    assert {("INFO", "toy: on the GPU"), ("WARNING", "toy: little memory")} <= lines


def test_more_out_than_in_and_more_in_than_out_do_not_deadlock(tmp_path: Path) -> None:
    script = """
        import sys, clip_stream
        def work(clips):
            for index, clip in enumerate(clips):
                for _ in range(20 if index % 3 == 0 else 0):
                    yield clip
        clip_stream.run(work)
    """
    big = small_clip(frames=400, joints=55)  # 350 kB, more than a pipe holds
    assert sum(1 for _ in run_worker(worker(tmp_path, script), (), [big] * 7)) == 60


def test_few_clips_wait_between_a_fast_source_and_a_slow_reader(tmp_path: Path) -> None:
    made = 0

    def clips() -> Iterator[MotionClip]:
        nonlocal made
        for _ in range(100):
            made += 1
            yield small_clip(frames=400, joints=55)

    answers = run_worker(worker(tmp_path, ECHO), (), clips())
    next(answers)
    time.sleep(0.3)
    assert made < 12
    assert sum(1 for _ in answers) == 99


def test_a_worker_sees_its_settings_and_not_our_python_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("IDANCE_TOY_CHECKPOINTS", str(tmp_path))
    script = """
        import os, clip_stream
        def work(clips):
            paths = os.environ["PYTHONPATH"].split(os.pathsep)
            told = [clip_stream.setting("checkpoints"), os.environ["A"], os.environ["B"], str("/ours" in paths)]
            for clip in clips:
                clip.clip_id = " ".join(told + [os.path.basename(paths[1])])
                yield clip
        clip_stream.run(work)
    """
    settings_file("toy: {environment: {B: user}}")
    spec = worker(tmp_path, script, module_folders=(tmp_path / "extra",), environment={"A": "plug-in", "B": "plug-in"})
    (clip,) = run_worker(spec, (), [small_clip()])
    assert clip.clip_id == f"{tmp_path} plug-in user False extra"


def test_an_answer_to_another_clip_is_refused(tmp_path: Path) -> None:
    script = """
        import clip_stream
        def work(clips):
            for clip in clips:
                clip.clip_id = "other"
                yield clip
        clip_stream.run(work)
    """
    with Worker(worker(tmp_path, script)) as running, pytest.raises(StageFailed, match="answered clip mine by other"):
        running.ask(small_clip("mine"))


def test_a_worker_that_leaves_early_is_not_waited_for(tmp_path: Path) -> None:
    script = """
        import clip_stream
        def work(clips):
            yield next(clips)
            raise clip_stream.StageFailed("one is enough")
        clip_stream.run(work)
    """
    with Worker(worker(tmp_path, script)) as running:
        running.ask(small_clip())
        with pytest.raises(StageFailed, match="one is enough"):
            running.ask(small_clip(frames=3000, joints=55))


def test_a_child_that_outlives_its_worker_does_not_hold_idance(tmp_path: Path) -> None:
    script = """
        import os, subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        os.kill(os.getpid(), 9)
    """
    assert "SIGKILL" in str(failure(worker(tmp_path, script), small_clip()))


def test_leaving_ends_the_worker_its_children_and_the_threads(tmp_path: Path) -> None:
    script = """
        import os, signal, subprocess, sys, clip_stream
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        def work(clips):
            for clip in clips:
                clip.clip_id = "%d %d" % (os.getpid(), child.pid)
                yield clip
        clip_stream.run(work)
    """
    before = threading.active_count()
    answers = run_worker(worker(tmp_path, script), (), (small_clip() for _ in range(99)))
    processes = [int(text) for text in next(answers).clip_id.split()]
    del answers
    gc.collect()
    _wait_until_gone(processes)
    assert threading.active_count() <= before


def test_an_interrupted_command_leaves_no_worker(tmp_path: Path) -> None:
    script = """
        import os, time
        with open("pid.part", "w") as file:
            print(os.getpid(), file=file)
        os.rename("pid.part", "pid")
        time.sleep(600)
    """
    spec = worker(tmp_path, script)
    program = f"""
import pathlib
from infinitedance_cli.stream.worker import WorkerSpec, run_worker
list(run_worker(WorkerSpec("toy", pathlib.Path({str(spec.script)!r}), "")))
"""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.PIPE)
    while not (tmp_path / "pid").exists():
        time.sleep(0.01)
    process.send_signal(2)
    _, said = process.communicate()
    assert b"KeyboardInterrupt" in said
    _wait_until_gone([int((tmp_path / "pid").read_text())])


def test_an_interruption_while_a_worker_starts_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    class Interrupted(WorkerProcess):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            started.append(self._process.pid)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)  # where an interruption would be raised

    monkeypatch.setattr("infinitedance_cli.stream.worker.WorkerProcess", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(run_worker(worker(tmp_path, "import time; time.sleep(600)")))
    gc.collect()
    _wait_until_gone(started)


def _wait_until_gone(processes: list[int]) -> None:
    """Fails when they live on; a killed process takes its moment where the machine is busy."""
    for _ in range(1000):
        if not any(_is_running(process) for process in processes):
            return
        time.sleep(0.01)
    pytest.fail(f"one of {processes} still runs")


def _is_running(process: int) -> bool:
    """Whether a process lives; one that only waits to be collected by init does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
