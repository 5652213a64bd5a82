"""Motion clips as a simulated body dances them."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT
from infinitedance_cli.stages.imitate.balance import balance_reference
from infinitedance_cli.stages.imitate.body import SimulatedBody, build_body
from infinitedance_cli.stages.imitate.config import ImitateConfig
from infinitedance_cli.stages.imitate.grounding import ground_reference
from infinitedance_cli.stages.imitate.physics_group import PHYSICS, physics_group
from infinitedance_cli.stages.imitate.pieces import in_pieces
from infinitedance_cli.stages.imitate.tracking import BatchedEngine, PhysicsEngine, Quality, Tracking

logger = logging.getLogger(__name__)

FEWEST_FRAMES = 4
_Prepared = tuple[MotionClip, SimulatedBody, MotionClip]
_FASTEST_ROOT_M_S, _HIGHEST_ROOT_M = 30.0, 30.0
_NAMED_FALLS = 3
_CARRIED = 0.5
"""Share of its weight that the mean help may reach before a clip counts as carried rather than danced."""


@dataclass
class Failures:
    """What became of the clips that the body could not dance: one line each in `lines`, of `clips` that came in."""

    lines: list[str] = field(default_factory=list)
    clips: int = 0


def load_engine(name: str) -> PhysicsEngine:
    """The physics engine of a name; raises UsageError when there is none, MissingResource when it cannot work here."""
    engine: PhysicsEngine = plugins.load("physics", name).create()
    return engine


def imitate(
    clips: Iterable[MotionClip], engine: PhysicsEngine, config: ImitateConfig, failures: Failures
) -> Iterator[MotionClip]:
    """Each clip as the simulated body danced it, with the group `physics` that says at what cost.

    The root's position and the rotations of the 22 body joints are the body's; face and hands stay; contacts and
    tokens, which belong to the old motion, are dropped. A clip in which the body fell is noted in `failures` and left
    out unless `config.keep_failed`.
    Raises BadInput on a clip that no body can dance: under 4 frames, other joints than SMPL-X's, other units.
    """
    for batch in _batches(clips, config, getattr(engine, "clips_at_once", 1)):
        failures.clips += len(batch)
        for (clip, body, _), tracking in zip(batch, _tracked(batch, engine, config.quality), strict=True):
            _note_falls(clip, tracking, config, failures)
            _note_help(clip, body, tracking)
            if not tracking.falls or config.keep_failed:
                yield danced(clip, body, engine.name, tracking, config)


def _batches(clips: Iterable[MotionClip], config: ImitateConfig, size: int) -> Iterator[list[_Prepared]]:
    """Clips with what `prepare` makes of them, `size` at a time; those before a bad one come before its error."""
    batch: list[_Prepared] = []
    for clip in clips:
        try:
            batch.append((clip, *prepare(clip, config)))
        except BadInput:
            if batch:
                yield batch
            raise
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _tracked(batch: Sequence[_Prepared], engine: PhysicsEngine, quality: Quality) -> list[Tracking]:
    given = [(body, reference) for _, body, reference in batch]
    if isinstance(engine, BatchedEngine):
        return engine.track_many(given, quality)
    return [engine.track(body, reference, quality) for body, reference in given]


def prepare(clip: MotionClip, config: ImitateConfig) -> tuple[SimulatedBody, MotionClip]:
    """The body of a clip and the reference for it: grounded and, for physical quality, balanced.

    Raises BadInput as `imitate`.
    """
    name = f"clip {clip.clip_id}"
    if clip.frames < FEWEST_FRAMES:
        raise BadInput(f"{name}: it has {clip.frames} frames; a body needs {FEWEST_FRAMES} or more to move")
    try:
        body = build_body(clip.skeleton)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from error
    _check_units(clip, body)

    def reference(piece: MotionClip) -> MotionClip:
        grounded = ground_reference(piece, body, config.grounding)
        balanced = config.quality == "physical" and config.grounding.floor
        return balance_reference(grounded, body, config.balance) if balanced else grounded

    return body, in_pieces(clip, reference)


def _check_units(clip: MotionClip, body: SimulatedBody) -> None:
    root = clip.root_position.astype(np.float64)
    speed = float(np.median(np.linalg.norm(np.diff(root, axis=0), axis=-1))) * clip.fps
    height = float(np.median(np.abs(root[:, 1])))
    for found, most, what in (
        (speed, _FASTEST_ROOT_M_S, "moves at {:.0f} m/s"),
        (height, _HIGHEST_ROOT_M, "is {:.0f} m up"),
    ):
        if found > most:
            raise BadInput(
                f"clip {clip.clip_id}: its root {what.format(found)} while its skeleton is {body.height_m:.2f} m tall, "
                "so its path is most likely in centimetres; expected metres: scale it first"
            )


def danced(clip: MotionClip, body: SimulatedBody, engine: str, tracking: Tracking, config: ImitateConfig) -> MotionClip:
    """The clip with the motion of `tracking`, its report and a provenance record."""
    joints = clip.joint_rotation.copy()
    joints[:, :BODY_JOINT_COUNT] = tracking.joint_rotation
    result = replace(
        clip,
        root_position=tracking.root_position.astype(np.float32),
        joint_rotation=joints,
        contacts=None,
        tokens=None,
        extra={**clip.extra, PHYSICS: physics_group(body, engine, tracking, config.quality, clip.fps)},
    )
    return result.with_provenance("imitate", config=dataclasses.asdict(config))


def _note_falls(clip: MotionClip, tracking: Tracking, config: ImitateConfig, failures: Failures) -> None:
    if not tracking.falls:
        return
    times = [f"{frame / clip.fps:.1f}" for frame in tracking.falls[:_NAMED_FALLS]]
    more = f" and {len(tracking.falls) - _NAMED_FALLS} times more" if len(tracking.falls) > _NAMED_FALLS else ""
    line = f"{clip.clip_id} at {', '.join(times)} s{more}"
    if config.keep_failed:
        logger.warning("the body fell in %s; passed on, marked", line)
    failures.lines.append(line)


def _note_help(clip: MotionClip, body: SimulatedBody, tracking: Tracking) -> None:
    share = float(np.linalg.norm(tracking.root_force, axis=1).mean()) / body.weight_n
    if share > _CARRIED:
        logger.warning(
            "%s: help from outside carried %.2f of the body's weight on average; it moves as no dancer can (does it "
            "stand on a floor?)",
            clip.clip_id,
            share,
        )
