"""The glTF file is taken apart by hand: JSON and arrays read with json and numpy alone."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.body.mesh import load_open_body, skin
from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats import glb
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stream.ports import read_clips, write_clips
from tests.stream.clips import full_clip, small_clip

_TYPES = {5121: "u1", 5123: "<u2", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class _Glb:
    json: dict[str, Any]
    binary: bytes

    def array(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        view = self.json["bufferViews"][accessor["bufferView"]]
        dtype, width = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        assert start % dtype.itemsize == 0
        count = accessor["count"] * width
        assert start + count * dtype.itemsize <= view["byteOffset"] + view["byteLength"] <= len(self.binary)
        return np.frombuffer(self.binary, dtype, count, start).reshape(accessor["count"], width)


def _taken_apart(path: Path) -> _Glb:
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and size % 4 == 0
    binary_size, binary_kind = struct.unpack_from("<I4s", data, 20 + size)
    assert binary_kind == b"BIN\x00"
    return _Glb(json.loads(data[20 : 20 + size]), data[28 + size : 28 + size + binary_size])


def _write(path: Path, clip: MotionClip) -> _Glb:
    with open(path, "wb") as file:
        glb.write(clip, file)
    return _taken_apart(path)


@pytest.fixture(scope="module")
def clip() -> MotionClip:
    return full_clip(frames=9)


@pytest.fixture(scope="module")
def parts(clip: MotionClip, tmp_path_factory: pytest.TempPathFactory) -> _Glb:
    return _write(tmp_path_factory.mktemp("glb") / "a.glb", clip)


def _world(nodes: list[dict[str, Any]], moved: dict[int, np.ndarray], turned: dict[int, np.ndarray]) -> np.ndarray:
    """World matrices (N, 4, 4) of all nodes; `moved` and `turned` replace translation and rotation (x, y, z, w)."""
    matrices = np.tile(np.eye(4), (len(nodes), 1, 1))
    for number, node in enumerate(nodes):
        x, y, z, w = turned.get(number, np.array(node.get("rotation", (0, 0, 0, 1))))
        local = np.eye(4)
        local[:3, :3] = rotation.to_matrix(np.array([w, x, y, z], dtype=float))
        local[:3, 3] = moved.get(number, np.array(node.get("translation", (0, 0, 0))))
        above = next((i for i, other in enumerate(nodes) if number in other.get("children", ())), None)
        matrices[number] = local if above is None else matrices[above] @ local
    return matrices


def _frame(parts: _Glb, frame: int) -> np.ndarray:
    animation = parts.json["animations"][0]
    moved, turned = {}, {}
    for channel in animation["channels"]:
        values = parts.array(animation["samplers"][channel["sampler"]]["output"])
        target = channel["target"]
        {"translation": moved, "rotation": turned}[target["path"]][target["node"]] = values[frame]
    return _world(parts.json["nodes"], moved, turned)


def test_bind_pose_times_inverse_bind_is_identity(parts: _Glb) -> None:
    skin_json = parts.json["skins"][0]
    world = _world(parts.json["nodes"], {}, {})
    inverse_bind = parts.array(skin_json["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    assert len(skin_json["joints"]) == 55
    for joint, matrix in zip(skin_json["joints"], inverse_bind, strict=True):
        np.testing.assert_allclose(world[joint] @ matrix, np.eye(4), atol=1e-6)


def test_joint_names_and_rest_pose(parts: _Glb) -> None:
    """A T-pose: the left wrist at the height of the left shoulder, on +x; the feet on the floor."""
    nodes = parts.json["nodes"]
    place = {node["name"]: matrix[:3, 3] for node, matrix in zip(nodes, _world(nodes, {}, {}), strict=True)}
    assert abs(place["left_wrist"][1] - place["left_shoulder"][1]) < 0.02
    assert place["left_wrist"][0] > 0.6 and place["right_wrist"][0] < -0.6
    assert 0 < place["left_foot"][1] < 0.1 and place["left_foot"][2] > place["left_ankle"][2]
    assert 1.4 < place["head"][1] < 1.9


@pytest.mark.parametrize("frame", [0, 4, 8])
def test_animation_reproduces_forward_kinematics(parts: _Glb, clip: MotionClip, frame: int) -> None:
    world = _frame(parts, frame)[:55, :3, 3]
    np.testing.assert_allclose(world, clip.joint_positions()[frame], atol=1e-4)


def test_skinned_vertices_are_those_of_the_body(parts: _Glb, clip: MotionClip) -> None:
    """Linear blend skinning of the file's own arrays against the body module's."""
    attributes = parts.json["meshes"][0]["primitives"][0]["attributes"]
    points = parts.array(attributes["POSITION"])[:500].astype(float)
    joints, weights = parts.array(attributes["JOINTS_0"])[:500], parts.array(attributes["WEIGHTS_0"])[:500]
    inverse_bind = parts.array(parts.json["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    matrices = _frame(parts, 5)[:55] @ inverse_bind
    blended = np.einsum("vk,vkij->vij", weights, matrices[joints])
    found = np.einsum("vij,vj->vi", blended, np.concatenate((points, np.ones((500, 1))), axis=1))[:, :3]
    wanted = skin(load_open_body(), clip.root_position[5:6], clip.joint_rotation[5:6])[0, :500]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_accessors_state_what_they_hold(parts: _Glb) -> None:
    primitive = parts.json["meshes"][0]["primitives"][0]
    points = parts.array(primitive["attributes"]["POSITION"])
    accessor = parts.json["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_array_equal(accessor["min"], points.min(axis=0))
    np.testing.assert_array_equal(accessor["max"], points.max(axis=0))
    weights = parts.array(primitive["attributes"]["WEIGHTS_0"])
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert not parts.array(primitive["attributes"]["JOINTS_0"])[weights == 0].any()
    assert parts.array(primitive["indices"]).max() == len(points) - 1
    np.testing.assert_allclose(np.linalg.norm(parts.array(primitive["attributes"]["NORMAL"]), axis=1), 1, atol=1e-5)


def test_normals_point_out() -> None:
    """The top of the head looks up, the soles look down, the chest's front looks forward."""
    mesh = load_open_body()
    normals = glb.vertex_normals(mesh)
    assert normals[mesh.vertices[:, 1].argmax(), 1] > 0.7
    assert normals[mesh.left_sole, 1].mean() < -0.5
    chest = np.abs(mesh.vertices - [0, 1.3, 0]).max(axis=1) < 0.15
    front = chest & (mesh.vertices[:, 2] > np.median(mesh.vertices[chest, 2]))
    assert normals[front, 2].mean() > 0.5


