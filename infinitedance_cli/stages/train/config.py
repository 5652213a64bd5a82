"""What every recipe's training shares: length, optimiser, averaging, saving."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from infinitedance_cli.errors import ConfigError


@dataclass(frozen=True)
class LoopConfig:
    """Settings of the training loop.

    `batch_size` windows per optimiser step, split over `accumulate` passes and these over the processes of
    `accelerate launch`, prepared ahead by `loaders` processes for each of them; the learning rate warms up
    linearly for `warmup_steps` and falls along a cosine to `final_share` of its peak; weights are averaged with
    `ema_decay` (0 switches it off) and the average is what is evaluated and exported. Every `log_every` steps the
    losses are logged for --verbose, every `evaluate_every` held-out figures are measured and, where they are the best
    so far, weights exported; every `save_every` the state is written. `threads` 0 leaves torch's choice.
    """

    steps: int = 10_000
    batch_size: int = 64
    accumulate: int = 1
    learning_rate: float = 2e-4
    warmup_steps: int = 300
    final_share: float = 0.05
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.99
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    precision: Literal["no", "bf16", "fp16"] = "no"
    seed: int = 0
    log_every: int = 50
    evaluate_every: int = 500
    save_every: int = 250
    threads: int = 0
    loaders: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "log_every", "evaluate_every", "save_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"loop.{name} is {getattr(self, name)}; expected 1 or more")
        if self.batch_size % self.accumulate:
            raise ConfigError(
                f"loop.batch_size {self.batch_size} is not a multiple of loop.accumulate {self.accumulate}"
            )
        for name in ("threads", "loaders"):
            if getattr(self, name) < 0:
                raise ConfigError(f"loop.{name} is {getattr(self, name)}; expected 0 or more")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"loop.ema_decay is {self.ema_decay}; expected 0 up to, not including, 1")

    def check_processes(self, count: int) -> None:
        """Raise ConfigError unless each pass can be split evenly over `count` processes."""
        size = self.batch_size // self.accumulate
        if size % count:
            raise ConfigError(
                f"loop.batch_size {self.batch_size} over loop.accumulate {self.accumulate} is {size} windows, which "
                f"{count} processes cannot share evenly; choose a multiple of {count * self.accumulate}"
            )

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of optimiser step `step`, a pure function, so that a resumed run continues exactly."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return self.learning_rate * (self.final_share + (1 - self.final_share) * cosine)
