"""The same answers wherever they are made, and what becomes of workers that die or cannot work."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from infinitedance_cli.engine.inputs import Image, find_clips
from infinitedance_cli.engine.placement import Placement, placement
from infinitedance_cli.engine.run import answers
from infinitedance_cli.engine.task import Answer, Task
from infinitedance_cli.errors import MissingResource, StageFailed, UsageError
from infinitedance_cli.stream.codec import encode
from tests.engine.stages import clips, task, write_shards

BESIDE = Placement(jobs=2)


def run(given: Task, count: int, where: Placement) -> list[Answer]:
    inputs = iter([Image(clip.clip_id, encode(clip)) for clip in clips(count)])
    return [answer for _, answer in answers(inputs, given, where)]


def images(answered: list[Answer]) -> list[bytes]:
    return [value.image for answer in answered for value in answer.values]


def test_two_processes_answer_as_one_and_in_order(tmp_path: Path) -> None:
    alone = run(task(tmp_path), 9, Placement())
    assert len(alone) == 9 and images(alone) == images(run(task(tmp_path, c0="kills once"), 9, BESIDE))
    loaded = {path.name for path in tmp_path.glob("loaded-*")} - {f"loaded-{os.getpid()}"}
    assert len(loaded) in (2, 3)  # the one that took over may come too late; the model is loaded once by each


def test_one_input_starts_no_process(tmp_path: Path) -> None:
    assert len(run(task(tmp_path), 1, BESIDE)) == 1
    assert [path.name for path in tmp_path.glob("loaded-*")] == [f"loaded-{os.getpid()}"]


def test_what_kills_its_workers_is_given_up_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    answered = run(task(tmp_path, c2="kills", c4="fails"), 6, BESIDE)
    errors = {number: str(answer.error) for number, answer in enumerate(answered) if answer.error}
    assert errors[2] == "c2: 3 workers died while they worked on it (killed by signal 9)"
    assert errors[4] == "c4: cannot be done" and len(errors) == 2
    assert caplog.text.count("a worker is gone (killed by signal 9)") >= 3


def test_a_worker_whose_disk_is_full_leaves_its_work_to_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answered = run(task(tmp_path, c1="full once"), 6, BESIDE)
    assert len(images(answered)) == 6 and all(answer.error is None for answer in answered)
    assert "is left out: /tmp/x: the disk of" in caplog.text


def test_a_worker_without_the_model_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first that loads has it, the other has not."""
    assert len(images(run(task(tmp_path, seconds=0.1, load="once"), 6, BESIDE))) == 6
    assert "is left out: there is no model here; fetch it" in caplog.text


def test_where_no_worker_has_the_model_its_error_is_raised(tmp_path: Path) -> None:
    (tmp_path / "first-load").touch()
    with pytest.raises(MissingResource, match="there is no model here; fetch it"):
        run(task(tmp_path, load="once"), 6, BESIDE)


def test_a_bug_is_raised_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not as it should be") as raised:
        run(task(tmp_path, c1="bug"), 3, BESIDE)
    assert "stages.py" in raised.value.__notes__[0]


def test_workers_that_die_while_they_start_end_the_run(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="workers end while they start"):
        run(Task("tests.engine.exits:open_stage", None), 2, BESIDE)


def test_at_most_a_few_inputs_are_taken_ahead(tmp_path: Path) -> None:
    taken = 0

    def counted() -> object:
        nonlocal taken
        for clip in clips(100):
            taken += 1
            yield Image(clip.clip_id, encode(clip))

    answered = answers(counted(), task(tmp_path), BESIDE)  # type: ignore[arg-type]
    for _ in range(10):
        next(answered)
    time.sleep(0.5)
    assert taken <= 10 + 2 * 6 + 2
    answered.close()


def test_a_clip_of_a_damaged_shard_fails_by_itself(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "in", 4)
    shard = folder / "shard-000000.h5"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(bytes(content))
    answered = list(answers(find_clips([str(folder)]), task(tmp_path), BESIDE))
    failed = [(one.group, str(answer.error)) for one, answer in answered if answer.error]
    assert len(answered) == 4 and len(failed) == 1
    assert failed[0][0].endswith("in/shard-000000.h5") and "the shard is damaged" in failed[0][1]


def test_what_workers_say_is_said_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        list(
            answers(
                find_clips([str(write_shards(tmp_path / "in", 3))]), Task("tests.engine.says:open_stage", 0), BESIDE
            )
        )
    assert [record.message for record in caplog.records if "at work on" in record.message] == [
        "at work on c0",
        "at work on c1",
        "at work on c2",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("spark", None, None, None), "--run-on spark: expected local or ray"),
        ((None, 2, "auto", None), "--address is for work on a cluster; give --run-on ray"),
        (("local", None, None, 1.0), "--num-gpus-per-worker is for work on a cluster"),
        (("ray", None, None, 1.5), "expected a share of one GPU, or whole ones"),
    ],
)
def test_contradictions_are_refused(given: tuple[str, int, str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        placement(*given)
