"""Named protocols: what exactly is measured, so that two figures with the same name mean the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from infinitedance_cli.stages.evaluate.metrics.spaces import RULES, FeatureRule, JointSet

PHYSICS_FPS = 30.0
"""Sliding, jitter, PFC, floor and freezing are always measured at this rate: published thresholds are per frame."""


@dataclass(frozen=True)
class Protocol:
    """One way of measuring.

    `features` names a rule of `RULES`. Beats: `beat_fps` the rate at which speed is smoothed and distances counted,
    `beat_joints` whose speed, `beats_rounded` to frames, `beats_cut` at the motion's end. `sliding` is FSR's rule.
    `quirks` are the published slips that this protocol keeps, or, for ours, mends.
    """

    name: str
    source: str
    features: str
    beat_fps: float
    beat_joints: JointSet
    beats_rounded: bool
    beats_cut: bool
    sliding: Literal["lodge", "strict"]
    quirks: tuple[str, ...]

    @property
    def rule(self) -> FeatureRule:
        """The rule by which features are taken."""
        return RULES[self.features]


_SLIPS = (
    "kinetic features take 1/60 s a frame, whatever the frame rate",
    "energy expenditure is about 3,540 times the position, not the acceleration (a misplaced parenthesis)",
    "geometric velocities take 1/120 s a frame",
    "geometric features 5 and 6 never look at the wrists and are equal, so their covariance is singular",
)
_RELATIVE = "joints are relative to the pelvis but the pelvis is not, so geometric features mix both"
_SIGNED = "FSR takes the mean of the signed x and z steps: (dx, -dx) never slides, and the first frame sets the floor"
_PFC = "PFC divides by the clip's own greatest acceleration, so clips are not comparable with one another"

_INFINITEDANCE = Protocol(
    name="infinitedance",
    source="InfiniteDance release, metrics_largedata_v2 and beat_align_score_joints; FSR of LODGE, jitter of GVHMR",
    features="release",
    beat_fps=30.0,
    beat_joints="body",
    beats_rounded=True,
    beats_cut=True,
    sliding="lodge",
    quirks=(*_SLIPS, _RELATIVE, _SIGNED, _PFC, "published figures compare with the training set"),
)
_BAILANDO = Protocol(
    name="bailando",
    source="Bailando, metrics_new and beat_align_score, after AIST++",
    features="aist",
    beat_fps=60.0,
    beat_joints="smpl",
    beats_rounded=True,
    beats_cut=True,
    sliding="lodge",
    quirks=(*_SLIPS, _SIGNED, _PFC, "beats are smoothed over 5 and matched within 3 frames at 60 fps"),
)
_EDGE = Protocol(
    name="edge",
    source="EDGE, eval_pfc; features as AIST++ at 30 fps (EDGE published no code for its diversity and beats)",
    features="edge",
    beat_fps=30.0,
    beat_joints="smpl",
    beats_rounded=True,
    beats_cut=True,
    sliding="lodge",
    quirks=(*_SLIPS, _SIGNED, _PFC, "the published script draws 1000 files at random; here all are measured"),
)
_LODGE = Protocol(
    name="lodge",
    source="LODGE, metrics_finedance, beat_align_score and foot_skating",
    features="release",
    beat_fps=30.0,
    beat_joints="smplx",
    beats_rounded=True,
    beats_cut=False,
    sliding="lodge",
    quirks=(*_SLIPS, _RELATIVE, _SIGNED, _PFC, "joints 23 and 24 of beats are jaw and left eye; beats are not cut"),
)
_IDANCE = Protocol(
    name="idance",
    source="idance; the same metrics with their slips mended",
    features="idance",
    beat_fps=30.0,
    beat_joints="body",
    beats_rounded=False,
    beats_cut=True,
    sliding="strict",
    quirks=(
        "mended: the true frame time in kinetic and geometric features",
        "mended: energy expenditure is acceleration",
        "mended: geometric features 5 and 6 look at the wrists; positions are the world's",
        "mended: features that never vary in the reference are not blown up by 1e10",
        "mended: FSR takes the true horizontal distance, and the floor of the clip, estimated for files without one",
        "mended: beats keep their fractions of a frame; all frames count",
        _PFC,
    ),
)

PROTOCOLS: Mapping[str, Protocol] = {
    "idance": _IDANCE,
    "infinitedance": _INFINITEDANCE,
    "bailando": _BAILANDO,
    "aist": _BAILANDO,
    "edge": _EDGE,
    "lodge": _LODGE,
}
"""Protocols by every name that users may give."""


_NORMALISER = {
    False: "mean and standard deviation of the reference set, plus 1e-10",
    True: "mean and standard deviation of the reference set; 1 for features that never vary in it",
}
_JOINTS: Mapping[JointSet, str] = {
    "body": "22 body joints",
    "smpl": "22 body joints, and the two hands where all files have them (of SMPL-X: the middle fingers' first joint)",
    "smplx": "22 body joints, and joints 23 and 24 of the file where it has them (of SMPL-X: jaw and left eye)",
}


def statement(protocol: Protocol) -> dict[str, Any]:
    """What a protocol fixes, as plain values: part of every result."""
    rule = protocol.rule
    frames = {
        "pelvis": "frame-0 pelvis at the origin; joints 1 to 21 relative to the pelvis of their frame",
        "start": "frame-0 pelvis at the origin; joints otherwise in the world",
        "world": "kinetic: as pelvis; geometric: joints in the world",
    }
    return {
        "name": protocol.name,
        "source": protocol.source,
        "axes": "y up, metres, right-handed",
        "features": {
            "rule": protocol.features,
            "fps": rule.fps,
            "crop_frames": rule.frames,
            "joints": _JOINTS[rule.joints],
            "frame": frames[rule.frame],
            "normaliser": _NORMALISER[rule.mended],
        },
        "beats": {
            "fps": protocol.beat_fps,
            "joints": _JOINTS[protocol.beat_joints],
            "direction": "from each music beat to the nearest motion beat",
            "rounded_to_frames": protocol.beats_rounded,
            "cut_at_motion_end": protocol.beats_cut,
        },
        "physics": {
            "fps": PHYSICS_FPS,
            "crop_frames": None,
            "joints": _JOINTS["body"],
            "foot_sliding": protocol.sliding,
            "penetration": "open body mesh, 480 vertices at 10 Hz, 5 mm below the floor or 1 cm inside the body",
        },
        "quirks": list(protocol.quirks),
    }
