"""Where a stage runs over many inputs."""

from __future__ import annotations

import os
from dataclasses import dataclass

from infinitedance_cli.errors import UsageError

LOCAL, RAY = "local", "ray"
WHERE = (LOCAL, RAY)


@dataclass(frozen=True)
class Placement:
    """`jobs` workers (None: the stage's own number here, as many as fit on a cluster), on this machine or on `ray`.

    `address` of a Ray cluster ("": what RAY_ADDRESS says, else one is started here and ended with the command); every
    worker on Ray gets `gpus` GPUs, of which it sees no others.
    """

    where: str = LOCAL
    jobs: int | None = None
    address: str = ""
    gpus: float = 0.0

    @property
    def on_ray(self) -> bool:
        """Whether workers run on Ray."""
        return self.where == RAY

    @property
    def alone(self) -> bool:
        """Whether this process does all of the work itself, one input after the other."""
        return not self.on_ray and (self.jobs or 1) == 1


def placement(where: str | None, jobs: int | None, address: str | None, gpus: float | None) -> Placement:
    """The placement that the options `--run-on`, `--jobs`, `--address` and `--num-gpus-per-worker` name.

    Raises UsageError on an unknown word, and where an option of Ray is given without it.
    """
    chosen = (where or LOCAL).lower()
    if chosen not in WHERE:
        raise UsageError(f"--run-on {where}: expected {' or '.join(WHERE)}")
    if chosen != RAY and (address is not None or gpus is not None):
        given = "--address" if address is not None else "--num-gpus-per-worker"
        raise UsageError(f"{given} is for work on a cluster; give --run-on ray as well")
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise UsageError(f"--num-gpus-per-worker {gpus:g}: expected a share of one GPU, or whole ones")
    return Placement(chosen, jobs, address or "", gpus or 0.0)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
