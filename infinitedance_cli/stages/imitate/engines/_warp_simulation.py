"""Rollouts in MuJoCo Warp, as many at once as are asked for."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import warp as wp

from infinitedance_cli.stages.imitate.engines._rollout import Outcome, Rollout
from infinitedance_cli.stages.imitate.engines._warp_batch import Batch, Overflow

logger = logging.getLogger(__name__)

_MOST_WORLDS = {"cpu": 64, "cuda": 8192}
_CONTACTS, _MOST_CONTACTS = 48, 768


class Group(NamedTuple):
    """What rollouts of one batch have in common: `timestep`, steps a frame, and which parts do not collide."""

    timestep: float
    substeps: int
    excluded: bytes


class WarpSimulation:
    """Simulates lists of rollouts; worlds of a batch differ in body, reference and help."""

    def __init__(self, device: str | None = None) -> None:
        self._device = wp.get_device(device or ("cuda:0" if wp.is_cuda_available() else "cpu"))
        self._batches: dict[tuple[Group, int], Batch] = {}
        self._contacts = _CONTACTS

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU simulates."""
        return bool(self._device.is_cuda)

    def run(self, rollouts: Sequence[Rollout]) -> list[Outcome]:
        """Simulate all of them; outcomes in their order."""
        groups: dict[Group, list[int]] = defaultdict(list)
        for index, rollout in enumerate(rollouts):
            groups[_group(rollout)].append(index)
        outcomes: dict[int, Outcome] = {}
        most = _MOST_WORLDS["cuda" if self.on_gpu else "cpu"]
        with wp.ScopedDevice(self._device):
            for group, indices in groups.items():
                for first in range(0, len(indices), most):
                    part = indices[first : first + most]
                    found = self._simulated(group, [rollouts[index] for index in part])
                    outcomes.update(zip(part, found, strict=True))
        return [outcomes[index] for index in range(len(rollouts))]

    def _simulated(self, group: Group, rollouts: list[Rollout]) -> list[Outcome]:
        """Simulate in one batch, with room for more contacts where there was too little."""
        worlds = 1 << (len(rollouts) - 1).bit_length()
        while True:
            batch = self._batches.get((group, worlds))
            if batch is None:
                batch = Batch(rollouts[0].scene, worlds, group.substeps, self._contacts)
                self._batches[group, worlds] = batch
            try:
                return batch.run(rollouts)
            except Overflow:
                if self._contacts >= _MOST_CONTACTS:
                    raise
                self._contacts *= 2
                self._batches.clear()
                logger.debug("room for %d contacts in each world", self._contacts)


def _group(rollout: Rollout) -> Group:
    model = rollout.scene.model
    frames = len(rollout.joints) - 1
    return Group(
        float(model.opt.timestep), (len(rollout.states.position) - 1) // frames, model.exclude_signature.tobytes()
    )
