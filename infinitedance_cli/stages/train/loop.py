"""The training loop: every network is trained by this one function, the recipes say what is different."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from infinitedance_cli.errors import ConfigError, StageFailed, UsageError
from infinitedance_cli.log import Advance, progress_bar
from infinitedance_cli.models.checkpoint import load_full_state
from infinitedance_cli.stages.train import state
from infinitedance_cli.stages.train.batches import Pass, Plan, batches
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stages.train.figures import Mean, cells, forget_after, read_records, table_row, write_record
from infinitedance_cli.stages.train.processes import (
    agree,
    check_same_step,
    draw_own_numbers,
    is_lost_process,
    is_sharded,
    start_accelerator,
)
from infinitedance_cli.stream.interrupts import Interrupts, deferred_interrupts

logger = logging.getLogger(__name__)

Tensors = tuple[Tensor, ...] | list[Tensor]


class Recipe(Protocol):
    """What the loop needs to know of a network.

    `name` of the network; `key_figure`, the held-out figure by which the best weights are kept (lower is better).
    """

    name: str
    key_figure: str

    def build(self) -> nn.Module:
        """The module to train; its forward takes a batch as keywords and returns {"loss": …, other scalars}."""
        ...

    def batch(self, where: Pass) -> dict[str, Tensor]:
        """The windows of a pass that this process takes: a pure function of `where`.

        `valid` among them, where there is one, tells which steps of the windows count; otherwise all windows do alike.
        """
        ...

    def evaluate(self, module: nn.Module) -> dict[str, float]:
        """Held-out figures of the module."""
        ...

    def export(self, module: nn.Module, folder: Path, details: Mapping[str, Any]) -> Path:
        """Write the weights as users load them; `details` go to the file's provenance."""
        ...


