"""Workers of a few lines, under the interpreter of the tests."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from infinitedance_cli.errors import IdanceError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.worker import WorkerSpec, run_worker
from infinitedance_cli.stream.worker_settings import workers_file

ECHO = """
    import clip_stream
    clip_stream.run(lambda clips: clips)
"""


def worker(tmp_path: Path, script: str, **fields: object) -> WorkerSpec:
    path = tmp_path / "toy_worker.py"
    path.write_text(textwrap.dedent(script), encoding="utf-8")
    return WorkerSpec("toy", path, "install the toy with `pip install toy`", **fields)  # type: ignore[arg-type]


def failure(spec: WorkerSpec, *clips: MotionClip) -> IdanceError:
    with pytest.raises(IdanceError) as caught:
        list(run_worker(spec, (), clips))
    assert "\n" not in str(caught.value)
    return caught.value


def settings_file(text: str) -> None:
    workers_file().parent.mkdir(parents=True)
    workers_file().write_text(textwrap.dedent(text), encoding="utf-8")
