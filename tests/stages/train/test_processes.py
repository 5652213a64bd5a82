"""Two processes train together; a single one is what they are compared with."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from infinitedance_cli.stages.train.loop import train
from tests.stages.train.launched import CPU, losses
from tests.stages.train.ports import free_port
from tests.stages.train.two_processes import LOOP, pair_recipes


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what two processes trained together, the second of which dies at the end."""
    folder = tmp_path_factory.mktemp("two")
    shared = {**os.environ, **CPU, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    command = [sys.executable, "-m", "tests.stages.train.two_processes", str(folder)]
    processes = [
        subprocess.Popen(
            command,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=300)[0].decode() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 9], "\n".join(outputs)
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same trainings on one process."""
    folder = tmp_path_factory.mktemp("one")
    for name, recipe in pair_recipes().items():
        train(recipe, LOOP, folder / name)
    return folder


def test_two_processes_learn_the_same_from_different_data(two: Path) -> None:
    first, second = (load_file(two / f"weights-{rank}.safetensors") for rank in range(2))
    for name in first:
        assert torch.equal(first[name], second[name]), name
    seen = [json.loads((two / f"seen-{rank}.json").read_text()) for rank in range(2)]
    assert len(seen[0]) == len(seen[1]) == 12 and not set(seen[0]) & set(seen[1])
    lines = [json.loads(line) for line in (two / "figures.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6]
    assert all(math.isfinite(value) for line in lines for value in line["train"].values())


@pytest.mark.parametrize(("trained", "alone"), [("retriever",) * 2, ("released",) * 2, ("sharded", "released")])
def test_two_processes_descend_as_one(two: Path, one: Path, trained: str, alone: str) -> None:
    """The retriever's counter-examples are those of both, the choreographer's windows are unequally full; sharded by
    FSDP it was stopped in the middle as well."""
    found, expected = losses(two / trained), losses(one / alone)
    assert list(found) == [1, 2, 3, 4]
    for step, values in found.items():
        assert values == pytest.approx(expected[step], rel=1e-4), step


def test_a_process_that_ends_is_told_of_in_one_line(two: Path) -> None:
    said = json.loads((two / "said-0.json").read_text())
    assert said["alone"] == (
        "train toy: another process of this training has ended, its own message says why; the same command goes on "
        "from step 2"
    )
    assert said["odd"].startswith("loop.batch_size 6 over loop.accumulate 2 is 3 windows, which 2 processes cannot")
    assert "sharded training keeps no average" in said["averaged"]
