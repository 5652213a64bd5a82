from __future__ import annotations

import os
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, ConfigError, IdanceError, MissingResource, StageFailed
from infinitedance_cli.stream.worker import check_worker
from infinitedance_cli.stream.worker_settings import worker_settings, workers_file
from tests.stream.clips import small_clip
from tests.stream.toy_worker import ECHO, failure, settings_file, worker


def test_a_worker_that_is_not_named_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDANCE_TOY_PYTHON")
    error = failure(worker(tmp_path, ECHO))
    assert isinstance(error, MissingResource)
    for part in ("pip install toy", "workers.yaml", "toy: {python: PATH}", "IDANCE_TOY_PYTHON"):
        assert part in str(error)


@pytest.mark.parametrize("name", ["gone/python", "", "readme.txt"])
def test_an_interpreter_that_cannot_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "readme.txt").write_text("no program")
    monkeypatch.setenv("IDANCE_TOY_PYTHON", str(tmp_path / name))
    error = failure(worker(tmp_path, ECHO))
    assert isinstance(error, MissingResource) and str(tmp_path / name) in str(error)


def test_a_program_that_is_no_interpreter_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text("no program")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("IDANCE_TOY_PYTHON", str(tmp_path / "python"))
    assert isinstance(failure(worker(tmp_path, ECHO)), MissingResource)


def test_a_repository_or_checkpoints_that_are_needed_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = worker(tmp_path, ECHO, needs=("repository", "checkpoints"))
    assert "IDANCE_TOY_REPOSITORY" in str(failure(spec))
    monkeypatch.setenv("IDANCE_TOY_REPOSITORY", str(tmp_path / "gone"))
    assert "gone, does not exist" in str(failure(spec))
    monkeypatch.setenv("IDANCE_TOY_REPOSITORY", str(tmp_path))
    assert "IDANCE_TOY_CHECKPOINTS" in str(failure(spec))


def test_settings_come_from_the_users_file_and_variables_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDANCE_TOY_PYTHON")
    monkeypatch.setenv("HOME", str(tmp_path))
    settings_file("""
        toy:
          python: ~/env/bin/python
          repository: code
          environment: {CUDA_VISIBLE_DEVICES: "1"}
          options: {policy: phc_3}
    """)
    found = worker_settings("toy")
    assert found.python == str(tmp_path / "env/bin/python")
    assert found.repository == str(workers_file().parent / "code")
    assert (dict(found.environment), dict(found.options)) == ({"CUDA_VISIBLE_DEVICES": "1"}, {"policy": "phc_3"})
    monkeypatch.setenv("IDANCE_TOY_PYTHON", "/usr/bin/python3")
    assert worker_settings("toy").python == "/usr/bin/python3"
    assert worker_settings("other").python == ""


@pytest.mark.parametrize("text", ["toy: {pythn: /usr/bin/python3}", "toy: 3", "[toy]", "toy: {python: [", "toy: {a: 1"])
def test_a_settings_file_in_error_is_named(text: str) -> None:
    settings_file(text)
    with pytest.raises(ConfigError, match=r"workers\.yaml"):
        worker_settings("toy")


def test_check_worker_starts_nothing(tmp_path: Path) -> None:
    assert check_worker(worker(tmp_path, "raise SystemExit(9)")).python == os.environ["IDANCE_TOY_PYTHON"]


@pytest.mark.parametrize(
    ("line", "kind", "parts"),
    [
        ("import not_there", MissingResource, ("No module named 'not_there'", "pip install toy")),
        ("import known", MissingResource, ("-m pip install known==1",)),
        ("from os import nothing", MissingResource, ("cannot import name 'nothing'",)),
        ("raise RuntimeError('CUDA out of memory')", StageFailed, ("RuntimeError: CUDA out of memory", "exit code 1")),
        ("import os; os.kill(os.getpid(), 9)", StageFailed, ("SIGKILL",)),
        ("import os; os.write(stream, b'progress: 10%' * 9)", StageFailed, ("no HDF5 image", "stopped")),
        ("import os; os.write(stream, image[:-9])", StageFailed, ("truncated",)),
        ("pass", StageFailed, ("stopped without an error", "before it had")),
        ("raise clip_stream.MissingResource('fetch phc_3.pth')", MissingResource, ("'toy': fetch phc_3.pth",)),
        ("raise clip_stream.BadInput('no person')", BadInput, ("no person",)),
        ("raise clip_stream.StageFailed('it blew\\nup')", StageFailed, ("it blew up",)),
        ("raise SystemExit(7)", StageFailed, ("exit code 7",)),
    ],
)
def test_the_end_of_a_worker_becomes_one_line(
    tmp_path: Path, line: str, kind: type[IdanceError], parts: tuple[str, ...]
) -> None:
    script = f"""
        import os, clip_stream
        stream = os.dup(1)
        def work(clips):
            image = clip_stream.encode(next(clips))
            {line}
            return ()
        clip_stream.run(work)
    """
    error = failure(worker(tmp_path, script, libraries={"known": "pip install known==1"}), small_clip())
    assert type(error) is kind
    for part in parts:
        assert part in str(error)
