"""The training state on disk: everything that a killed run needs to go on at the next step. No pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

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
    """How far a run has come: optimiser `step`s done, the `best` held-out figure so far (lower is better), and the
    `windows` that were trained on, which is the place in the data."""

    step: int = 0
    best: float = float("inf")
    windows: int = 0


def collect(
    model: nn.Module, average: nn.Module | None, optimizer: torch.optim.Optimizer | None, *, keep: bool = True
) -> dict[str, Tensor]:
    """The whole state as tensors on the CPU, whether or not it is shared out over processes.

    Where it is, all processes have to call this, and those get it that `keep` it.
    """
    tensors = {f"model/{name}": value for name, value in full_state(model).items()}
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in full_state(average).items()}
    for index, values in ({} if optimizer is None else optimizer.state_dict()["state"]).items():
        tensors |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    collected = {}
    for name, tensor in tensors.items():
        value = whole(tensor)
        if keep:  # tied weights share memory, which safetensors refuses: every tensor gets its own copy
            collected[name] = value.detach().cpu().clone().contiguous()
    return collected


def whole(tensor: Tensor) -> Tensor:
    """A tensor put together from the shards of all processes."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def save(folder: Path, tensors: dict[str, Tensor], progress: Progress, scaler: LossScaler | None = None) -> None:
    """Write what `collect` gave, and the random generators, to `folder`/state.safetensors.

    The file is on the disk before it replaces the previous one, in a single rename: killed at any moment, this leaves
    one of the two. `scaler` is that of fp16 training. Raises StageFailed when it cannot be written.
    """
    tensors = {**tensors, "random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    metadata = {"progress": json.dumps(vars(progress))}
    if scaler is not None:
        metadata["scaler"] = json.dumps(scaler.state_dict())
    temporary = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        save_file(tensors, temporary, metadata)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, folder / FILE_NAME)
    except SafetensorError as error:
        raise StageFailed(f"{folder / FILE_NAME}: cannot be written ({error}); free space and go on") from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what a run that was killed while it saved left behind."""
    for path in folder.glob(f".{FILE_NAME}.*"):
        path.unlink(missing_ok=True)


def restore(folder: Path, model: nn.Module, average: nn.Module | None, scaler: LossScaler | None = None) -> Progress:
    """Load the state of `folder` into the given objects; a folder without one gives Progress() and changes nothing.

    The optimiser and the random generators are left alone: see `restore_optimizer` and `restore_random`.

    Raises:
        BadInput: the state belongs to another network or is damaged.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return Progress()
    with _reading(path), safe_open(path, "pt") as file:
        metadata = file.metadata()
        progress = Progress(**json.loads(metadata["progress"]))
        load_full_state(model, _part(file, "model"))
        if average is not None:
            load_full_state(average, _part(file, "average"))
        if scaler is not None and "scaler" in metadata:
            scaler.load_state_dict(json.loads(metadata["scaler"]))
    return progress


def restore_optimizer(folder: Path, optimizer: torch.optim.Optimizer) -> None:
    """Load the optimiser's moments, where `folder` has a state; they are shared out as its parameters are.

    Raises BadInput as `restore`.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    with _reading(path), safe_open(path, "pt") as file:
        description = optimizer.state_dict()
        description["state"] = {}
        for key in _names(file, "optimizer"):  # one after the other: whole, they are twice the network
            _, index, name = key.split("/", 2)
            value = _like(parameters[int(index)], file.get_tensor(key))
            description["state"].setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(description)


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """A moment of a parameter, in shards where the parameter is."""
    if isinstance(parameter, DTensor) and value.shape == parameter.shape:
        return distribute_tensor(value.to(parameter.device), parameter.device_mesh, parameter.placements)
    return value


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


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raises BadInput where the state in `path` does not fit or cannot be read."""
    try:
        yield
    except (SafetensorError, OSError, RuntimeError, LookupError, TypeError, ValueError, BadInput) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{path}: not the state of this run ({reason}); choose another folder or delete it") from error


def _part(file: Any, prefix: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file below a prefix, under the rest of their names."""
    return {name.removeprefix(prefix + "/"): file.get_tensor(name) for name in _names(file, prefix)}


def _names(file: Any, prefix: str) -> list[str]:
    """Names of the tensors below a prefix."""
    return [name for name in file.keys() if name.startswith(prefix + "/")]  # noqa: SIM118  (not a mapping)
