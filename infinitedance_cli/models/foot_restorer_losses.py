"""What the foot restorer is trained by: the losses of Algorithm 1 of the paper's supplement.

Reconstruction, root, feet by the contact mask, velocity against position by cumulative sums, rotation against position
by forward kinematics beyond ε; and, as EDGE has it, the contacts themselves. The sum of the root's steps is held to
where the body came in, as at use; so training minds what is left of the path after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.models.foot_restorer import FootRestorer, Restored
from infinitedance_cli.models.foot_restorer_features import MOVING_JOINTS, PARTS, POSITION_COLUMNS
from infinitedance_cli.models.foot_restorer_sampling_config import ANCHOR
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton


@dataclass(frozen=True)
class FootRestorerWeights:
    """Weights of the losses; lengths are in metres, `epsilon` in deviations of the position columns."""

    recon: float = 1.0
    root: float = 20.0
    foot: float = 60.0
    path: float = 20.0
    pose: float = 20.0
    speed: float = 30.0
    shake: float = 40.0
    agreement: float = 0.5
    contact: float = 0.2
    damaged: float = 0.2
    doubt: float = 0.02
    epsilon: float = 0.1

    def weighted(self, terms: dict[str, Tensor]) -> Tensor:
        """The sum of all terms by their weights."""
        return sum((getattr(self, name) * value for name, value in terms.items()), torch.zeros(()))


@dataclass(frozen=True)
class Target:
    """The clean windows: z-scored `features` (B, T, 259), `pelvis` (B, T, 3, 3) in the heading frame, frame `angles`
    (B, T), `contact` (B, T, 4) and `damaged` (B, 2), both 0 or 1; `shift` (B, T, 2) metres over the floor (x, z) from
    where the root was observed to where it should be."""

    features: Tensor
    pelvis: Tensor
    angles: Tensor
    contact: Tensor
    damaged: Tensor
    shift: Tensor


def restoration_terms(model: FootRestorer, restored: Restored, target: Target, epsilon: float) -> dict[str, Tensor]:
    """Each loss of `FootRestorerWeights` by its name, as a scalar."""
    wanted = target.features[..., model.owned]
    raw, truth = model.owned_raw(restored.owned), model.owned_raw(wanted)
    error = raw - truth
    legs = leg_positions(raw[..., PARTS["rotation"]], target.pelvis)
    true_legs = truth[..., PARTS["position"]].unflatten(-1, (6, 3))
    # Contacts are of ankles and feet by side; the legs' order is by joint: knees, ankles, feet, left before right.
    planted = target.contact[..., [0, 2, 1, 3]]
    held = (planted[:, 1:] * planted[:, :-1])[..., None]
    moves, true_moves = world_steps(raw, legs), world_steps(truth, true_legs)
    slide = moves[..., 2:, :]
    deviation = model.deviation[list(POSITION_COLUMNS)].unflatten(0, (6, 3))
    apart = (raw[..., PARTS["position"]].unflatten(-1, (6, 3)) - legs).abs() / deviation
    return {
        "recon": (restored.owned - wanted).abs().mean(),
        "root": error[..., PARTS["root"]].abs().mean() + error[..., PARTS["step"]].abs().mean(),
        "foot": (slide * held).norm(dim=-1).sum() / held.sum().clamp(min=1),
        "path": path_error(error, target.angles, target.shift).abs().mean() + climb_error(raw).abs().mean(),
        "pose": (legs - true_legs).abs().mean(),
        "speed": (moves - true_moves).abs().mean(),
        "shake": _third(moves - true_moves) + _third(error[..., PARTS["step"]]),
        "agreement": functional.relu(apart - epsilon).mean(),
        "contact": functional.binary_cross_entropy_with_logits(restored.contact, target.contact),
        "damaged": functional.binary_cross_entropy_with_logits(
            restored.damaged, target.damaged[:, None].expand_as(restored.damaged)
        ),
        "doubt": doubt(error, restored.doubt),
    }


def _third(steps: Tensor) -> Tensor:
    """Mean size of the third difference of positions whose steps are (B, T, ...): what jitter is measured by."""
    return steps.diff(n=2, dim=1).abs().mean()


def world_steps(owned: Tensor, legs: Tensor) -> Tensor:
    """Steps (B, T-1, 6, 3) in metres of knees, ankles and feet over the floor, in a frame that turns with the body.

    `legs` (B, T, 6, 3) relative to the root. The turn of the frame within a step is left out: it is the same for
    prediction and truth, and small while a foot stands.
    """
    return legs.diff(dim=1) + owned[:, :-1, None, PARTS["step"]]


def doubt(error: Tensor, told: Tensor) -> Tensor:
    """Surprise at the error (B, T, 90) of the root's steps over the floor, whose size is `told` (B, T) as log mm."""
    size = error[..., PARTS["step"]][..., [0, 2]].detach().norm(dim=-1) * 1000
    return (size * torch.exp(-told) + told).mean()


