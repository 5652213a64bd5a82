"""One clip danced by a policy, step by step, in any simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from . import bodies, control, rotations
from .networks import Policy
from .observations import observe
from .policies import PolicySpec
from .reference import FPS, BodyStates, Reference

STEPS_PER_SECOND = 60.0
SUBSTEPS = 2
CONTROL_STEPS = 2
"""The simulator takes two steps of 1/60 s, of two substeps each, for every action."""

FALL_M = 0.5
"""A body whose parts are further than this from the reference, on average, has fallen: PHC's rule in evaluation."""
STRICT_FALL_M = 0.25
"""PHC's rule in training: any part further than this."""


class Simulator(Protocol):
    """A floor at z = 0 and one humanoid with servos, on `device`; all tensors have a leading dimension of one."""

    device: str

    def place(self, state: BodyStates, joints: Tensor, joint_velocity: Tensor) -> None:
        """Put the humanoid into a state; `joints` (1, 69) exponential maps, `joint_velocity` (1, 69) rad/s."""
        ...

    def step(self, targets: Tensor) -> StepForces:
        """Hold the servos' targets (1, 69) for one action, 1/30 s."""
        ...

    def state(self) -> BodyStates:
        """The bodies as they are now."""
        ...


@dataclass(frozen=True)
class StepForces:
    """Means over one action: `contact` (24, 3) newtons on each body by what it touches, `power` watts of the joints."""

    contact: Tensor
    power: float


@dataclass(frozen=True)
class Episode:
    """What a humanoid did: `position` (T, 3) of its root, `rotation` (T, 24, 4) of its bodies in the world.

    `contact` (T, 24, 3) newtons, `power` (T,) watts; `falls` are frames at which it was put back on the reference.
    """

    position: Tensor
    rotation: Tensor
    contact: Tensor
    power: Tensor
    falls: tuple[int, ...]


def dance(
    simulator: Simulator, policy: Policy, spec: PolicySpec, reference: Reference, *, strict: bool = False
) -> Episode:
    """Let a policy imitate a reference of T frames from its first to its last."""
    states = reference.states.to(simulator.device)
    joints, joint_velocity = joint_states(states)
    frames = len(states.position)

    def place(frame: int) -> BodyStates:
        here = slice(frame, frame + 1)
        simulator.place(states.at(here), joints[here], joint_velocity[here])
        return states.at(here)

    state, falls = place(0), []
    done, forces = [state], []
    for frame in range(1, frames):
        wanted = states.at(slice(frame, frame + 1))
        actions = policy(observe(state, wanted, spec.observation))
        targets = control.joint_targets(actions, freeze_hands=spec.freeze_hands, freeze_toes=spec.freeze_toes)
        forces.append(simulator.step(targets))
        state = simulator.state()
        if has_fallen(state, wanted, strict=strict):
            falls.append(frame)
            state = place(frame)
        done.append(state)
    contact = torch.stack([force.contact.cpu() for force in forces])
    power = torch.tensor([force.power for force in forces])
    return Episode(
        torch.cat([each.position[:, 0].cpu() for each in done]),
        torch.cat([each.rotation.cpu() for each in done]),
        torch.cat((contact[:1], contact)),  # no step leads to the first frame; it takes the second's
        torch.cat((power[:1], power)),
        tuple(falls),
    )


def has_fallen(state: BodyStates, wanted: BodyStates, *, strict: bool) -> bool:
    """Whether the humanoid has lost the reference, or left all numbers behind."""
    distance = (state.position - wanted.position)[:, bodies.RESET_BODIES].norm(dim=-1)
    lost = distance.max() > STRICT_FALL_M if strict else distance.mean() > FALL_M
    return bool(lost) or not bool(torch.isfinite(state.position).all() and torch.isfinite(state.rotation).all())


def joint_states(states: BodyStates) -> tuple[Tensor, Tensor]:
    """Exponential maps (T, 69) of the joints of T frames and their velocities (T, 69) in rad/s."""
    local = bodies.local_rotations(states.rotation)[:, 1:]
    turns = rotations.multiply(rotations.conjugate(local[:-1]), local[1:])
    velocity = rotations.to_exponential(rotations.normalize(turns)) * FPS
    velocity = torch.cat((velocity, velocity[-1:]))
    return rotations.to_exponential(local).flatten(1), velocity.flatten(1)
