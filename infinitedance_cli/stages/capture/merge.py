"""Two capture backends on one video: the body of the first, wrists, hands, jaw and expression of the second.

`--backend gvhmr+smplestx` is the paper's pair. People are matched by their boxes and frames by time; where the second
is unsure of a hand, or its forearm contradicts the body's, the body's own hand stays, and no switch is sudden.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import Body, Dataset, Group, MotionClip
from infinitedance_cli.motion.kinematics import sample_positions, sample_rotations
from infinitedance_cli.motion.retarget.hands import relaxed_hands
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, Skeleton, default_skeleton
from infinitedance_cli.stages.capture import wrists
from infinitedance_cli.stages.capture.annotations import array_of, captured
from infinitedance_cli.stages.capture.backend import CAPTURE, CaptureBackend, PictureBackend
from infinitedance_cli.stages.capture.boxes import overlap
from infinitedance_cli.stages.capture.config import CaptureConfig

logger = logging.getLogger(__name__)

FloatArray = NDArray[np.floating]

_FACE = slice(BODY_JOINT_COUNT, 25)
_HANDS = {"left": slice(25, 40), "right": slice(40, 55)}
_LEAST_OVERLAP = 0.3
"""Mean intersection over union of two people's boxes from which they are one person."""
_LEAST_TRUST = 0.45
"""A hand or face is taken where confidence times agreement reaches this."""
_SHORTEST, _RAMP = 6, 9


