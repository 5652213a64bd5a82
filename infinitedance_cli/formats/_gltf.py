"""Reads the first skinned animation of a glTF file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats.glb import with_extras
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.retarget import SourceMotion, retarget, world_motion
from infinitedance_cli.motion.skeleton import SMPLX_JOINT_NAMES, SMPLX_PARENTS, Skeleton

FloatArray = NDArray[np.floating]

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_PATHS = ("translation", "rotation", "scale")
_USUAL_FPS = 30.0
_BROKEN = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True)
class _Channel:
    """One animated property of a node: `times` (K,) s, `values` (K, 3 or 4)."""

    node: int
    path: str
    times: NDArray[np.float64]
    values: FloatArray
    is_step: bool


def read_clip(path: Path) -> MotionClip:
    """The first skin with the first animation. Raises BadInput when the file has none or is damaged."""
    import pygltflib

    try:
        gltf = pygltflib.GLTF2().load(str(path))
        if gltf is None:
            raise BadInput(f"{path}: is no glTF file")
        if not gltf.skins or not gltf.animations:
            raise BadInput(f"{path}: has {len(gltf.skins)} skins and {len(gltf.animations)} animations; expected both")
        channels = _channels(gltf, path)
        extras = (gltf.scenes[gltf.scene or 0].extras if gltf.scenes else None) or {}
        return _clip(gltf, channels, extras, path)
    except _BROKEN as error:
        raise BadInput(f"{path}: the glTF file is damaged ({error}); export it again") from error


def _clip(gltf: Any, channels: list[_Channel], extras: dict[str, Any], path: Path) -> MotionClip:
    fps = float(extras.get("idance_fps", 0.0)) or _frame_rate(channels)
    frames = round(max(channel.times[-1] for channel in channels) * fps) + 1
    times = np.arange(frames) / fps
    parents = _parents(gltf)
    nodes = _in_order(list(gltf.skins[0].joints), parents)
    names = tuple(str(gltf.nodes[node].name or f"joint{node}") for node in nodes)
    if extras.get("idance_joint_count") and names == SMPLX_JOINT_NAMES:
        return with_extras(_own_clip(gltf, channels, nodes, times, fps, extras), extras)
    return retarget(_source(gltf, channels, parents, nodes, times, fps, path))


def _own_clip(
    gltf: Any, channels: list[_Channel], nodes: list[int], times: FloatArray, fps: float, extras: dict[str, Any]
) -> MotionClip:
    count = int(extras["idance_joint_count"])
    kept = nodes[:count]
    offsets = np.array([gltf.nodes[node].translation or (0, 0, 0) for node in kept], dtype=np.float32)
    sampled = {(channel.node, channel.path): _sample(channel, times) for channel in channels}
    turns = [np.roll(sampled[node, "rotation"], 1, axis=-1) for node in kept]
    return MotionClip(
        clip_id=str(extras.get("idance_clip_id", "")),
        skeleton=Skeleton(SMPLX_JOINT_NAMES[:count], SMPLX_PARENTS[:count], offsets),
        fps=fps,
        root_position=sampled[nodes[0], "translation"].astype(np.float32),
        joint_rotation=np.stack(turns, axis=1).astype(np.float32),
    )


def _source(
    gltf: Any,
    channels: list[_Channel],
    parents: dict[int, int],
    joints: list[int],
    times: FloatArray,
    fps: float,
    path: Path,
) -> SourceMotion:
    """Any skinned animation: the joints in the world, turned relative to the pose in which the nodes rest."""
    every = _in_order(sorted({*joints, *(above for joint in joints for above in _ancestors(joint, parents))}), parents)
    place = {node: number for number, node in enumerate(every)}
    above = tuple(place.get(parents.get(node, -1), -1) for node in every)
    moved, turned = _local(gltf, channels, every, times)
    rest_moved, rest_turned = _local(gltf, [], every, np.zeros(1))
    positions, turns = world_motion(above, moved, turned)
    rest_positions, rest_turns = world_motion(above, rest_moved, rest_turned)
    keep = [place[joint] for joint in joints]
    order = {number: index for index, number in enumerate(keep)}
    kept_parents = tuple(_kept_parent(number, above, order) for number in keep)
    rest = rest_positions[0, keep]
    offsets = np.array([rest[i] - (rest[p] if p >= 0 else 0) for i, p in enumerate(kept_parents)])
    away = rotation.multiply(
        turns[:, keep], rotation.inverse(np.broadcast_to(rest_turns[:, keep], turns[:, keep].shape))
    )
    return SourceMotion(
        clip_id=path.stem,
        fps=fps,
        joint_names=tuple(str(gltf.nodes[joint].name or f"joint{joint}") for joint in joints),
        parents=kept_parents,
        offsets=offsets,
        positions=positions[:, keep],
        rotations=away.astype(np.float64),
    )


def _local(
    gltf: Any, channels: list[_Channel], nodes: list[int], times: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Translations (T, N, 3) and rotations (T, N, 4) w first, local to the parent; scales move into translations."""
    sampled = {(channel.node, channel.path): _sample(channel, times) for channel in channels}
    moved, turned = np.zeros((len(times), len(nodes), 3)), np.zeros((len(times), len(nodes), 4))
    scale: dict[int, FloatArray] = {}
    parents = _parents(gltf)
    for number, node in enumerate(nodes):
        rest = _rest(gltf.nodes[node])
        outer = scale.get(parents.get(node, -1), np.ones((1, 1)))
        moved[:, number] = sampled.get((node, "translation"), rest[0]) * outer
        turned[:, number] = np.roll(sampled.get((node, "rotation"), rest[1]), 1, axis=-1)
        scale[node] = outer * np.mean(rest[2])
    return moved, rotation.normalize(turned).astype(np.float64)


