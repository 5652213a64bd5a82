"""A clip of the stream as a reference, and what became of it as a clip again."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from . import bodies
from .bodies import BODY_NAMES, FOOT_BODIES
from .episode import CONTROL_STEPS, STEPS_PER_SECOND, SUBSTEPS, Episode, Simulator, dance
from .errors import BadFile
from .humanoid import Humanoid
from .networks import Policy
from .policies import PolicySpec
from .reference import FPS, from_clip, to_clip

CLEARANCE = "isaacgym/clearance"
"""Metres (T,) of the lowest point of the clip's own body over the floor; idance measures it."""

ClipType = TypeVar("ClipType", bound=Any)


def dance_clip(
    clip: ClipType,
    simulator: Simulator,
    humanoid: Humanoid,
    policy: Policy,
    spec: PolicySpec,
    mass_kg: float,
    strict: bool = False,
) -> ClipType:
    """The clip with the humanoid's motion in place of its own, and the group `isaacgym` that says what happened.

    `clip` has 22 joints, 30 fps and the dataset `CLEARANCE`. The group holds `contact_force` (T, 3, 3) newtons, y up,
    on left foot, right foot and all else; `power` (T,) watts; `falls` (F,) frames.
    """
    if clip.fps != FPS or len(clip.joint_names) != bodies.CLIP_JOINTS or CLEARANCE not in clip.arrays:
        raise BadFile(f"a clip of {len(clip.joint_names)} joints at {clip.fps} fps came in; expected 22 at {FPS:g}")
    fields = (clip.offsets, clip.root_position, clip.joint_rotation, clip.arrays.pop(CLEARANCE)[0])
    reference = from_clip(humanoid, *(torch.as_tensor(np.array(values), dtype=torch.float64) for values in fields))
    episode = dance(simulator, policy, spec, reference, strict=strict)
    root, joints = to_clip(reference, episode.position.double(), episode.rotation.double())
    clip.root_position = root.numpy()
    clip.joint_rotation = (joints / joints.norm(dim=-1, keepdim=True)).numpy()
    clip.arrays.update(_report(episode))
    clip.attributes["isaacgym"] = {
        "policy": spec.name,
        "body_mass_kg": float(mass_kg),
        "scale": float(reference.scale),
        "timestep_s": 1.0 / (STEPS_PER_SECOND * SUBSTEPS),
        "action_s": CONTROL_STEPS / STEPS_PER_SECOND,
    }
    return clip


def _report(episode: Episode) -> dict[str, Any]:
    report: dict[str, Any] = {
        "isaacgym/contact_force": (contact_columns(episode.contact).numpy().astype(np.float32), {"units": "N"}),
        "isaacgym/power": (episode.power.numpy().astype(np.float32), {"units": "W"}),
    }
    if episode.falls:
        report["isaacgym/falls"] = (np.array(episode.falls, np.int32), {})
    return report


def contact_columns(contact: Tensor) -> Tensor:
    """Forces (T, 24, 3) on bodies, z up, as (T, 3, 3), y up: left foot, right foot, all other bodies."""
    feet = [contact[:, [BODY_NAMES.index(name) for name in names]].sum(dim=1) for names in FOOT_BODIES]
    rest = contact.sum(dim=1) - feet[0] - feet[1]
    return bodies.to_y_up(torch.stack((*feet, rest), dim=1))
