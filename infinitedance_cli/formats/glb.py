"""glTF 2.0 binary (.glb): the open body, skinned, with its skeleton and the animation.

glTF's conventions are ours: metres, y up, facing +Z. Node names are joint names; the rest pose of the nodes is the
T-pose in which the mesh is bound; quaternions are x, y, z, w; one key per frame. The scene's `extras` hold
`idance_clip_id`, `idance_fps`, `idance_genre`, `idance_beats` and `idance_downbeats` (s), `idance_tempo_bpm`,
`idance_audio_sha256` and `idance_provenance` (JSON text).

Reading takes our files as they are, and any other skinned animation by retargeting it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.motion.clip import Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.resample import require_smplx_joints

if TYPE_CHECKING:
    from infinitedance_cli.body.mesh import BodyMesh

EXTENSIONS = (".glb",)
READ_EXTENSIONS = (".glb", ".gltf")
DESCRIPTION = "glTF 2.0: skinned body, skeleton and animation"

_SKIN_COLOUR = [0.66, 0.63, 0.60, 1.0]


def read(path: Path) -> Iterator[MotionClip]:
    """The first skinned animation of a file. Raises BadInput when there is none or the file is damaged."""
    from infinitedance_cli.formats._gltf import read_clip

    yield read_clip(path)


def write(clip: MotionClip, file: BinaryIO) -> None:
    """The clip with the open body. Raises BadInput when its joints are not SMPL-X's."""
    from infinitedance_cli.body.mesh import load_open_body

    require_smplx_joints(clip)
    for part in build(clip, load_open_body()).save_to_bytes():
        file.write(part)


def build(clip: MotionClip, mesh: BodyMesh) -> Any:
    """The clip as a `pygltflib.GLTF2`; joints of the mesh that the clip does not have stay at rest."""
    import pygltflib

    skeleton = mesh.skeleton
    offsets = skeleton.offsets.copy()
    offsets[: clip.skeleton.joint_count] = clip.skeleton.offsets
    blob = _Blob()
    nodes = [
        pygltflib.Node(
            name=name,
            translation=offsets[joint].tolist(),
            rotation=[0.0, 0.0, 0.0, 1.0],
            children=list(skeleton.children(joint)) or None,
        )
        for joint, name in enumerate(skeleton.joint_names)
    ]
    nodes.append(pygltflib.Node(name="body", mesh=0, skin=0))
    gltf = pygltflib.GLTF2(
        asset=pygltflib.Asset(version="2.0", generator="idance", copyright=f"body mesh: {mesh.license}"),
        scene=0,
        scenes=[pygltflib.Scene(name=clip.clip_id, nodes=[0, len(nodes) - 1], extras=_extras(clip))],
        nodes=nodes,
        meshes=[pygltflib.Mesh(name="body", primitives=[_primitive(mesh, blob)])],
        materials=[_material()],
        skins=[_skin(mesh, blob)],
        animations=[_animation(clip, blob)],
    )
    gltf.accessors, gltf.bufferViews = blob.accessors, blob.views
    gltf.buffers = [pygltflib.Buffer(byteLength=len(blob.data))]
    gltf.set_binary_blob(bytes(blob.data))
    return gltf