def path_error(error: Tensor, angles: Tensor, shift: Tensor) -> Tensor:
    """Error (B, T, 2) in metres of the root's path over the floor when the restored steps are summed up and the path is
    held to where it was observed by `ANCHOR`; `shift` as in `Target`.
    """
    step = error[..., PARTS["step"]].float()
    x, z = step[..., 0], step[..., 2]
    cosine, sine = angles.cos(), angles.sin()
    world = torch.stack((x * cosine - z * sine, z * cosine + x * sine), dim=-1)
    with torch.autocast(error.device.type, enabled=False):
        summed, held = (part.to(step.device) for part in anchored_sums(step.shape[1]))
        path: Tensor = summed @ world[:, :-1] - held @ shift
    return path


@cache
def anchored_sums(frames: int) -> tuple[Tensor, Tensor]:
    """The linear maps of the path that is nearest to given steps and, by `ANCHOR`, to zero: from steps (T-1) to that
    path (T), and from a path to what the anchor takes away of it.
    """
    difference = torch.diff(torch.eye(frames, dtype=torch.float64), dim=0)
    inverse = torch.linalg.inv(difference.T @ difference + ANCHOR * torch.eye(frames, dtype=torch.float64))
    return (inverse @ difference.T).float(), (ANCHOR * inverse).float()


def climb_error(owned: Tensor) -> Tensor:
    """How far (B, T-1) the root's height and the sum of its steps up and down disagree, metres, about the mean."""
    height = owned[:, 1:, PARTS["root"]][..., 2]
    summed = owned[:, :-1, PARTS["step"]][..., 1].cumsum(1)
    apart = height - summed
    return apart - apart.mean(1, keepdim=True)


def leg_positions(rotations: Tensor, pelvis: Tensor) -> Tensor:
    """Knees, ankles and feet (B, T, 6, 3) relative to the root by forward kinematics, heading frame, default skeleton.

    `rotations` (B, T, 48) six numbers each for hips, knees, ankles and feet; `pelvis` (B, T, 3, 3).
    """
    offsets = torch.from_numpy(np.asarray(default_skeleton(BODY_JOINT_COUNT).offsets)).to(rotations)
    turns = to_matrices(rotations.unflatten(-1, (8, 6)))
    sides: list[list[Tensor]] = []
    for side in (0, 1):
        parent, position = pelvis, (pelvis @ offsets[1 + side, :, None])[..., 0]
        joints = []
        for level, child in enumerate((4, 7, 10)):
            parent = parent @ turns[..., 2 * level + side, :, :]
            position = position + (parent @ offsets[child + side, :, None])[..., 0]
            joints.append(position)
        sides.append(joints)
    assert MOVING_JOINTS == (4, 5, 7, 8, 10, 11)
    return torch.stack([joint for pair in zip(*sides, strict=True) for joint in pair], dim=-2)


def to_matrices(values: Tensor) -> Tensor:
    """Six numbers (..., 6), the first two columns of a rotation, to matrices (..., 3, 3) by Gram–Schmidt."""
    first = functional.normalize(values[..., :3], dim=-1)
    second = values[..., 3:] - (first * values[..., 3:]).sum(-1, keepdim=True) * first
    second = functional.normalize(second, dim=-1)
    return torch.stack((first, second, torch.linalg.cross(first, second)), dim=-1)
