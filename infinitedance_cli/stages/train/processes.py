"""Several processes that train one network: what they agree on, and what happens when one of them ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import Tensor
from torch.distributed.fsdp import MixedPrecisionPolicy

from infinitedance_cli.errors import ConfigError, UsageError

_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
_LOST = ("gloo", "NCCL", "nccl", "closed by peer", "reset by peer", "TCPStore")
"""What the errors of torch.distributed are told by; most of them are plain RuntimeErrors."""


def start_accelerator(precision: str) -> Accelerator:
    """Accelerate's view of the processes and devices; raises ConfigError for what they cannot do."""
    AcceleratorState._reset_state()  # a process may train several networks, each in its own precision
    try:
        accelerator = Accelerator(mixed_precision=precision)
    except ValueError as error:
        raise ConfigError(f"loop.precision is {precision}: {error}; choose no or bf16") from error
    if precision == "fp16" and accelerator.device.type == "cpu":
        raise ConfigError("loop.precision is fp16, which needs a GPU; choose no or bf16")
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true" and accelerator.num_processes > 1:
        _shard(accelerator, precision)
    return accelerator


def _shard(accelerator: Accelerator, precision: str) -> None:
    """Have the network's weights, gradients and moments shared out over the processes (FSDP2).

    Accelerate does so on GPUs only; its code works on CPUs once it is told to. Gradients are summed in full precision,
    and results are left as they are: Accelerate's own policy would round the loss to half precision.
    """
    plugin = getattr(accelerator.state, "fsdp_plugin", None) or FullyShardedDataParallelPlugin()
    if plugin.fsdp_version != 2:
        raise ConfigError(f"the accelerate configuration has fsdp_version {plugin.fsdp_version}; expected 2")
    if precision in _PRECISIONS:
        plugin.mixed_precision_policy = MixedPrecisionPolicy(_PRECISIONS[precision], torch.float32)
    accelerator.state.distributed_type, accelerator.state.fsdp_plugin = DistributedType.FSDP, plugin


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether no process holds the whole network."""
    return bool(accelerator.distributed_type == DistributedType.FSDP)


def check_same_step(accelerator: Accelerator, step: int, folder: object) -> None:
    """Raise UsageError where processes found different states: the folder has to be the same for all of them."""
    if accelerator.num_processes == 1:
        return
    steps = accelerator.gather(torch.tensor([step], device=accelerator.device)).tolist()
    if len(set(steps)) > 1:
        raise UsageError(
            f"{folder}: the processes found states of different steps there ({', '.join(map(str, steps))}); expected "
            "one folder that all nodes share"
        )


def draw_own_numbers(accelerator: Accelerator, seed: int, step: int, index: int) -> None:
    """Give a process beside the first one its own random numbers for a pass.

    Those of the first run on as on a single process, and are saved; the others' follow from where they are, so that
    any number of processes can go on.
    """
    if accelerator.process_index:
        state = np.random.SeedSequence((seed, 5, step, index, accelerator.process_index)).generate_state(1)
        torch.manual_seed(int(state[0]))


@dataclass(frozen=True)
class Agreed:
    """What all processes know of a pass: the `means` of its results, the factor `share` by which this process's loss
    counts, and the `signal` that one of them was sent (0 for none)."""

    means: Mapping[str, float]
    share: float
    signal: int


def agree(accelerator: Accelerator, results: Mapping[str, Tensor], weight: float, signal: int) -> Agreed:
    """Exchange the results of a pass, of which each process's count as much as its `weight`.

    The mean of all processes' gradients, each times its `share`, is the gradient of one process with all windows.
    """
    if accelerator.num_processes == 1:
        return Agreed({name: float(value.detach()) for name, value in results.items()}, 1.0, signal)
    values = [value.detach().double().reshape(()) for value in results.values()]
    own = torch.stack(
        [torch.tensor(value, dtype=torch.float64, device=accelerator.device) for value in (weight, signal)]
    )
    rows = accelerator.gather(torch.cat([own, torch.stack(values)])[None]).cpu()
    weights = rows[:, 0] / rows[:, 0].sum()
    means = (weights[:, None] * rows[:, 2:]).sum(0).tolist()
    share = float(weights[accelerator.process_index]) * accelerator.num_processes
    return Agreed(dict(zip(results, means, strict=True)), share, int(rows[:, 1].max()))


def is_lost_process(error: RuntimeError) -> bool:
    """Whether an error tells that another process of the training has ended."""
    return isinstance(error, torch.distributed.DistError) or any(word in str(error) for word in _LOST)
