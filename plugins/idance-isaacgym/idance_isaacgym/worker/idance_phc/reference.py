"""The motion to imitate, as PHC's motion library gives it to a policy: world poses and smoothed velocities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from . import bodies, rotations
from .humanoid import Humanoid

FPS = 30.0
_SMOOTHING_FRAMES = 2.0
_GROUND_SMOOTHING_FRAMES = 5.0
_REACH = 4.0


@dataclass(frozen=True)
class BodyStates:
    """Poses of the 24 bodies in the world, of N bodies at once or of N frames.

    `position` (N, 24, 3) m, `rotation` (N, 24, 4), `velocity` (N, 24, 3) m/s, `angular_velocity` (N, 24, 3) rad/s.
    """

    position: Tensor
    rotation: Tensor
    velocity: Tensor
    angular_velocity: Tensor

    def at(self, index: slice) -> BodyStates:
        """Some of them."""
        return BodyStates(
            self.position[index], self.rotation[index], self.velocity[index], self.angular_velocity[index]
        )

    def to(self, device: str) -> BodyStates:
        """The same in float32 on a device."""
        fields = (self.position, self.rotation, self.velocity, self.angular_velocity)
        return BodyStates(*(field.to(device=device, dtype=torch.float32) for field in fields))


@dataclass(frozen=True)
class Reference:
    """A clip as PHC's humanoid would dance it: `states` of its T frames.

    `scale` is the humanoid's size over the clip's, `lift` (T,) metres by which it stands higher than the scaled clip,
    because its legs have other proportions.
    """

    states: BodyStates
    scale: float
    lift: Tensor


def from_clip(
    humanoid: Humanoid, offsets: Tensor, root_position: Tensor, joint_rotation: Tensor, clearance: Tensor
) -> Reference:
    """The reference for a clip at 30 fps, y up.

    `offsets` (22, 3) of the clip's skeleton, `root_position` (T, 3), `joint_rotation` (T, 22, 4) as (w, x, y, z), and
    `clearance` (T,) metres of its lowest point over the floor.
    """
    scale = humanoid.leg_length / clip_leg_length(offsets)
    local = bodies.from_clip_rotation(joint_rotation)
    root = bodies.to_z_up(root_position) * scale
    position, rotation = bodies.forward_kinematics(humanoid.offsets, root, local)
    lift = smoothed(clearance * scale - humanoid.lowest(position, rotation), _GROUND_SMOOTHING_FRAMES)
    position = position + lift[:, None, None] * torch.tensor([0.0, 0.0, 1.0], dtype=lift.dtype)
    return Reference(states_of(position, rotation), scale, lift)


def to_clip(reference: Reference, root_position: Tensor, world_rotation: Tensor) -> tuple[Tensor, Tensor]:
    """What the humanoid did, (T, 3) and (T, 24, 4), as the clip's root (T, 3), y up, and joints (T, 22, 4)."""
    root = root_position.clone()
    root[:, 2] -= reference.lift
    return bodies.to_y_up(root) / reference.scale, bodies.to_clip_rotation(bodies.local_rotations(world_rotation))


def clip_leg_length(offsets: Tensor) -> float:
    """Metres of thigh and shank of a clip's skeleton (22, 3), the mean of both sides."""
    return float(offsets[[4, 5, 7, 8]].norm(dim=-1).sum()) / 2


def states_of(position: Tensor, rotation: Tensor) -> BodyStates:
    """Poses of T frames with their velocities: differences at 30 fps, smoothed over two frames as PHC does."""
    velocity = smoothed(torch.gradient(position, dim=0)[0] * FPS, _SMOOTHING_FRAMES)
    turns = rotations.multiply(rotation[1:], rotations.conjugate(rotation[:-1]))
    spin = rotations.to_exponential(rotations.normalize(turns)) * FPS
    spin = torch.cat((spin, torch.zeros_like(spin[:1])))  # PHC holds the last pose
    return BodyStates(position, rotation, velocity, smoothed(spin, _SMOOTHING_FRAMES))


def smoothed(values: Tensor, sigma: float) -> Tensor:
    """Values (T, ...) after a Gaussian over time of `sigma` frames; the ends are held."""
    radius = int(_REACH * sigma + 0.5)
    distance = torch.arange(-radius, radius + 1, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (distance / sigma) ** 2)
    kernel = kernel / kernel.sum()
    frames = len(values)
    steps = torch.arange(frames)[:, None] + torch.arange(-radius, radius + 1)[None]
    windows = values[steps.clamp(0, frames - 1)]
    return torch.einsum("tk...,k->t...", windows, kernel)
