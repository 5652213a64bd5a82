"""Which device the networks run on."""

from __future__ import annotations

import logging

import torch

from infinitedance_cli.errors import MissingResource, UsageError

logger = logging.getLogger(__name__)


def pick_device(name: str) -> torch.device:
    """The device called `name`: auto (CUDA where there is one, else MPS, else the CPU), cpu, cuda, cuda:N or mps.

    Raises:
        UsageError: there is no device of that name.
        MissingResource: it is not available on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        logger.debug("device: %s", name)
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}; expected auto, cpu, cuda, cuda:N or mps") from error
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise MissingResource(f"device {name}: no such CUDA device here; use --device cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise MissingResource("device mps: not available here; use --device cpu")
    return device


def use_one_thread() -> None:
    """Let torch compute on one core: small networks are slower on two, and workers beside each other share the cores.

    However many workers there are, results come out the same, bit by bit.
    """
    torch.set_num_threads(1)