class _Blob:
    """The binary part of a file, and the accessors into it; every array starts at a multiple of four bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.accessors: list[Any] = []
        self.views: list[Any] = []

    def add(self, values: NDArray[Any], kind: str, *, target: int | None = None, limits: bool = False) -> int:
        """Appends an array (N, …) of elements of glTF type `kind`; returns its accessor."""
        import pygltflib

        components = {"float32": 5126, "uint8": 5121, "uint16": 5123, "uint32": 5125}
        data = np.ascontiguousarray(values).tobytes()
        self.views.append(
            pygltflib.BufferView(buffer=0, byteOffset=len(self.data), byteLength=len(data), target=target)
        )
        accessor = pygltflib.Accessor(
            bufferView=len(self.views) - 1,
            componentType=components[values.dtype.name],
            count=len(values),
            type=kind,
        )
        if limits:
            rows = values.reshape(len(values), -1)
            accessor.min, accessor.max = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
        self.accessors.append(accessor)
        self.data += data + bytes(-len(data) % 4)
        return len(self.accessors) - 1


def _primitive(mesh: BodyMesh, blob: _Blob) -> Any:
    import pygltflib

    vertex = pygltflib.ARRAY_BUFFER
    indices = mesh.faces.reshape(-1).astype(np.uint16 if len(mesh.vertices) < 1 << 16 else np.uint32)
    # A joint without weight must be joint 0, says the format.
    joints = np.where(mesh.joint_weights > 0, mesh.joint_indices, 0).astype(np.uint8)
    weights = mesh.joint_weights / mesh.joint_weights.sum(axis=1, keepdims=True)
    return pygltflib.Primitive(
        attributes=pygltflib.Attributes(
            POSITION=blob.add(mesh.vertices.astype(np.float32), "VEC3", target=vertex, limits=True),
            NORMAL=blob.add(vertex_normals(mesh), "VEC3", target=vertex),
            JOINTS_0=blob.add(joints, "VEC4", target=vertex),
            WEIGHTS_0=blob.add(weights.astype(np.float32), "VEC4", target=vertex),
        ),
        indices=blob.add(indices, "SCALAR", target=pygltflib.ELEMENT_ARRAY_BUFFER),
        material=0,
    )


def vertex_normals(mesh: BodyMesh) -> NDArray[np.float32]:
    """Unit normals (V, 3) of the rest pose: means of the faces around a vertex, weighted by area."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(mesh.vertices), 3))
    for corner in range(3):
        np.add.at(normals, mesh.faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    up = np.array([0.0, 1.0, 0.0])
    return np.where(length > 0, normals / np.where(length > 0, length, 1), up).astype(np.float32)


def _material() -> Any:
    import pygltflib

    surface = pygltflib.PbrMetallicRoughness(baseColorFactor=_SKIN_COLOUR, metallicFactor=0.0, roughnessFactor=0.8)
    return pygltflib.Material(name="body", pbrMetallicRoughness=surface)


def _skin(mesh: BodyMesh, blob: _Blob) -> Any:
    import pygltflib

    count = mesh.skeleton.joint_count
    # Joint frames are world-aligned at rest, so the inverse of a bind matrix is a translation; columns come first.
    inverse_bind = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    inverse_bind[:, 3, :3] = -mesh.skeleton.rest_positions()
    accessor = blob.add(inverse_bind.reshape(count, 16), "MAT4")
    return pygltflib.Skin(name="skeleton", joints=list(range(count)), skeleton=0, inverseBindMatrices=accessor)


def _animation(clip: MotionClip, blob: _Blob) -> Any:
    import pygltflib

    times = (np.arange(clip.frames) / clip.fps).astype(np.float32)
    keys = blob.add(times, "SCALAR", limits=True)
    root = blob.add(clip.root_position.astype(np.float32), "VEC3")
    samplers = [pygltflib.AnimationSampler(input=keys, output=root, interpolation="LINEAR")]
    channels = [_channel(0, 0, "translation")]
    for joint in range(clip.skeleton.joint_count):
        turns = np.roll(clip.joint_rotation[:, joint], -1, axis=-1).astype(np.float32)
        samplers.append(pygltflib.AnimationSampler(input=keys, output=blob.add(turns, "VEC4"), interpolation="LINEAR"))
        channels.append(_channel(len(samplers) - 1, joint, "rotation"))
    return pygltflib.Animation(name=clip.clip_id, samplers=samplers, channels=channels)


def _channel(sampler: int, node: int, path: str) -> Any:
    import pygltflib

    return pygltflib.AnimationChannel(sampler=sampler, target=pygltflib.AnimationChannelTarget(node=node, path=path))


def _extras(clip: MotionClip) -> dict[str, Any]:
    music, labels = clip.music or MusicTrack(), clip.labels or Labels()
    return {
        "idance_clip_id": clip.clip_id,
        "idance_fps": clip.fps,
        "idance_joint_count": clip.skeleton.joint_count,
        "idance_genre": labels.genre,
        "idance_genre_requested": labels.genre_requested,
        "idance_beats": music.beats.tolist(),
        "idance_downbeats": music.downbeats.tolist(),
        "idance_tempo_bpm": music.tempo_bpm,
        "idance_audio_sha256": music.sha256,
        "idance_audio_path": music.path,
        # As text: other programs pass extras on only where they hold plain values.
        "idance_provenance": json.dumps(list(clip.provenance), ensure_ascii=False),
    }


def with_extras(clip: MotionClip, extras: dict[str, Any]) -> MotionClip:
    """`clip` with what `_extras` kept of it."""
    music = MusicTrack(
        sha256=str(extras.get("idance_audio_sha256", "")),
        path=str(extras.get("idance_audio_path", "")),
        beats=np.array(extras.get("idance_beats", []), dtype=np.float64),
        downbeats=np.array(extras.get("idance_downbeats", []), dtype=np.float64),
        tempo_bpm=float(extras.get("idance_tempo_bpm", 0.0)),
    )
    labels = Labels(str(extras.get("idance_genre", "")), str(extras.get("idance_genre_requested", "")))
    return replace(
        clip,
        music=music if music.sha256 or len(music.beats) else None,
        labels=labels if labels.genre or labels.genre_requested else None,
        provenance=tuple(json.loads(extras.get("idance_provenance", "[]"))),
    )
