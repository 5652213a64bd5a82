"""Workers that are actors of a Ray cluster: one that is named, or one on this machine for as long as the command."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, TextIO

from infinitedance_cli import log
from infinitedance_cli.engine.inputs import Input
from infinitedance_cli.engine.placement import Placement, usable_cores
from infinitedance_cli.engine.schedule import Answered, Event, Lost, Ready, Unfit
from infinitedance_cli.engine.task import Answerer, Task, UnfitError
from infinitedance_cli.errors import IdanceError, MissingResource
from infinitedance_cli.plugins import missing_library

logger = logging.getLogger(__name__)

_PATIENCE_S = 10.0


class _DataOnly(io.TextIOBase):
    """Standard output while Ray runs: bytes of clips pass, what Ray prints there goes to the log."""

    def __init__(self, stdout: TextIO) -> None:
        self.buffer = stdout.buffer

    def write(self, text: str) -> int:
        """Log a text."""
        if text.strip():
            logger.debug("ray: %s", " ".join(text.split()))
        return len(text)


class Actor:
    """What runs in a worker. Ray makes it from this class, which therefore has to be installed on every node."""

    def load(self, task: Task, keyed: bool, level: log.Verbosity) -> int | IdanceError | UnfitError:
        """Load the stage; how many inputs it likes at once, or what is wrong."""
        self._said = log.collect(level)
        try:
            self._answerer = Answerer(task, keyed=keyed)
        except (IdanceError, UnfitError) as error:
            return error
        return self._answerer.at_once

    def answers(self, inputs: Sequence[Input]) -> list[Any] | IdanceError | UnfitError:
        """Answers to a batch, or what is wrong beyond one input."""
        self._said.clear()
        try:
            answers = self._answerer.answers(inputs)
        except (IdanceError, UnfitError) as error:
            return error
        answers[0].said = list(self._said)
        return answers


class RayWorkers:
    """One actor a worker, spread over the nodes; each takes a core and the GPUs of the placement, and sees no others.

    Raises MissingResource when Ray is not installed, the cluster cannot be reached, or has no such GPU.
    """

    def __init__(self, task: Task, placement: Placement, *, keyed: bool) -> None:
        self._task, self._keyed = task, keyed
        self._stdout = sys.stdout
        sys.stdout = _DataOnly(self._stdout)
        self._actors: dict[int, Any] = {}
        try:
            self._ray = _connect(placement)
            resources = self._ray.cluster_resources()
            _check_gpus(placement, resources.get("GPU", 0.0))
        except BaseException:
            self.close()
            raise
        fitting = resources.get("GPU", 0.0) / placement.gpus if placement.gpus else resources.get("CPU", 1.0)
        self.count = placement.jobs or max(1, int(fitting))
        self._actor = self._ray.remote(Actor).options(
            num_cpus=1, num_gpus=placement.gpus, max_restarts=0, scheduling_strategy="SPREAD"
        )
        self._pending: dict[int, deque[Any]] = {}
        self._started = 0

    def start(self) -> int:
        """Ask Ray for one more."""
        number = self._started
        self._started += 1
        self._actors[number] = self._actor.remote()
        self._pending[number] = deque([self._actors[number].load.remote(self._task, self._keyed, log.verbosity())])
        return number

    def send(self, worker: int, inputs: Sequence[Input]) -> None:
        """Give a worker its next batch."""
        self._pending[worker].append(self._actors[worker].answers.remote(inputs))

    def wait(self) -> list[tuple[int, Event]]:
        """What happened next."""
        # The oldest of each worker only: Ray may tell of a later answer first.
        oldest = {waiting[0]: number for number, waiting in self._pending.items() if waiting}
        done, _ = self._ray.wait(list(oldest), num_returns=1)
        number = oldest[done[0]]
        event = self._event(self._pending[number].popleft())
        if not isinstance(event, Ready | Answered):
            self._ray.kill(self._actors.pop(number))
            del self._pending[number]
        return [(number, event)]

    def close(self) -> None:
        """End all, and the cluster if it is ours; one that is not stays."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        if hasattr(self, "_ray"):
            self._ray.shutdown()
        sys.stdout = self._stdout

    def _event(self, reference: Any) -> Event:
        errors = self._ray.exceptions
        try:
            found = self._ray.get(reference)
        except (
            errors.RayActorError,
            errors.ObjectLostError,
            errors.OutOfMemoryError,
            errors.WorkerCrashedError,
        ) as lost:
            if isinstance(lost, errors.ActorDiedError) and _is_missing_here(lost):
                return Unfit(UnfitError(MissingResource(f"idance is not installed there ({_short(lost)})"), "a node"))
            return Lost(_short(lost))
        except errors.OutOfDiskError as full:
            return Unfit(
                UnfitError(MissingResource(f"the disk of Ray's object store is full ({_short(full)})"), "a node")
            )
        except errors.RayTaskError as failed:
            raise failed.as_instanceof_cause() from None
        if isinstance(found, UnfitError):
            return Unfit(found)
        if isinstance(found, IdanceError):
            raise found
        return Ready(found) if isinstance(found, int) else Answered(found)


def _connect(placement: Placement) -> Any:
    """Ray, connected. It sends no figures of use anywhere, and says nothing that is not an error."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise missing_library("ray", "--run-on ray") from error
    address = placement.address or os.environ.get("RAY_ADDRESS", "") or "local"
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        cores = max(usable_cores(), placement.jobs or 0)
        options |= {"include_dashboard": False, "num_cpus": cores}
    try:
        _knock(address)
        ray.init(address=address, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise MissingResource(
            f"--address {address}: no Ray cluster answers there ({_short(error)}); start one by ray start --head "
            "or leave --address out; where it asks for a token, set RAY_AUTH_MODE and RAY_AUTH_TOKEN"
        ) from error
    return ray


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S):
            pass


def _check_gpus(placement: Placement, found: float) -> None:
    if not placement.gpus or placement.gpus <= found:
        return
    if placement.address:
        logger.warning("the cluster has %g GPUs now; workers with %g each wait until it grows", found, placement.gpus)
        return
    raise MissingResource(
        f"--num-gpus-per-worker {placement.gpus:g}: Ray sees {found:g} GPUs here; leave it out, or give --address"
    )


def _is_missing_here(error: Exception) -> bool:
    return "ModuleNotFoundError" in str(error)


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
