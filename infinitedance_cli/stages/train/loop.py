"""The training loop: every network is trained by this one function, the recipes say what is different."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.log import progress_bar
from infinitedance_cli.stages.train import state
from infinitedance_cli.stages.train.config import LoopConfig

logger = logging.getLogger(__name__)


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

    Raises:
        StageFailed: the loss is not finite.
        BadInput: the state in `folder` belongs to another network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    accelerator = Accelerator(mixed_precision=config.precision)
    torch.manual_seed(config.seed)
    run = _Run(recipe, config, folder, accelerator)
    with run.saved_when_interrupted():
        return run.to_the_end()


class _Run:
    """One run of the loop; split from `train` so that each step of it has a name."""

    def __init__(self, recipe: Recipe, config: LoopConfig, folder: Path, accelerator: Accelerator) -> None:
        self.recipe, self.config, self.folder, self.accelerator = recipe, config, folder, accelerator
        model = recipe.build()
        self.average: AveragedModel | None = None
        if config.ema_decay:
            # Short runs and the first steps need a shorter memory than ema_decay gives.
            self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
        optimizer = torch.optim.AdamW(
            _parameter_groups(model, config.weight_decay),
            lr=config.learning_rate,
            betas=(config.beta1, config.beta2),
        )
        self.progress = state.restore(folder, model, self.average, optimizer)
        self.saved_step = self.progress.step
        self.bare_model = model
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        if self.average is not None:
            self.average.to(accelerator.device)
        self.sums: dict[str, float] = {}
        self.logged = 0
        self.figures: dict[str, float] = {}

    def to_the_end(self) -> dict[str, float]:
        config, first = self.config, self.progress.step
        if first:
            logger.info("%s: resuming at step %d of %d", self.recipe.name, first, config.steps)
        started = time.monotonic()
        with progress_bar(f"train {self.recipe.name}", config.steps, unit="step") as advance:
            advance(first)
            for step in range(first, config.steps):
                self._count(self._step(step))
                self.progress = replace(self.progress, step=step + 1)
                advance()
                if (step + 1) % config.evaluate_every == 0 or step + 1 == config.steps:
                    self._evaluate(time.monotonic() - started)
                if (step + 1) % config.save_every == 0 or step + 1 == config.steps:
                    self.save()
        return self.figures

    def _step(self, step: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate_at(step)
        accelerator, passes = self.accelerator, self.config.accumulate
        totals: dict[str, float] = {}
        self.model.train()
        for index in range(passes):
            stream = index * accelerator.num_processes + accelerator.process_index
            batch = self.recipe.batch(step, self.config.batch_size // passes, stream)
            batch = {name: value.to(accelerator.device) for name, value in batch.items()}
            last = index == passes - 1
            with nullcontext() if last else accelerator.no_sync(self.model):
                with accelerator.autocast():
                    results = self.model(**batch)
                accelerator.backward(results["loss"] / passes)
            for name, value in results.items():
                totals[name] = totals.get(name, 0.0) + float(value.detach()) / passes
        if not math.isfinite(totals["loss"]):
            raise StageFailed(
                f"train {self.recipe.name}: the loss is {totals['loss']} at step {step}; "
                "lower loop.learning_rate or look for damaged clips"
            )
        accelerator.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.bare_model)
        return totals

    def _count(self, totals: Mapping[str, float]) -> None:
        for name, value in totals.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.logged += 1

    def _evaluate(self, seconds: float) -> None:
        if not self.accelerator.is_main_process:
            return
        module = self.bare_model if self.average is None else self.average.module
        module.eval()
        with torch.no_grad():
            self.figures = self.recipe.evaluate(module)
        losses = {name: value / max(1, self.logged) for name, value in self.sums.items()}
        self.sums, self.logged = {}, 0
        record = {"step": self.progress.step, "seconds": round(seconds, 1), "train": losses, "held_out": self.figures}
        with (self.folder / "figures.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        logger.info("%s", _table_row(self.recipe.name, record))
        key = self.figures.get(self.recipe.key_figure, -float(self.progress.step))
        if key < self.progress.best:
            self.progress = replace(self.progress, best=key)
            self.recipe.export(module, self.folder, {"step": self.progress.step, "figures": self.figures})

    def save(self) -> None:
        if self.accelerator.is_main_process and self.saved_step != self.progress.step:
            state.save(self.folder, self.bare_model, self.average, self.optimizer, self.progress)
            self.saved_step = self.progress.step

    @contextmanager
    def saved_when_interrupted(self) -> Iterator[None]:
        """Ctrl-C loses no finished step."""
        try:
            yield
        except KeyboardInterrupt:
            self.save()
            logger.info(
                "%s: stopped at step %d; the same command goes on from there", self.recipe.name, self.progress.step
            )
            raise


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Vectors (biases, norms, gains) are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]


def _table_row(name: str, record: Mapping[str, Any]) -> str:
    cells = [f"{name} step {record['step']:>6}", f"{record['seconds']:>7.0f} s"]
    for part in ("train", "held_out"):
        cells += [f"{part} {key} {value:.4g}" for key, value in record[part].items()]
    return "  ".join(cells)
