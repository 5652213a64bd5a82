"""From actions to the targets of the joints' servos."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .bodies import BODY_NAMES, DEGREES_OF_FREEDOM

_KNEE_SCALE = 5.0


def target_scale() -> Tensor:
    """Radians (69,) for an action of one: pi, but 5 for the bending of both knees."""
    scale = torch.full((DEGREES_OF_FREEDOM,), math.pi)
    for knee in ("L_Knee", "R_Knee"):
        scale[first_degree(knee) + 1] = _KNEE_SCALE
    return scale


def first_degree(body: str) -> int:
    """Index of the first of a body's three degrees of freedom."""
    return 3 * (BODY_NAMES.index(body) - 1)


def joint_targets(actions: Tensor, *, freeze_hands: bool, freeze_toes: bool) -> Tensor:
    """Targets (N, 69) for actions (N, 69): exponential maps of the joints; those that are frozen aim at rest."""
    targets = actions * target_scale().to(actions)
    frozen = (("L_Hand", "R_Hand") if freeze_hands else ()) + (("L_Toe", "R_Toe") if freeze_toes else ())
    for body in frozen:
        targets[:, first_degree(body) : first_degree(body) + 3] = 0
    return targets
