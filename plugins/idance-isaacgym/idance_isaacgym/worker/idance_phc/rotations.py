"""Quaternions (x, y, z, w) as torch tensors of any leading shape."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-9


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Product (..., 4): the rotation `right` followed by `left`."""
    left, right = torch.broadcast_tensors(left, right)
    vector = (
        left[..., 3:] * right[..., :3]
        + right[..., 3:] * left[..., :3]
        + torch.cross(left[..., :3], right[..., :3], dim=-1)
    )
    scalar = left[..., 3:] * right[..., 3:] - (left[..., :3] * right[..., :3]).sum(-1, keepdim=True)
    return torch.cat((vector, scalar), dim=-1)


def conjugate(quaternions: Tensor) -> Tensor:
    """Inverse of unit quaternions (..., 4)."""
    return torch.cat((-quaternions[..., :3], quaternions[..., 3:]), dim=-1)


def rotate(quaternions: Tensor, vectors: Tensor) -> Tensor:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    axis, vectors = torch.broadcast_tensors(quaternions[..., :3], vectors)
    twice = 2.0 * torch.cross(axis, vectors, dim=-1)
    return vectors + quaternions[..., 3:] * twice + torch.cross(axis, twice, dim=-1)


def normalize(quaternions: Tensor) -> Tensor:
    """Quaternions (..., 4) of unit length."""
    return quaternions / quaternions.norm(dim=-1, keepdim=True).clamp_min(_TINY)


def to_exponential(quaternions: Tensor) -> Tensor:
    """The exponential map (..., 3): axis times angle in radians, the angle at most pi."""
    quaternions = torch.where(quaternions[..., 3:] < 0, -quaternions, quaternions)
    length = quaternions[..., :3].norm(dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(length, quaternions[..., 3:])
    return quaternions[..., :3] * torch.where(
        length > _TINY, angle / length.clamp_min(_TINY), torch.full_like(angle, 2)
    )


def from_exponential(vectors: Tensor) -> Tensor:
    """Unit quaternions (..., 4) of exponential maps (..., 3)."""
    angle = vectors.norm(dim=-1, keepdim=True)
    factor = torch.where(angle > _TINY, torch.sin(angle / 2) / angle.clamp_min(_TINY), torch.full_like(angle, 0.5))
    return torch.cat((vectors * factor, torch.cos(angle / 2)), dim=-1)


def tangent_and_normal(quaternions: Tensor) -> Tensor:
    """Where a rotation (..., 4) takes the x axis and the z axis: (..., 6)."""
    axes = torch.eye(3, dtype=quaternions.dtype, device=quaternions.device)
    return torch.cat((rotate(quaternions, axes[0]), rotate(quaternions, axes[2])), dim=-1)


def heading(quaternions: Tensor) -> Tensor:
    """The rotation (..., 4) about z that turns the x axis where a rotation (..., 4) points it, seen from above."""
    forward = rotate(quaternions, torch.eye(3, dtype=quaternions.dtype, device=quaternions.device)[0])
    half = torch.atan2(forward[..., 1], forward[..., 0]) / 2
    still = torch.zeros_like(half)
    return torch.stack((still, still, torch.sin(half), torch.cos(half)), dim=-1)
