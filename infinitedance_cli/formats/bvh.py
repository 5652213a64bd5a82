"""Biovision hierarchy (.bvh): reads any rig, writes clips that Blender, Maya, Houdini and Unity import.

Written files are in centimetres, y up, facing +Z, with our T-pose as the rest pose, all joints, an End Site per leaf,
rotation channels Zrotation Xrotation Yrotation (a matrix product read from left to right) and the clip's frame rate.
Read back, they are the same clip; any other skeleton is retargeted to ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._bvh_text import BvhFile, parse
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import SourceMotion, retarget, world_motion
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, SMPLX_PARENTS, Skeleton, default_skeleton

EXTENSIONS = (".bvh",)
DESCRIPTION = "BVH motion capture of any skeleton (read); cm, T-pose rest, hands (write)"
_CM = 100.0
_END_CM = 3.0
_TOE_TIP_CM = np.array([0.0, -1.0, 7.0])
_AXES: tuple[Literal["x", "y", "z"], ...] = ("x", "y", "z")


def read(path: Path) -> Iterator[MotionClip]:
    """The clip of one file: ours as it was written, any other skeleton retargeted. Raises BadInput with the line."""
    path = Path(path)
    file = _parsed(path)
    yield _own_clip(file, path.stem) if _is_own(file) else retarget(_source(file, path.stem))


def read_source(path: Path) -> SourceMotion:
    """Any BVH as a neutral source motion, in file units. Raises BadInput with the line number."""
    return _source(_parsed(Path(path)), Path(path).stem)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """Write one clip as BVH text."""
    skeleton = clip.skeleton
    order = _depth_first(skeleton)
    lines = ["HIERARCHY", *_joint_lines(skeleton, 0, 0), "MOTION", f"Frames: {clip.frames}"]
    lines.append(f"Frame Time: {1.0 / clip.fps:.8f}")
    file.write(("\n".join(lines) + "\n").encode("ascii", errors="replace"))
    angles = np.degrees(euler_zxy(clip.joint_rotation.astype(np.float64)))[:, order].reshape(clip.frames, -1)
    np.savetxt(file, np.concatenate((clip.root_position * _CM, angles), axis=1), fmt="%.6f")


def _parsed(path: Path) -> BvhFile:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; expected a readable BVH file") from None
    return parse(text, str(path))


def local_motion(file: BvhFile) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Translations (T, J, 3) in file units and local rotations (T, J, 4); position channels replace the offset."""
    frames, joints = len(file.values), len(file.joint_names)
    translations = np.repeat(file.offsets[None], frames, axis=0)
    rotations = np.repeat(rotation.identity(joints)[None].astype(np.float64), frames, axis=0)
    for column, (joint, kind) in enumerate(file.channels):
        values = file.values[:, column]
        if kind < 3:
            translations[:, joint, kind] = values
        else:
            # Channels in file order are a product read from left to right: the last one turns the bone first.
            turn = rotation.about_axis(_AXES[kind - 3], np.radians(values))
            rotations[:, joint] = rotation.multiply(rotations[:, joint], turn)
    return translations, rotations


def frame_rate(frame_time: float) -> float:
    """Frames a second; 0.033333 is 30, for files round the frame time."""
    fps = 1.0 / frame_time
    return float(round(fps)) if abs(fps - round(fps)) < 2e-4 * fps else fps


def _source(file: BvhFile, clip_id: str) -> SourceMotion:
    translations, rotations = local_motion(file)
    positions, world = world_motion(file.parents, translations, rotations)
    return SourceMotion(
        clip_id=clip_id,
        fps=frame_rate(file.frame_time),
        joint_names=file.joint_names,
        parents=file.parents,
        offsets=file.offsets,
        positions=positions,
        rotations=world,
        ends=file.ends,
    )


def _own_joints(file: BvhFile) -> list[int]:
    """Indices in the file of the SMPL-X joints in our order; of those that are there."""
    return [file.joint_names.index(name) for name in SMPLX_JOINT_NAMES if name in file.joint_names]


