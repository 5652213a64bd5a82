"""What a policy sees: the humanoid itself (358 numbers) and the reference one step ahead (v6: 576, v7: 216)."""

from __future__ import annotations

import torch
from torch import Tensor

from . import rotations
from .reference import BodyStates


def observe(state: BodyStates, reference: BodyStates, version: int) -> Tensor:
    """The observation (N, 358 + task) of N humanoids with the reference that they should reach next."""
    task = task_v6(state, reference) if version == 6 else task_v7(state, reference)
    return torch.cat((observe_self(state), task), dim=-1)


def observe_self(state: BodyStates) -> Tensor:
    """(N, 358), seen from the root's heading: height of the root 1, positions from the root of the 23 others 69,
    rotations as two axes 144, velocities 72, angular velocities 72."""
    turn = _inverse_heading(state)
    root = state.position[:, :1]
    positions = rotations.rotate(turn, state.position[:, 1:] - root)
    axes = rotations.tangent_and_normal(rotations.multiply(turn, state.rotation))
    velocity, spin = (rotations.rotate(turn, each) for each in (state.velocity, state.angular_velocity))
    return _flat(root[:, :, 2:], positions, axes, velocity, spin)


def task_v6(state: BodyStates, reference: BodyStates) -> Tensor:
    """(N, 576): differences of positions 72, rotations 144, velocities 72, angular velocities 72, then the reference's
    positions from the root 72 and rotations 144."""
    turn = _inverse_heading(state)
    turned = rotations.multiply(reference.rotation, rotations.conjugate(state.rotation))
    turned = rotations.multiply(rotations.multiply(turn, turned), rotations.conjugate(turn))
    ahead = rotations.multiply(turn, reference.rotation)
    return _flat(
        rotations.rotate(turn, reference.position - state.position),
        rotations.tangent_and_normal(turned),
        rotations.rotate(turn, reference.velocity - state.velocity),
        rotations.rotate(turn, reference.angular_velocity - state.angular_velocity),
        rotations.rotate(turn, reference.position - state.position[:, :1]),
        rotations.tangent_and_normal(ahead),
    )


def task_v7(state: BodyStates, reference: BodyStates) -> Tensor:
    """(N, 216): differences of positions 72 and velocities 72, then the reference's positions from the root 72."""
    turn = _inverse_heading(state)
    return _flat(
        rotations.rotate(turn, reference.position - state.position),
        rotations.rotate(turn, reference.velocity - state.velocity),
        rotations.rotate(turn, reference.position - state.position[:, :1]),
    )


def _inverse_heading(state: BodyStates) -> Tensor:
    return rotations.conjugate(rotations.heading(state.rotation[:, :1]))


def _flat(*blocks: Tensor) -> Tensor:
    return torch.cat([block.flatten(1) for block in blocks], dim=-1)
