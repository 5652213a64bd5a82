"""Which foot joints stand on the floor, by the paper's rule, by the release's, or by a robust rule of our own.

The floor is y = 0. Four joints are tested: ankle (the heel's stand-in) and foot (the ball of the toes), left and right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import FootContacts, MotionClip
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, default_skeleton

FOOT_JOINTS = (7, 10, 8, 11)
"""Left ankle, left foot, right ankle, right foot in SMPL-X order."""
FOOT_LABELS = tuple(SMPLX_JOINT_NAMES[joint] for joint in FOOT_JOINTS)

_REFERENCE_FPS = 30.0

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class ContactRule:
    """A foot joint is planted while it is low and slow.

    `ankle_height`, `toe_height` metres (None: not tested), above the floor or, where `above_rest`, above the joint's
    height in the rest pose; `speed` m/s, of the whole step or only its horizontal part. With `release_factor` > 1
    a contact that has begun lasts until height or speed exceed the limits times that factor (hysteresis), and contacts
    and gaps shorter than `shortest` frames are removed.
    """

    ankle_height: float | None
    toe_height: float | None
    speed: float
    horizontal: bool = False
    above_rest: bool = False
    release_factor: float = 1.0
    shortest: int = 1


PAPER = ContactRule(ankle_height=0.08, toe_height=0.05, speed=0.001**0.5 * _REFERENCE_FPS)
"""The paper's thresholds (FRDM): toe 0.05 m, ankle 0.08 m, v_th 0.001.

The paper gives no unit for v_th; it is read as a squared step in m²/frame² at 30 fps (3.2 cm a frame), the form in
which the release and HumanML3D state theirs.
"""

RELEASE = ContactRule(ankle_height=None, toe_height=None, speed=0.002**0.5 * _REFERENCE_FPS)
"""The release's rule: squared step below 0.002 m²/frame² (4.5 cm a frame), no height test."""

ROBUST = ContactRule(
    ankle_height=0.03, toe_height=0.03, speed=0.25, horizontal=True, above_rest=True, release_factor=1.8, shortest=3
)
"""Our rule: within 3 cm of the joint's own rest height and slower than 25 cm/s over the floor, with hysteresis."""


GENERATED = replace(ROBUST, speed=1.3)
"""ROBUST for what a generator makes: a foot that glides over the floor at up to 1.3 m/s was meant to stand or step."""


def detect_contacts(
    positions: FloatArray, fps: float = 30.0, rule: ContactRule = ROBUST, rest_heights: FloatArray | None = None
) -> FootContacts:
    """Contacts of joints `positions` (T, J ≥ 12, 3), metres, y up, SMPL-X order; labels are `FOOT_LABELS`.

    `rest_heights` (4,) metres above the floor in the rest pose, for rules that use them; the default skeleton's unless
    given. PAPER and RELEASE look at the step to the next frame (the last frame repeats), ROBUST at the mean of the
    steps before and after. Raises BadInput on fewer than 12 joints.
    """
    if positions.ndim != 3 or positions.shape[1] <= max(FOOT_JOINTS):
        raise BadInput(f"joint positions have shape {positions.shape}; expected (T, 12 or more joints, 3)")
    feet = positions[:, FOOT_JOINTS].astype(np.float64)
    speed = _speeds(feet, fps, horizontal=rule.horizontal, centred=rule.release_factor > 1)
    height = feet[..., 1]
    if rule.above_rest:
        height = height - (foot_rest_heights() if rest_heights is None else rest_heights)
    limit = np.array([np.inf if h is None else h for h in (rule.ankle_height, rule.toe_height) * 2])
    begins = (height <= limit) & (speed < rule.speed)
    if rule.release_factor == 1:
        return FootContacts(begins, FOOT_LABELS)
    lasts = (height <= limit * rule.release_factor) & (speed < rule.speed * rule.release_factor)
    return FootContacts(hold_contacts(begins, lasts, rule.shortest), FOOT_LABELS)


def clip_contacts(clip: MotionClip, rule: ContactRule = ROBUST) -> FootContacts:
    """Contacts of a clip by `rule`; rest heights are those of the clip's skeleton."""
    return detect_contacts(clip.joint_positions(), clip.fps, rule, foot_rest_heights(clip.skeleton.rest_positions()))


def foot_rest_heights(rest_positions: FloatArray | None = None) -> FloatArray:
    """Heights (4,) in metres of `FOOT_JOINTS` in the rest pose `rest_positions` (J, 3); the default skeleton's."""
    rest = default_skeleton().rest_positions() if rest_positions is None else rest_positions
    heights: FloatArray = rest[list(FOOT_JOINTS), 1].astype(np.float64)
    return heights


def hold_contacts(begins: NDArray[np.bool_], lasts: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """Contacts (T, F) that start where `begins` and hold while `lasts` (T, F); blips under `shortest` go."""
    columns = zip(begins.T, lasts.T, strict=True)
    return np.stack([_debounce(_hysteresis(start, hold), shortest) for start, hold in columns], axis=1)


def intervals(planted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one-past-last frames of every run of True in `planted` (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], planted, [False])).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _speeds(feet: FloatArray, fps: float, *, horizontal: bool, centred: bool) -> FloatArray:
    """Speeds (T, F) in m/s of `feet` (T, F, 3)."""
    if len(feet) == 1:
        return np.zeros(feet.shape[:2])
    step = np.diff(feet, axis=0)
    length = np.linalg.norm(step[..., [0, 2]] if horizontal else step, axis=-1) * fps
    following = np.concatenate((length, length[-1:]))
    if not centred:
        return following
    centre: FloatArray = 0.5 * (following + np.concatenate((length[:1], length)))
    return centre


def _hysteresis(begins: NDArray[np.bool_], lasts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Runs of `lasts` (T,) that hold at least one frame of `begins` (T,)."""
    kept = np.zeros_like(lasts)
    for start, end in intervals(lasts):
        kept[start:end] = begins[start:end].any()
    return kept


def _debounce(planted: NDArray[np.bool_], shortest: int) -> NDArray[np.bool_]:
    """`planted` (T,) without gaps, then without contacts, shorter than `shortest` frames."""
    result = planted.copy()
    for start, end in intervals(~result):
        if end - start < shortest and start > 0 and end < len(result):
            result[start:end] = True
    for start, end in intervals(result):
        if end - start < shortest:
            result[start:end] = False
    return result