@dataclass(frozen=True)
class MergedBackend:
    """`body` finds the motion, `hands` what is finer; both look at the whole shot."""

    body: CaptureBackend | PictureBackend
    hands: CaptureBackend | PictureBackend

    @property
    def name(self) -> str:
        """As users type it."""
        return f"{self.body.name}+{self.hands.name}"

    def capture(self, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
        """The people that `body` finds, each with the hands of the person in the same place. Raises as both do."""
        bodies = list(_run(self.body, video, config))
        # Which person is wanted is for the body's backend to say; the other one's have to be found among all.
        hands = list(_run(self.hands, video, replace(config, person="all")))
        for body in bodies:
            same = same_person(body, hands)
            if same is None:
                logger.warning("%s: %s saw no hands of the person in %s", self.name, self.hands.name, body.clip_id)
            yield body if same is None else merge(body, same, round(config.shots.longest_gap_s * body.fps))


def _run(backend: CaptureBackend | PictureBackend, video: Path, config: CaptureConfig) -> Iterator[MotionClip]:
    if isinstance(backend, PictureBackend):
        from infinitedance_cli.stages.capture.video import open_video

        with open_video(video, side=config.picture_side) as opened:
            yield from backend.follow(opened.pictures(), config)
    else:
        yield from backend.capture(video, config)


def same_person(body: MotionClip, others: Sequence[MotionClip]) -> MotionClip | None:
    """Which of `others` is the person of `body`: by boxes, else by the longest time together; None: none of them."""
    shares = [_shared_box(body, other) for other in others]
    known = [(share, other) for share, other in zip(shares, others, strict=True) if share is not None]
    if known:
        share, best = max(known, key=lambda pair: pair[0])
        return best if share >= _LEAST_OVERLAP else None
    longest = max(others, key=lambda other: len(_common(body, other)[0]), default=None)
    return longest if longest is not None and len(_common(body, longest)[0]) else None


def _shared_box(body: MotionClip, other: MotionClip) -> float | None:
    """Mean overlap of the boxes over the frames of both clips; None where one has no boxes, 0 without such frames."""
    boxes, others = array_of(captured(body), "bbox"), array_of(captured(other), "bbox")
    if boxes is None or others is None:
        return None
    here, there = _common(body, other)
    return (
        float(np.mean([overlap(boxes[i], others[j]) for i, j in zip(here, there, strict=True)])) if len(here) else 0.0
    )


def _common(body: MotionClip, other: MotionClip) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames of both clips that are shown at the same time: (S,) of each."""
    place = _places(body, other)
    here = np.flatnonzero((place > -0.5) & (place < other.frames - 0.5))
    return here, np.round(place[here]).astype(np.int64)


def _places(body: MotionClip, other: MotionClip) -> FloatArray:
    """For each frame of `body`, the fractional frame (T,) of `other` that is shown at the same time."""
    start, other_start = (float(captured(clip).attributes.get("first_frame", 0)) for clip in (body, other))
    seconds = (np.arange(body.frames) + start) / body.fps
    return seconds * other.fps - other_start


def merge(body: MotionClip, hands: MotionClip, gap: int = 15) -> MotionClip:
    """`body` with the wrists, fingers, jaw and expression of `hands`, another account of the same person.

    Frames are aligned by `first_frame` in `/capture`. Each hand is weighed by its confidence there, by how well the
    forearms of both agree, and by whether a wrist bends so far; gaps of up to `gap` frames are bridged, longer ones
    have the body's own hand, with a third of a second to change over.
    """
    whole = _with_hands(body)
    place = _places(whole, hands)
    present = (place > -0.5) & (place < hands.frames - 0.5)
    inside = np.clip(place, 0, hands.frames - 1)
    turns = sample_rotations(_with_hands(hands).joint_rotation.astype(np.float64), inside)
    trust = sample_positions(_confidence(hands), inside) * present[:, None]
    result, confidence = whole.joint_rotation.astype(np.float64), _confidence(whole)
    for side in wrists.SIDES:
        weight = _merge_hand(side, whole, turns, trust[:, _HANDS[side]].mean(axis=1), hands.skeleton, gap, result)
        confidence[:, _HANDS[side]] = np.maximum(weight, 0)[:, None] * trust[:, _HANDS[side]]
    known, weight = wrists.steady(trust[:, _FACE].mean(axis=1), _LEAST_TRUST, _SHORTEST, gap, _RAMP)
    if known.any():
        face = wrists.filled(turns[:, _FACE], known)
        result[:, _FACE] = rotation.slerp(result[:, _FACE], face, np.repeat(weight[:, None], 3, axis=1))
        confidence[:, _FACE] = weight[:, None] * trust[:, _FACE]
    merged = replace(
        whole,
        joint_rotation=rotation.normalize(result).astype(np.float32),
        body=_body(whole, hands, inside, weight),
        extra={**whole.extra, CAPTURE: _with_confidence(captured(whole), confidence)},
        provenance=(*body.provenance, *hands.provenance),
    )
    return merged.with_provenance("capture/merge", hands=[round(float(share), 3) for share in _shares(confidence)])


def _merge_hand(
    side: str, body: MotionClip, turns: FloatArray, sure: FloatArray, skeleton: Skeleton, gap: int, result: FloatArray
) -> FloatArray:
    """Put one hand of `turns` (T, 55, 4) into `result` (T, 55, 4); returns its weight (T,)."""
    wrist = wrists.carry_over(side, body, turns, skeleton)
    known, weight = wrists.steady(sure * wrist.trust, _LEAST_TRUST, _SHORTEST, gap, _RAMP)
    if not known.any():
        return weight
    elbow_joint, wrist_joint = wrists.elbow_and_wrist(side)
    hand = wrists.calmed(wrists.filled(wrist.hand, known))
    forearm, hand = wrists.share_twist(hand, wrist.axis)
    unturned = np.broadcast_to(rotation.identity().astype(float), forearm.shape)
    result[:, elbow_joint] = rotation.multiply(result[:, elbow_joint], rotation.slerp(unturned, forearm, weight))
    result[:, wrist_joint] = rotation.slerp(result[:, wrist_joint], hand, weight)
    fingers, place = wrists.filled(turns[:, _HANDS[side]], known), _HANDS[side]
    result[:, place] = rotation.slerp(result[:, place], fingers, np.repeat(weight[:, None], 15, axis=1))
    return weight


def _with_hands(clip: MotionClip) -> MotionClip:
    """The clip with all 55 joints: hands at ease and a still face where it has only the body."""
    if clip.skeleton.joint_count > BODY_JOINT_COUNT:
        return clip
    full = default_skeleton()
    offsets = np.concatenate((clip.skeleton.offsets, full.offsets[BODY_JOINT_COUNT:]))
    still = np.repeat(rotation.identity(3)[None], clip.frames, axis=0)
    hands = [np.repeat(relaxed_hands()[side][None], clip.frames, axis=0) for side in wrists.SIDES]
    turns = np.concatenate((clip.joint_rotation, still, *hands), axis=1).astype(np.float32)
    return replace(clip, skeleton=Skeleton(full.joint_names, full.parents, offsets), joint_rotation=turns)


def _confidence(clip: MotionClip) -> FloatArray:
    """(T, 55) of `/capture`; 1 where the backend does not say."""
    found = array_of(captured(clip), "confidence")
    whole = np.ones((clip.frames, len(default_skeleton().joint_names)))
    if found is not None:
        whole[:, : found.shape[1]] = found
    return whole


def _body(body: MotionClip, hands: MotionClip, inside: FloatArray, weight: FloatArray) -> Body | None:
    """The body's shape with the expression that the other backend saw."""
    if hands.body is None or hands.body.expression is None:
        return body.body
    expression = sample_positions(hands.body.expression, inside) * weight[:, None]
    return replace(body.body or Body(), expression=expression.astype(np.float32))


def _with_confidence(group: Group, confidence: FloatArray) -> Group:
    members = {**group.members, "confidence": Dataset(confidence.astype(np.float32), {"units": "1"})}
    return Group(members, group.attributes)


def _shares(confidence: FloatArray) -> list[float]:
    """Share of the frames in which the left and the right hand are the other backend's."""
    return [float(np.mean(confidence[:, _HANDS[side]].mean(axis=1) > 0)) for side in wrists.SIDES]
