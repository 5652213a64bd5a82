"""The training loop: every network is trained by this one function, the recipes say what is different."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from infinitedance_cli.errors import ConfigError, StageFailed, UsageError
from infinitedance_cli.log import progress_bar
from infinitedance_cli.stages.train import state
from infinitedance_cli.stages.train.config import LoopConfig
from infinitedance_cli.stream.interrupts import deferred_interrupts

logger = logging.getLogger(__name__)

FIGURES = "figures.jsonl"

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

    def batch(self, step: int, size: int, stream: int) -> dict[str, Tensor]:
        """The batch of `size` windows of optimiser step `step` in random `stream`: a pure function of both."""
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

    Raises:
        StageFailed: the loss is not finite, or the state cannot be written.
        BadInput: the state in `folder` belongs to another network.
        UsageError: `folder` is a file, or the precision needs a device that is not there.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder for the weights")
    folder.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = _accelerator(config.precision)
    torch.manual_seed(config.seed)
    return _Run(recipe, config, folder, accelerator).to_the_end()


def _accelerator(precision: str) -> Accelerator:
    """Accelerate's view of the processes and devices; raises ConfigError for a precision that they do not have."""
    AcceleratorState._reset_state()  # a process may train several networks, each in its own precision
    try:
        accelerator = Accelerator(mixed_precision=precision)
    except ValueError as error:
        raise ConfigError(f"loop.precision is {precision}: {error}; choose no or bf16") from error
    if precision == "fp16" and accelerator.device.type == "cpu":
        raise ConfigError("loop.precision is fp16, which needs a GPU; choose no or bf16")
    return accelerator


class _Run:
    """One run of the loop; split from `train` so that each step of it has a name."""

    def __init__(self, recipe: Recipe, config: LoopConfig, folder: Path, accelerator: Accelerator) -> None:
        self.recipe, self.config, self.folder, self.accelerator = recipe, config, folder, accelerator
        model = recipe.build()
        self.average = AveragedModel(model, multi_avg_fn=moving_average(config.ema_decay)) if config.ema_decay else None
        optimizer = torch.optim.AdamW(
            _parameter_groups(model, config.weight_decay),
            lr=config.learning_rate,
            betas=(config.beta1, config.beta2),
        )
        self.progress = state.restore(folder, model, self.average, optimizer, accelerator.scaler)
        self.saved_step = self.progress.step
        self.bare_model = model
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        if self.average is not None:
            self.average.to(accelerator.device)
        self.losses = _Mean()
        self.recent = _Mean()
        self.figures: dict[str, float] = {}
        self.is_whole = True  # False while a step, or the evaluation that belongs to it, is half done

    def to_the_end(self) -> dict[str, float]:
        config, first = self.config, self.progress.step
        if first:
            logger.info("%s: resuming at step %d of %d", self.recipe.name, first, config.steps)
        if first >= config.steps:
            return self._last_figures()
        state.restore_random(self.folder)
        started = time.monotonic()
        with (
            deferred_interrupts("step") as interrupts,
            progress_bar(f"train {self.recipe.name}", config.steps, unit="step") as advance,
        ):
            advance(first)
            try:
                for step in range(first, config.steps):
                    self._advance(step, started)
                    advance()
                    if interrupts.pending:
                        self.save()
                        interrupts.obey()
            except (KeyboardInterrupt, SystemExit):
                self._save_what_is_whole()
                raise
        return self.figures

    def _advance(self, step: int, started: float) -> None:
        """One step and what is due after it."""
        config = self.config
        totals = self._step(step)
        self.progress = replace(self.progress, step=step + 1)
        self.losses.add(totals)
        self.recent.add(totals)
        if (step + 1) % config.log_every == 0:
            logger.debug("%s step %d: %s", self.recipe.name, step + 1, _cells("train", self.recent.take()))
        if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
            self._evaluate(time.monotonic() - started)
        self.is_whole = True
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
            self.save()

    def _step(self, step: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(step)
        self.model.train()
        losses = _Mean()
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
        stream = index * accelerator.num_processes + accelerator.process_index
        batch = self.recipe.batch(step, self.config.batch_size // passes, stream)
        batch = {name: value.to(accelerator.device) for name, value in batch.items()}
        self.is_whole = False  # from here on codebooks, random generators and gradients change
        with nullcontext() if index == passes - 1 else accelerator.no_sync(self.model):
            with accelerator.autocast():
                results = self.model(**batch)
            accelerator.backward(results["loss"] / passes)
        return {name: float(value.detach()) for name, value in results.items()}

    def _evaluate(self, seconds: float) -> None:
        if not self.accelerator.is_main_process:
            return
        module = self.bare_model if self.average is None else self.average.module
        module.eval()
        # Only this process evaluates: its random numbers must stay those of the others.
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.no_grad(), torch.random.fork_rng(devices):
            self.figures = self.recipe.evaluate(module)
        losses = self.losses.take()
        record = {"step": self.progress.step, "seconds": round(seconds, 1), "train": losses, "held_out": self.figures}
        with (self.folder / FIGURES).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        logger.info("%s", _table_row(self.recipe.name, record))
        key = self.figures.get(self.recipe.key_figure, -float(self.progress.step))
        if key < self.progress.best:
            self.progress = replace(self.progress, best=key)
            self.recipe.export(module, self.folder, {"step": self.progress.step, "figures": self.figures})

    def _last_figures(self) -> dict[str, float]:
        """Held-out figures of the last evaluation of an earlier run."""
        path = self.folder / FIGURES
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return dict(json.loads(lines[-1])["held_out"]) if lines else {}

    def save(self) -> None:
        """Write the state, unless this step's is written already."""
        if self.accelerator.is_main_process and self.saved_step != self.progress.step:
            scaler = self.accelerator.scaler
            state.save(self.folder, self.bare_model, self.average, self.optimizer, self.progress, scaler)
            self.saved_step = self.progress.step

    def _save_what_is_whole(self) -> None:
        """Keep the finished steps, if nothing of the next one is in the network yet."""
        if self.is_whole:
            self.save()
        logger.info("%s: stopped; the same command goes on from step %d", self.recipe.name, self.saved_step)


class _Mean:
    """Means of named numbers."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: Mapping[str, float]) -> None:
        """Count one more set of values."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


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


def _table_row(name: str, record: Mapping[str, Any]) -> str:
    cells = [f"{name} step {record['step']:>6}", f"{record['seconds']:>7.0f} s"]
    return "  ".join([*cells, _cells("train", record["train"]), _cells("held_out", record["held_out"])])


def _cells(part: str, values: Mapping[str, float]) -> str:
    return "  ".join(f"{part} {key} {value:.4g}" for key, value in values.items())
