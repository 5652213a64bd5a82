"""Imitation in MuJoCo on the CPU, one clip and one rollout after the other."""

from __future__ import annotations

from collections.abc import Sequence

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.imitate.body import SimulatedBody
from infinitedance_cli.stages.imitate.engines._imitation import imitation
from infinitedance_cli.stages.imitate.engines._rollout import Outcome, Rollout, finish
from infinitedance_cli.stages.imitate.engines._simulation import Simulation
from infinitedance_cli.stages.imitate.tracking import Quality, Tracking


class MujocoEngine:
    """The engine `mujoco`; see `infinitedance_cli.stages.imitate.tracking.PhysicsEngine`."""

    name = "mujoco"

    def track(self, body: SimulatedBody, reference: MotionClip, quality: Quality) -> Tracking:
        """Imitate a reference; see `PhysicsEngine.track`."""
        simulation: Simulation | None = None

        def simulate(rollouts: Sequence[Rollout]) -> list[Outcome]:
            nonlocal simulation
            if simulation is None:
                simulation = Simulation(rollouts[0].scene)
            return [simulation.run(rollout) for rollout in rollouts]

        (tracking,) = finish([imitation(body, reference, quality)], simulate)
        return tracking
