"""Imitation in MuJoCo Warp: what all clips ask for next is simulated at once."""

from __future__ import annotations

from collections.abc import Sequence

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.engines._imitation import imitation
from infinitedance_cli.stages.imitate.engines._rollout import finish
from infinitedance_cli.stages.imitate.engines._warp_simulation import WarpSimulation
from infinitedance_cli.stages.imitate.tracking import Quality, Tracking

_CLIPS_ON_GPU, _CLIPS_ON_CPU = 1024, 8


class MujocoWarpEngine:
    """The engine `mujoco-warp`; see `infinitedance_cli.stages.imitate.tracking.BatchedEngine`.

    `device` is a device of Warp ("cpu", "cuda:0"); None takes the first GPU or, where there is none, the CPU.
    """

    name = "mujoco-warp"
    jobs = 1  # processes would take the GPU from one another

    def __init__(self, device: str | None = None) -> None:
        self._simulation = WarpSimulation(device)
        self.clips_at_once = _CLIPS_ON_GPU if self._simulation.on_gpu else _CLIPS_ON_CPU

    def track(self, body: SimulatedBody, reference: MotionClip, quality: Quality) -> Tracking:
        """Imitate a reference; see `PhysicsEngine.track`."""
        return self.track_many([(body, reference)], quality)[0]

    def track_many(self, clips: Sequence[tuple[SimulatedBody, MotionClip]], quality: Quality) -> list[Tracking]:
        """Imitate all references side by side; each comes out as it would alone, to single precision.

        Bodies may differ in bones, clips in length. Those of one frame rate whose bodies overlap at rest in the same
        parts share a batch.
        """
        return finish([imitation(body, reference, quality) for body, reference in clips], self._simulation.run)
