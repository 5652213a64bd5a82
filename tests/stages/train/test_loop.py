"""The training loop: restarts, interruptions, averages, accumulated gradients, what is kept."""

from __future__ import annotations

import json
import logging
import math
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from infinitedance_cli.errors import BadInput, ConfigError, StageFailed, UsageError
from infinitedance_cli.stages.train.batches import Pass
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.loop import moving_average, train
from infinitedance_cli.stages.train.state import FILE_NAME
from tests.stages.train.toy import ToyRecipe, assert_same_state, saved_tensors

CONFIG = LoopConfig(
    steps=10, batch_size=4, learning_rate=0.05, warmup_steps=2, evaluate_every=5, save_every=3, ema_decay=0.9
)


class Killed(Exception):
    """Stands for whatever ends a process without warning."""


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The folder of a run that nothing disturbed."""
    train(ToyRecipe(), CONFIG, tmp_path / "whole")
    return tmp_path / "whole"


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_networks_trained_in_one_process_have_their_own_precision(tmp_path: Path) -> None:
    for precision in ("bf16", "no", "bf16"):
        figures = train(ToyRecipe(), replace(CONFIG, precision=precision), tmp_path / precision)
        assert all(math.isfinite(figure) for figure in figures.values())


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, whole: Path) -> None:
    def kill(step: int, stream: int) -> None:
        if step == 7:
            raise Killed

    with pytest.raises(Killed):
        train(ToyRecipe(before_batch=kill), CONFIG, tmp_path / "killed")
    assert_first_step(tmp_path / "killed", 6)
    train(ToyRecipe(), CONFIG, tmp_path / "killed")
    assert_same_state(tmp_path / "killed", whole)


def test_ctrl_c_between_steps_keeps_every_step(tmp_path: Path, whole: Path) -> None:
    def interrupt(step: int, stream: int) -> None:
        if step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(ToyRecipe(before_batch=interrupt), CONFIG, tmp_path / "stopped")
    assert_first_step(tmp_path / "stopped", 5)
    train(ToyRecipe(), CONFIG, tmp_path / "stopped")
    assert_same_state(tmp_path / "stopped", whole)


def test_a_step_that_was_cut_in_two_is_not_saved(tmp_path: Path) -> None:
    """After the first of two passes the generators and buffers have moved: the state on disk is the one before."""

    def interrupt(step: int, stream: int) -> None:
        if (step, stream) == (5, 1):
            raise KeyboardInterrupt

    config = replace(CONFIG, accumulate=2)
    train(ToyRecipe(), config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(ToyRecipe(before_batch=interrupt), config, tmp_path / "stopped")
    assert_first_step(tmp_path / "stopped", 3)
    train(ToyRecipe(), config, tmp_path / "stopped")
    assert_same_state(tmp_path / "stopped", tmp_path / "whole")


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_waits_for_the_end_of_its_step(
    tmp_path: Path, whole: Path, handlers: None, number: int, error: type[BaseException]
) -> None:
    calls: list[None] = []

    def interrupt() -> None:
        calls.append(None)
        if len(calls) == 5:
            signal.raise_signal(number)

    def end(number: int, frame: object) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, end)
    usual = signal.getsignal(number)
    with pytest.raises(error):
        train(ToyRecipe(before_forward=interrupt), CONFIG, tmp_path / "stopped")
    assert len(calls) == 5 and signal.getsignal(number) is usual
    assert_first_step(tmp_path / "stopped", 5)
    train(ToyRecipe(), CONFIG, tmp_path / "stopped")
    assert_same_state(tmp_path / "stopped", whole)


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path, handlers: None) -> None:
    calls: list[None] = []

    def interrupt() -> None:
        calls.append(None)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the step went on")

    with pytest.raises(KeyboardInterrupt):
        train(ToyRecipe(before_forward=interrupt), CONFIG, tmp_path)
    assert_first_step(tmp_path, 3)


def assert_first_step(folder: Path, expected: int) -> None:
    """The step at which a run in this folder would go on."""
    first: list[int] = []

    def note(step: int, stream: int) -> None:
        first.append(step)
        raise Killed

    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(Killed):
        train(ToyRecipe(before_batch=note), replace(CONFIG, accumulate=2), folder)
    assert first == [expected]
    assert (folder / FILE_NAME).read_bytes() == before


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    def refuse(step: int, stream: int) -> None:
        raise AssertionError("trained again")

    train(ToyRecipe(figures=[4.0, 3.0]), CONFIG, tmp_path)
    assert train(ToyRecipe(before_batch=refuse), CONFIG, tmp_path) == {"error": 3.0}


def test_the_average_by_hand(tmp_path: Path) -> None:
    recipe = ToyRecipe()
    train(recipe, CONFIG, tmp_path)
    saved = saved_tensors(tmp_path)
    # recipe.weights[k] are the weights before step k, so after step k - 1.
    after = [*recipe.weights[1:], saved["model/linear.weight"]]
    expected = after[0]
    for update, weights in enumerate(after[1:], start=1):
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * weights
    torch.testing.assert_close(saved["average/module.linear.weight"], expected, rtol=0, atol=1e-6)
    assert float(saved["average/module.seen"]) == 10


def test_the_average_forgets_its_start_quickly_and_then_slowly() -> None:
    average, weights = [torch.tensor([11.0])], [torch.tensor([0.0])]
    update = moving_average(0.5)
    update(average, weights, 1)
    torch.testing.assert_close(average[0], torch.tensor([2.0]))  # 11 · 2/11
    update(average, weights, 1000)
    torch.testing.assert_close(average[0], torch.tensor([1.0]))


def test_what_is_evaluated_and_exported_is_the_average(tmp_path: Path) -> None:
    train(ToyRecipe(), CONFIG, tmp_path)
    saved = saved_tensors(tmp_path)
    exported = load_file(tmp_path / "toy.safetensors")
    # 1.0 at both evaluations: the first was the best, and later ones are not better.
    assert not torch.equal(exported["linear.weight"], saved["average/module.linear.weight"])
    train(ToyRecipe(figures=[2.0, 1.0]), CONFIG, tmp_path / "falling")
    exported = load_file(tmp_path / "falling" / "toy.safetensors")
    falling = saved_tensors(tmp_path / "falling")
    assert torch.equal(exported["linear.weight"], falling["average/module.linear.weight"])


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    for passes in (1, 4):
        config = replace(CONFIG, accumulate=passes, batch_size=8)
        train(ToyRecipe(dropout=0.0), config, tmp_path / str(passes))
    whole, parts = (saved_tensors(tmp_path / str(passes)) for passes in (1, 4))
    for name in ("model/linear.weight", "model/linear.bias"):
        torch.testing.assert_close(whole[name], parts[name], rtol=0, atol=1e-6)


def test_the_best_weights_are_kept_across_a_restart(tmp_path: Path) -> None:
    config = replace(CONFIG, evaluate_every=2)
    first, second = ToyRecipe(figures=[3.0, 1.0]), ToyRecipe(figures=[2.0, 0.5, 4.0])
    train(first, replace(config, steps=4), tmp_path)
    train(second, config, tmp_path)
    assert (first.exported, second.exported) == ([2, 4], [8])
    lines = [json.loads(line) for line in (tmp_path / "figures.jsonl").read_text().splitlines()]
    assert [(line["step"], line["held_out"]["error"]) for line in lines] == [
        (2, 3.0),
        (4, 1.0),
        (6, 2.0),
        (8, 0.5),
        (10, 4.0),
    ]
    assert all(line["train"]["doubled"] == pytest.approx(2 * line["train"]["loss"]) for line in lines)


def test_a_loss_that_is_not_finite_names_its_step(tmp_path: Path) -> None:
    class Broken(ToyRecipe):
        def batch(self, where: Pass) -> dict[str, torch.Tensor]:
            batch = super().batch(where)
            return {**batch, "targets": batch["targets"] * (math.nan if where.step == 4 else 1)}

    with pytest.raises(StageFailed, match=r"loss is nan at step 4; lower loop\.learning_rate"):
        train(Broken(), CONFIG, tmp_path)
    assert all(bool(torch.isfinite(value.float()).all()) for value in saved_tensors(tmp_path).values())


def test_the_state_of_another_network_is_refused(tmp_path: Path) -> None:
    class Wider(ToyRecipe):
        def build(self) -> torch.nn.Module:
            super().build()
            self.network.linear = torch.nn.Linear(3, 5)
            return self.network

    train(ToyRecipe(), CONFIG, tmp_path)
    before = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(BadInput, match="not the state of this run"):
        train(Wider(), CONFIG, tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(BadInput, match="not the state of this run"):
        train(ToyRecipe(), CONFIG, tmp_path)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("")
    with pytest.raises(UsageError, match="name a folder"):
        train(ToyRecipe(), CONFIG, tmp_path / "weights")


@pytest.mark.skipif(torch.cuda.is_available(), reason="half precision is there")
def test_half_precision_without_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"loop\.precision is fp16"):
        train(ToyRecipe(), replace(CONFIG, precision="fp16"), tmp_path)


def test_losses_are_logged_for_the_verbose(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "infinitedance_cli")
    train(ToyRecipe(), replace(CONFIG, log_every=4), tmp_path)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG]
    assert [line.split(":")[0] for line in lines if line.startswith("toy step")] == ["toy step 4", "toy step 8"]


def test_learning_rate_by_hand() -> None:
    config = LoopConfig(steps=12, warmup_steps=2, learning_rate=2.0, final_share=0.1)
    expected = {0: 1.0, 1: 2.0, 2: 2.0, 7: 1.1, 12: 0.2, 20: 0.2}  # at 7: halfway, 2 · (0.1 + 0.9 / 2)
    for step, rate in expected.items():
        assert config.learning_rate_at(step) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "loop.steps is 0"),
        ({"batch_size": 6, "accumulate": 4}, "not a multiple"),
        ({"ema_decay": 1.0}, "loop.ema_decay is 1.0"),
    ],
)
def test_settings_out_of_range(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LoopConfig(**changes)  # type: ignore[arg-type]