def _is_own(file: BvhFile) -> bool:
    """True for a file that `write` made: our joint names and tree, the rest pose of `default_skeleton`."""
    joints = _own_joints(file)
    count = len(file.joint_names) - len(file.ends)
    if len(joints) != count or count not in (22, len(SMPLX_JOINT_NAMES)):
        return False
    parents = [joints.index(file.parents[joint]) if joint else -1 for joint in joints]
    rest = default_skeleton(count).offsets[1:] * _CM
    return tuple(parents) == SMPLX_PARENTS[:count] and bool(np.allclose(file.offsets[joints][1:], rest, atol=1e-3))


def _own_clip(file: BvhFile, clip_id: str) -> MotionClip:
    joints = _own_joints(file)
    translations, rotations = local_motion(file)
    return MotionClip(
        clip_id=clip_id,
        skeleton=default_skeleton(len(joints)),
        fps=frame_rate(file.frame_time),
        root_position=(translations[:, 0] / _CM).astype(np.float32),
        joint_rotation=rotation.normalize(rotations[:, joints]).astype(np.float32),
    )


def _depth_first(skeleton: Skeleton, joint: int = 0) -> list[int]:
    """Joints in the order in which the file's tree lists them."""
    return [joint, *(index for child in skeleton.children(joint) for index in _depth_first(skeleton, child))]


def _joint_lines(skeleton: Skeleton, joint: int, depth: int) -> list[str]:
    """The HIERARCHY block of a joint and all below it."""
    tab, inner = "\t" * depth, "\t" * (depth + 1)
    # The root's offset is 0: importers disagree on whether its position channels replace the offset or add to it.
    offset = skeleton.offsets[joint].astype(np.float64) * _CM * (joint > 0)
    position = "6 Xposition Yposition Zposition" if joint == 0 else "3"
    lines = [
        f"{tab}{'JOINT' if joint else 'ROOT'} {skeleton.joint_names[joint]}",
        f"{tab}{{",
        f"{inner}OFFSET {_triple(offset)}",
        f"{inner}CHANNELS {position} Zrotation Xrotation Yrotation",
    ]
    children = skeleton.children(joint)
    for child in children:
        lines += _joint_lines(skeleton, child, depth + 1)
    if not children:
        end = rotation.normalize(skeleton.offsets[joint].astype(np.float64)) * _END_CM
        end = _TOE_TIP_CM if skeleton.joint_names[joint].endswith("_foot") else end
        lines += [f"{inner}End Site", f"{inner}{{", f"{inner}\tOFFSET {_triple(end)}", f"{inner}}}"]
    return [*lines, f"{tab}}}"]


def _triple(values: NDArray[np.floating]) -> str:
    return " ".join(f"{value + 0.0:.6f}" for value in values)


def euler_zxy(quaternions: NDArray[np.floating]) -> NDArray[np.floating]:
    """Angles (T, J, 3) in radians of rotations (T, J, 4) about z, x, y: rotation = Rz · Rx · Ry.

    Of the two triples that mean the same rotation, the one nearest to the frame before is taken, and angles run on
    beyond π, so that curves have no jumps where a knee passes 90 degrees or a turn goes on.
    """
    matrix = rotation.to_matrix(quaternions)
    x = np.arcsin(np.clip(matrix[..., 2, 1], -1.0, 1.0))
    z = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    y = np.arctan2(-matrix[..., 2, 0], matrix[..., 2, 2])
    first = np.stack((z, x, y), axis=-1)
    other = np.stack((z + np.pi, np.pi - x, y + np.pi), axis=-1)
    angles = first.copy()
    for frame in range(1, len(angles)):
        before = angles[frame - 1]
        near = [_turned_near(triple[frame], before) for triple in (first, other)]
        step = [np.abs(triple - before).sum(axis=-1, keepdims=True) for triple in near]
        angles[frame] = np.where(step[0] <= step[1], near[0], near[1])
    return angles


def _turned_near(angles: NDArray[np.floating], before: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same angles plus whole turns, as near as can be to those of the frame before."""
    turns: NDArray[np.floating] = angles + 2 * np.pi * np.round((before - angles) / (2 * np.pi))
    return turns