def _rest(node: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Translation, rotation (x, y, z, w) and scale of a node at rest."""
    if node.matrix:
        matrix = np.array(node.matrix, dtype=np.float64).reshape(4, 4).T
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        turn = rotation.from_matrix(matrix[:3, :3] / scale)
        return matrix[:3, 3], np.roll(turn, -1), scale
    return (
        np.array(node.translation or (0.0, 0.0, 0.0)),
        np.array(node.rotation or (0.0, 0.0, 0.0, 1.0)),
        np.array(node.scale or (1.0, 1.0, 1.0)),
    )


def _channels(gltf: Any, path: Path) -> list[_Channel]:
    animation = gltf.animations[0]
    found = []
    for channel in animation.channels:
        if channel.target.node is None or channel.target.path not in _PATHS:
            continue
        sampler = animation.samplers[channel.sampler]
        times = _accessor(gltf, sampler.input)[:, 0].astype(np.float64)
        values = _accessor(gltf, sampler.output)
        if sampler.interpolation == "CUBICSPLINE":
            values = values.reshape(len(times), 3, -1)[:, 1]
        step = sampler.interpolation == "STEP"
        found.append(_Channel(channel.target.node, channel.target.path, times, values, step))
    if not found:
        raise BadInput(f"{path}: its first animation moves no joint")
    return found


def _accessor(gltf: Any, number: int) -> FloatArray:
    """The values (N, width) of an accessor, normalised integers as floats."""
    accessor = gltf.accessors[number]
    if accessor.bufferView is None or accessor.sparse:
        raise ValueError("sparse accessors are not supported")
    view = gltf.bufferViews[accessor.bufferView]
    data = gltf.get_data_from_buffer_uri(gltf.buffers[view.buffer].uri)
    dtype, width = np.dtype(_COMPONENTS[accessor.componentType]), _WIDTHS[accessor.type]
    start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
    stride = view.byteStride or dtype.itemsize * width
    rows = np.ndarray((accessor.count, width), dtype, data, start, (stride, dtype.itemsize))
    if dtype.kind == "f":
        return rows.copy()
    return np.maximum(rows / np.iinfo(dtype).max, -1.0) if accessor.normalized else rows.astype(np.float64)


def _sample(channel: _Channel, times: FloatArray) -> FloatArray:
    """The channel at `times` (T,): keys as they are where they fall on the frames, else between their neighbours."""
    if len(channel.times) == len(times) and np.allclose(channel.times, times, atol=1e-4):
        return channel.values
    place = np.interp(times, channel.times, np.arange(len(channel.times)))
    low = np.floor(place + 1e-6).astype(int)
    high = np.minimum(low + 1, len(channel.times) - 1)
    part = np.zeros_like(place) if channel.is_step else np.clip(place - low, 0.0, 1.0)
    if channel.path == "rotation":
        return rotation.slerp(channel.values[low], channel.values[high], part)
    return channel.values[low] * (1 - part[:, None]) + channel.values[high] * part[:, None]


def _frame_rate(channels: list[_Channel]) -> float:
    """The rate of the densest keys, whole frames a second where that is near."""
    densest = max((channel.times for channel in channels), key=len)
    if len(densest) < 2:
        return _USUAL_FPS
    rate = 1.0 / float(np.median(np.diff(densest)))
    return float(round(rate)) if abs(rate - round(rate)) < 0.01 * rate else rate


def _parents(gltf: Any) -> dict[int, int]:
    return {child: number for number, node in enumerate(gltf.nodes) for child in node.children or ()}


def _ancestors(node: int, parents: dict[int, int]) -> list[int]:
    found: list[int] = []
    while node in parents and parents[node] not in found:
        node = parents[node]
        found.append(node)
    return found


def _in_order(nodes: list[int], parents: dict[int, int]) -> list[int]:
    """The nodes as they are where each stands after its ancestors, else from the root down."""
    seen: set[int] = set()
    for node in nodes:
        if any(above in nodes and above not in seen for above in _ancestors(node, parents)):
            return sorted(nodes, key=lambda node: (len(_ancestors(node, parents)), node))
        seen.add(node)
    return nodes


def _kept_parent(number: int, above: tuple[int, ...], order: dict[int, int]) -> int:
    """The nearest ancestor that is a joint itself, −1 when there is none."""
    while above[number] >= 0:
        number = above[number]
        if number in order:
            return order[number]
    return -1