def train(recipe: Recipe, config: LoopConfig, folder: Path) -> dict[str, float]:
    """Train to `config.steps`, resuming from `folder` if it holds a state; returns the last held-out figures.

    `folder` receives state.safetensors (resume), figures.jsonl (one line per evaluation) and the exported weights.
    Ctrl-C and SIGTERM wait for the end of the step, which is saved; a second one stops at once.
    Under `accelerate launch` all processes train one network on the batches that one process would train it on.

    Raises:
        StageFailed: the loss is not finite, the state cannot be written, or another process has ended.
        BadInput: the state in `folder` belongs to another network.
        UsageError: `folder` is a file or not the same for all processes, the precision needs a device that is not
            there, or the batch cannot be split over the processes.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder for the weights")
    folder.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = start_accelerator(config.precision)
    config.check_processes(accelerator.num_processes)
    torch.manual_seed(config.seed)
    return _Run(recipe, config, folder, accelerator).to_the_end()


class _Run:
    """One run of the loop; split from `train` so that each step of it has a name."""

    def __init__(self, recipe: Recipe, config: LoopConfig, folder: Path, accelerator: Accelerator) -> None:
        self.recipe, self.config, self.folder, self.accelerator = recipe, config, folder, accelerator
        self.is_main, self.sharded = bool(accelerator.is_main_process), is_sharded(accelerator)
        if self.sharded and config.ema_decay:
            raise ConfigError(f"loop.ema_decay is {config.ema_decay}; sharded training keeps no average: set it to 0")
        model = recipe.build()
        self.average = AveragedModel(model, multi_avg_fn=moving_average(config.ema_decay)) if config.ema_decay else None
        optimizer = torch.optim.AdamW(
            _parameter_groups(model, config.weight_decay),
            lr=config.learning_rate,
            betas=(config.beta1, config.beta2),
        )
        self.progress = state.restore(folder, model, self.average, accelerator.scaler)
        check_same_step(accelerator, self.progress.step, folder)
        self.saved_step = self.progress.step
        self.bare_model = model
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        state.restore_optimizer(folder, self.optimizer)
        if self.average is not None:
            self.average.to(accelerator.device)
        self.losses, self.recent = Mean(), Mean()
        self.figures: dict[str, float] = {}
        self.signal = 0  # what one of the processes was sent
        self.is_whole = True  # False while a step, or the evaluation that belongs to it, is half done

    def to_the_end(self) -> dict[str, float]:
        config, first = self.config, self.progress.step
        if first >= config.steps:
            records = read_records(self.folder)
            return dict(records[-1]["held_out"]) if records else {}
        if self.is_main:
            self._tidy()
            state.restore_random(self.folder)
        place = Plan(config, first, self.progress.windows or first * config.batch_size, *self._part())
        self.batches = batches(self.recipe, place)
        started = time.monotonic()
        with deferred_interrupts("step") as self.interrupts, self._bar() as advance:
            advance(first)
            try:
                for step in range(first, config.steps):
                    self._advance(step, started)
                    advance()
                    self._stop_if_asked(self.interrupts)
            except (KeyboardInterrupt, SystemExit):
                self._save_what_is_whole()
                raise
            except RuntimeError as error:
                if self.accelerator.num_processes == 1 or not is_lost_process(error):
                    raise
                raise StageFailed(
                    f"train {self.recipe.name}: another process of this training has ended, its own message says why; "
                    f"the same command goes on from step {self.saved_step}"
                ) from error
        self.accelerator.wait_for_everyone()  # whoever goes on from here finds what the first process wrote
        return self.figures

    def _part(self) -> tuple[int, int]:
        """This process's number, and how many there are."""
        return self.accelerator.process_index, self.accelerator.num_processes

    def _bar(self) -> AbstractContextManager[Advance]:
        if not self.is_main:
            return nullcontext(lambda count=1: None)
        return progress_bar(f"train {self.recipe.name}", self.config.steps, unit="step")

    def _tidy(self) -> None:
        """Begin where the state ends, whatever a killed run has left behind."""
        state.remove_unfinished(self.folder)
        forget_after(self.folder, self.progress.step)
        if self.progress.step:
            logger.info("%s: resuming at step %d of %d", self.recipe.name, self.progress.step, self.config.steps)

    def _stop_if_asked(self, interrupts: Interrupts) -> None:
        """Act on a signal once all processes know of it, so that all stop after the same step."""
        number = interrupts.number if self.accelerator.num_processes == 1 else self.signal
        if number:
            self.save()
            interrupts.obey(number)

    def _advance(self, step: int, started: float) -> None:
        """One step and what is due after it."""
        config = self.config
        totals = self._step(step)
        windows = self.progress.windows or step * config.batch_size
        self.progress = replace(self.progress, step=step + 1, windows=windows + config.batch_size)
        self.losses.add(totals)
        self.recent.add(totals)
        if (step + 1) % config.log_every == 0 and self.is_main:
            logger.debug("%s step %d: %s", self.recipe.name, step + 1, cells("train", self.recent.take()))
        if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
            self._evaluate(time.monotonic() - started)
        self.is_whole = True
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            self.save()

    def _step(self, step: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(step)
        self.model.train()
        losses = Mean()
        for index in range(self.config.accumulate):
            losses.add(self._pass(step, index))
        totals = losses.take()
        if not math.isfinite(totals["loss"]):
            raise StageFailed(
                f"train {self.recipe.name}: the loss is {totals['loss']} at step {step}; "
                "lower loop.learning_rate or look for damaged clips"
            )
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.bare_model)
        return totals

    def _pass(self, step: int, index: int) -> dict[str, float]:
        """Forward and backward of one of the passes that a step's gradient is accumulated over."""
        accelerator, passes = self.accelerator, self.config.accumulate
        batch = {name: value.to(accelerator.device) for name, value in next(self.batches).items()}
        self.is_whole = False  # from here on codebooks, random generators and gradients change
        draw_own_numbers(accelerator, self.config.seed, step, index)
        with nullcontext() if index == passes - 1 else accelerator.no_sync(self.model):
            with accelerator.autocast():
                results = self.model(**batch)
            agreed = agree(accelerator, results, _weight(batch), self.interrupts.number)
            accelerator.backward(results["loss"] * (agreed.share / passes))
        self.signal = agreed.signal
        return dict(agreed.means)

    def _evaluate(self, seconds: float) -> None:
        if not (self.is_main or self.sharded):
            return
        module = self.bare_model if self.average is None else self.average.module
        module.eval()
        # Where only one process evaluates, its random numbers must stay those of the others.
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            self.figures = self.recipe.evaluate(module)
        losses = self.losses.take()
        record = {"step": self.progress.step, "seconds": round(seconds, 1), "train": losses, "held_out": self.figures}
        if self.is_main:
            write_record(self.folder, record)
            logger.info("%s", table_row(self.recipe.name, record))
        key = self.figures.get(self.recipe.key_figure, -float(self.progress.step))
        if key < self.progress.best:
            self.progress = replace(self.progress, best=key)
            self._export(module)

    def _export(self, module: nn.Module) -> None:
        if self.sharded:
            tensors = state.collect(module, None, None, keep=self.is_main)
            if not self.is_main:
                return
            with torch.random.fork_rng():
                module = self.recipe.build()
            load_full_state(module, {name.removeprefix("model/"): value for name, value in tensors.items()})
        self.recipe.export(module, self.folder, {"step": self.progress.step, "figures": self.figures})

    def save(self) -> None:
        """Write the state, unless this step's is written already."""
        if self.saved_step == self.progress.step or not (self.is_main or self.sharded):
            return
        tensors = state.collect(self.bare_model, self.average, self.optimizer, keep=self.is_main)
        if self.is_main:
            state.save(self.folder, tensors, self.progress, self.accelerator.scaler)
        self.saved_step = self.progress.step

    def _save_what_is_whole(self) -> None:
        """Keep the finished steps, if nothing of the next one is in the network yet."""
        if self.is_whole and not self.sharded:  # shards are put together by all processes, and these may have gone on
            self.save()
        if self.is_main:
            logger.info("%s: stopped; the same command goes on from step %d", self.recipe.name, self.saved_step)


def _weight(batch: Mapping[str, Tensor]) -> float:
    """How much a batch counts beside those of other processes."""
    return float(batch["valid"].sum()) if "valid" in batch else float(len(next(iter(batch.values()))))


def moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """For `AveragedModel`: average ← d · average + (1 - d) · weights, d = min(decay, (1 + n) / (10 + n)) at update n.

    The first steps need a shorter memory than `decay` gives, or a short run would end near its random start.
    """

    @torch.no_grad()
    def update(average: Tensors, weights: Tensors, updates: Tensor | int) -> None:
        number = int(updates)
        now = min(decay, (1 + number) / (10 + number))
        if torch.is_floating_point(average[0]) or torch.is_complex(average[0]):
            torch._foreach_lerp_(average, weights, 1 - now)

    return update


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Vectors (biases, norms, gains) are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