def test_keys_are_frames(parts: _Glb) -> None:
    animation = parts.json["animations"][0]
    times = parts.array(animation["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(9) / 30, atol=1e-7)
    assert len(animation["channels"]) == 56
    assert parts.json["scenes"][0]["extras"]["idance_beats"] == [0.1, 0.6, 1.1 / 3]


def test_file_starts_where_the_dance_does(tmp_path: Path) -> None:
    """A clip without hands: fingers rest, their nodes are there, nothing animates them."""
    found = _write(tmp_path / "a.glb", small_clip(frames=3))
    targets = {channel["target"]["node"] for channel in found.json["animations"][0]["channels"]}
    assert targets == set(range(22))
    assert len(found.json["skins"][0]["joints"]) == 55


@pytest.mark.parametrize("joints", [22, 55])
def test_round_trip(tmp_path: Path, joints: int) -> None:
    clip = full_clip(frames=7, joints=joints)
    write_clips([clip], str(tmp_path / "a.glb"))
    (back,) = list(read_clips([str(tmp_path / "a.glb")]))
    assert (back.clip_id, back.fps, back.labels, list(back.provenance)) == (
        "full",
        30.0,
        clip.labels,
        list(clip.provenance),
    )
    assert back.skeleton.matches(clip.skeleton, tolerance=0)
    np.testing.assert_array_equal(back.root_position, clip.root_position)
    np.testing.assert_array_equal(back.joint_rotation, clip.joint_rotation)
    assert back.music is not None and clip.music is not None
    np.testing.assert_array_equal(back.music.beats, clip.music.beats)


def test_same_clip_gives_same_bytes(tmp_path: Path) -> None:
    _write(tmp_path / "a.glb", small_clip(frames=2))
    _write(tmp_path / "b.glb", small_clip(frames=2))
    assert (tmp_path / "a.glb").read_bytes() == (tmp_path / "b.glb").read_bytes()


def test_other_rigs_are_retargeted(tmp_path: Path) -> None:
    """Our file as another exporter would write it: centimetres, its own names, turned by 60 degrees."""
    source = _dance()
    found = _write(tmp_path / "a.glb", source)
    document, binary = found.json, bytearray(found.binary)
    del document["scenes"][0]["extras"]
    nodes = document["nodes"]
    nodes.append({"name": "Armature", "children": [0], "scale": [0.01, 0.01, 0.01], "rotation": [0, 0.5, 0, 0.75**0.5]})
    document["scenes"][0]["nodes"] = [len(nodes) - 1, len(nodes) - 2]
    for node in nodes[:55]:
        node["translation"] = [100 * value for value in node["translation"]]
        node["name"] = "mixamorig:" + _mixamo(node["name"])
    _scale_root(found, binary, 100.0)
    (tmp_path / "b.glb").write_bytes(_assembled(document, bytes(binary)))
    (back,) = list(read_clips([str(tmp_path / "b.glb")]))
    assert back.provenance[0]["format"] == "glb"
    wanted = source.joint_positions()[:, :22]
    found_positions = back.joint_positions()[:, :22]
    error = np.linalg.norm((found_positions - found_positions[:, :1]) - (wanted - wanted[:, :1]), axis=-1)
    assert error.mean() < 0.03


def _dance() -> MotionClip:
    """Two seconds of gentle, slow swinging of arms and trunk on standing feet."""
    frames = 60
    turns = np.zeros((frames, 55, 3), np.float32)
    phase = np.linspace(0, 2 * np.pi, frames)
    turns[:, 16, 2] = -0.7 + 0.5 * np.sin(phase)
    turns[:, 17, 2] = 0.7 + 0.5 * np.sin(phase)
    turns[:, 6, 1] = 0.3 * np.sin(phase)
    base = small_clip(frames=frames, joints=55)
    root = np.tile(base.skeleton.offsets[0], (frames, 1))
    return MotionClip("dance", base.skeleton, 30.0, root, rotation.from_axis_angle(turns))


def _mixamo(name: str) -> str:
    side, _, base = name.rpartition("_")
    names = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder"}
    names |= {"shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}
    midline = {
        "pelvis": "Hips",
        "spine1": "Spine",
        "spine2": "Spine1",
        "spine3": "Spine2",
        "neck": "Neck",
        "head": "Head",
    }
    return midline.get(name) or side.capitalize() + names.get(base, base.capitalize())


def _scale_root(found: _Glb, binary: bytearray, factor: float) -> None:
    animation = found.json["animations"][0]
    output = animation["samplers"][0]["output"]
    start = found.json["bufferViews"][found.json["accessors"][output]["bufferView"]]["byteOffset"]
    scaled = (found.array(output) * factor).astype("<f4").tobytes()
    binary[start : start + len(scaled)] = scaled


def _assembled(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\x00") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


@pytest.mark.parametrize("content", [b"", b"glTF", b"glTF\x02\x00\x00\x00\xff\xff\x00\x00", b"hello" * 10])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.glb").write_bytes(content)
    with pytest.raises(BadInput, match="a.glb"):
        list(read_clips([str(tmp_path / "a.glb")]))


def test_file_without_animation(tmp_path: Path) -> None:
    document = {"asset": {"version": "2.0"}, "scenes": [{"nodes": []}], "scene": 0}
    (tmp_path / "a.glb").write_bytes(_assembled(document, b""))
    with pytest.raises(BadInput, match="0 skins and 0 animations"):
        list(read_clips([str(tmp_path / "a.glb")]))
