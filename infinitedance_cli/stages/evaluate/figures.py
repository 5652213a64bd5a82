"""The figures of one dance, and what each means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.stages.evaluate.dances import Dance
from infinitedance_cli.stages.evaluate.mesh_pose import mesh_pose
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding, physical_foot_contact
from infinitedance_cli.stages.evaluate.metrics.penetration import penetration
from infinitedance_cli.stages.evaluate.metrics.quality import (
    floating_seconds,
    foot_slide,
    frozen_seconds,
    planted_feet,
)
from infinitedance_cli.stages.evaluate.metrics.rhythm import beat_alignment, beat_gap, kinematic_beats
from infinitedance_cli.stages.evaluate.metrics.smoothness import jitter, mean_joint_speed
from infinitedance_cli.stages.evaluate.metrics.spaces import LEAST_FRAMES, FeatureRow, feature_row
from infinitedance_cli.stages.evaluate.protocols import PHYSICS_FPS, Protocol

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """One figure: its `unit` ("1" is none, a "share" goes from 0 to 1), which way is `better`, and what it says.

    It is `of` a clip, or only of a whole set.
    """

    unit: str
    better: Literal["higher", "lower", "neither"]
    meaning: str
    of: Literal["clip", "set"] = "clip"


FIGURES: Mapping[str, Figure] = {
    "fid_k": Figure("1", "lower", "Fréchet distance to the reference set, kinetic features", "set"),
    "fid_g": Figure("1", "lower", "Fréchet distance to the reference set, geometric features", "set"),
    "div_k": Figure("1", "higher", "mean distance between dances, kinetic features", "set"),
    "div_g": Figure("1", "higher", "mean distance between dances, geometric features", "set"),
    "bas": Figure("1", "higher", "beat alignment score: music beats met by beats of the motion"),
    "beat_gap": Figure("1", "higher", "beat alignment on the beat minus half a beat off; 0 ignores the music"),
    "fsr": Figure("share", "lower", "foot sliding ratio: share of contact frames in which the foot slides"),
    "contact": Figure("share", "neither", "share of frames with a foot on the floor"),
    "pfc": Figure("1e-4", "lower", "physical foot contact: root acceleration while both feet move"),
    "jitter": Figure("10 m/s³", "lower", "mean jerk of all joints"),
    "penetration": Figure("share", "lower", "share of mesh vertices in the floor or in another part of the body"),
    "penetration_floor": Figure("share", "lower", "share of mesh vertices in the floor"),
    "penetration_body": Figure("share", "lower", "share of mesh vertices in another part of the body"),
    "foot_slide": Figure("cm/s", "lower", "mean horizontal speed of planted feet"),
    "floor_depth": Figure("mm", "lower", "how deep the body is in the floor, mean over frames in which it is"),
    "floor_frames": Figure("share", "lower", "share of frames in which the body is in the floor"),
    "float": Figure("s", "lower", "seconds above the floor for longer than a jump"),
    "frozen": Figure("s", "lower", "seconds in which the dancer hardly moves"),
    "speed": Figure("m/s", "neither", "mean speed of all joints"),
}
"""Every figure by name, in the order of tables."""

CLIP_FIGURES = tuple(name for name, figure in FIGURES.items() if figure.of == "clip")
SET_FIGURES = tuple(name for name, figure in FIGURES.items() if figure.of == "set")


@dataclass(frozen=True)
class Beats:
    """Beats of a dance's music: `seconds` (B,) from its first frame, and where they come from."""

    seconds: NDArray[np.float64]
    source: str


@dataclass(frozen=True)
class Measured:
    """One dance, measured: `figures` by name, None where undefined; `row` of features (None for a dance too short)."""

    name: str
    frames: int
    fps: float
    joints_from: str
    beats: str
    figures: Mapping[str, float | None]
    row: FeatureRow | None


def measure(dance: Dance, protocol: Protocol, beats: Beats | None) -> Measured:
    """All figures of one dance under a protocol; a dance too short for jerk has none, and the log says so."""
    found: dict[str, float | None] = dict.fromkeys(CLIP_FIGURES)
    row = None
    body = dance.positions(PHYSICS_FPS)
    positions = dance.positions(protocol.rule.fps, protocol.rule.joints)
    if min(len(body), len(positions)) < LEAST_FRAMES:
        logger.warning("%s: it has %d frames; figures need %d at 30 fps", dance.name, dance.frames, LEAST_FRAMES)
    else:
        row = feature_row(positions, protocol.rule)
        found |= _beat_figures(dance, protocol, beats) | _physical(dance, body, protocol)
    figures = {name: _defined(value) for name, value in found.items()}
    source = "none" if beats is None else beats.source
    return Measured(dance.name, dance.frames, dance.fps, dance.joints_from, source, figures, row)


def _physical(dance: Dance, body: NDArray[np.floating], protocol: Protocol) -> dict[str, float | None]:
    lodge = protocol.sliding == "lodge"
    planted = planted_feet(body, dance.stance)
    feet = foot_sliding(body, planted=None if lodge else planted)
    mesh = penetration(*mesh_pose(dance))
    return {
        "fsr": feet.lodge if lodge else feet.strict,
        "contact": feet.contact,
        "pfc": physical_foot_contact(body, PHYSICS_FPS),
        "jitter": jitter(body, PHYSICS_FPS),
        "penetration": mesh.rate,
        "penetration_floor": mesh.floor,
        "penetration_body": mesh.body,
        "foot_slide": foot_slide(body, planted, PHYSICS_FPS),
        "floor_depth": mesh.floor_depth_mm,
        "floor_frames": mesh.floor_frames,
        "float": floating_seconds(body, dance.stance.toe, dance.rest.toe, PHYSICS_FPS),
        "frozen": frozen_seconds(body, PHYSICS_FPS),
        "speed": mean_joint_speed(body, PHYSICS_FPS),
    }


def _beat_figures(dance: Dance, protocol: Protocol, beats: Beats | None) -> dict[str, float | None]:
    """Beat alignment, undefined without a beat of the music."""
    if beats is None:
        return {}
    positions = dance.positions(protocol.beat_fps, protocol.beat_joints)
    frames = np.asarray(beats.seconds * protocol.beat_fps)
    if protocol.beats_rounded:
        frames = np.unique(np.rint(frames))
    frames = frames[frames >= 0]
    if protocol.beats_cut:
        frames = frames[frames < len(positions) - 1]
    if len(frames) == 0:
        return {}
    gap = beat_gap(positions, frames) if len(frames) > 1 else None
    return {"bas": beat_alignment(frames, kinematic_beats(positions)), "beat_gap": gap}


def _defined(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
