"""The training state on disk: everything that a killed run needs to go on at the next step. No pickle."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput, StageFailed
from infinitedance_cli.models.checkpoint import full_state, load_full_state

FILE_NAME = "state.safetensors"


class LossScaler(Protocol):
    """`torch.amp.GradScaler`, as far as its state goes."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers only."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` gave."""
        ...


@dataclass(frozen=True)
class Progress:
    """How far a run has come: optimiser `step`s done, and the `best` held-out figure so far (lower is better)."""

    step: int = 0
    best: float = float("inf")


def save(
    folder: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    scaler: LossScaler | None = None,
) -> None:
    """Write the state to `folder`/state.safetensors, replacing the previous one in a single rename.

    `scaler` is that of fp16 training. Raises StageFailed when it cannot be written.
    """
    tensors = {f"model/{name}": value for name, value in full_state(model).items()}
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in full_state(average).items()}
    for index, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    metadata = {"progress": json.dumps({"step": progress.step, "best": progress.best})}
    if scaler is not None:
        metadata["scaler"] = json.dumps(scaler.state_dict())
    temporary = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        # Tied weights share memory, which safetensors refuses: every tensor gets its own copy.
        save_file(
            {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}, temporary, metadata
        )
        os.replace(temporary, folder / FILE_NAME)
    except SafetensorError as error:
        raise StageFailed(f"{folder / FILE_NAME}: cannot be written ({error}); free space and go on") from error
    finally:
        temporary.unlink(missing_ok=True)


def restore(
    folder: Path,
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    scaler: LossScaler | None = None,
) -> Progress:
    """Load the state of `folder` into the given objects; a folder without one gives Progress() and changes nothing.

    The random generators are left alone: see `restore_random`.

    Raises:
        BadInput: the state belongs to another network or is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return Progress()
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            progress = Progress(**json.loads(metadata["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
        load_full_state(model, _part(tensors, "model"))
        if average is not None:
            load_full_state(average, _part(tensors, "average"))
        _restore_optimizer(optimizer, _part(tensors, "optimizer"))
        if scaler is not None and "scaler" in metadata:
            scaler.load_state_dict(json.loads(metadata["scaler"]))
    except (SafetensorError, OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise _not_ours(path, error) from error
    except BadInput as error:
        raise _not_ours(path, error) from error
    return progress


def restore_random(folder: Path) -> None:
    """Set torch's random generators as they were when the state of `folder` was saved, if there is one.

    To be called right before the first step, after everything that draws random numbers on the way there.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return
    with safe_open(path, "pt") as file:
        torch.set_rng_state(file.get_tensor("random/cpu"))
        if "random/cuda" in file.keys() and torch.cuda.is_available():  # noqa: SIM118
            torch.cuda.set_rng_state(file.get_tensor("random/cuda"))


def _not_ours(path: Path, error: Exception) -> BadInput:
    reason = str(error).splitlines()[0]
    return BadInput(f"{path}: not the state of this run ({reason}); choose another folder or delete it")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix + "/"): value for name, value in tensors.items() if name.startswith(prefix + "/")}


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    description = optimizer.state_dict()
    description["state"] = {}
    for key, value in tensors.items():
        index, name = key.split("/", 1)
        description["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(description)
