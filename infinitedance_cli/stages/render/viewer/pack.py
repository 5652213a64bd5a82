"""The viewer's data: a body or a take as one compressed block of named arrays.

A pack is gzip around a header and arrays. Little-endian throughout::

    u32            bytes of the header
    header         UTF-8 JSON, padded with spaces so that header and length fill a multiple of 4 bytes:
                   {"meta": {…}, "arrays": {name: {"type", "shape", "offset"[, "scale"]}}}
    arrays         each at `offset` bytes after the header, padded to a multiple of 4 bytes

Array types: `f4`, `u1`, and `delta16`: int16 values, differences along the last axis (modulo 2^16, the first value of a
row against 0), stored as one plane of all low bytes followed by one of all high bytes. With `scale` s, the true value
is the integer divided by s.

Body (`pack_body`): `vertices` (3, V) metres and `faces` (1, 3·F) as delta16; `joint_indices` and `joint_weights` (V, 4)
u1, weights in 255ths; `offsets` (J, 3) f4, each joint from its parent at rest, metres; meta `joints`, `parents`,
`license`. Rest pose, axes and order of joints are those of `infinitedance_cli.body.mesh`.

Take (`pack_take`): `root` (T, 3) f4, metres; `rotation` (J', 4, T) delta16, quaternions (w, x, y, z) local to the
parent, signs chosen so that neighbouring frames are less than half a turn apart; `offsets` (J', 3) f4; `contacts`
(F, T) u1; meta as in `describe_take` plus `beats`, `downbeats` (s), `contact_joints`.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import load_open_body
from infinitedance_cli.motion.clip import Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.contact import clip_contacts
from infinitedance_cli.motion.resample import require_smplx_joints

ROTATION_SCALE = 32767
VERTEX_SCALE = 16384
"""Steps a metre: 0.06 mm, and a body of up to 2 m either way fits 16 bits."""

_ALIGNMENT = 4


class _Pack:
    def __init__(self) -> None:
        self._data = bytearray()
        self._entries: dict[str, dict[str, Any]] = {}

    def add(self, name: str, values: NDArray[Any], kind: str) -> None:
        """Values as they are: `f4` or `u1`."""
        self._append(name, values.astype(f"<{kind}").tobytes(), {"type": kind, "shape": values.shape})

    def add_delta16(self, name: str, values: NDArray[Any], scale: float) -> None:
        """Values times `scale`, rounded, as differences along the last axis."""
        whole = np.rint(np.asarray(values, np.float64) * scale).astype(np.int64)
        steps = np.diff(whole, axis=-1, prepend=0).astype(np.uint64) & 0xFFFF
        planes = steps.astype("<u2").reshape(-1).view(np.uint8).reshape(-1, 2).T
        self._append(name, planes.tobytes(), {"type": "delta16", "shape": values.shape, "scale": scale})

    def _append(self, name: str, data: bytes, entry: dict[str, Any]) -> None:
        self._entries[name] = {**entry, "shape": list(entry["shape"]), "offset": len(self._data)}
        self._data += data + bytes(-len(data) % _ALIGNMENT)

    def seal(self, meta: dict[str, Any]) -> bytes:
        """The whole pack; the same content gives the same bytes."""
        header = json.dumps({"meta": meta, "arrays": self._entries}, ensure_ascii=False, allow_nan=False).encode()
        header += b" " * (-len(header) % _ALIGNMENT)
        return gzip.compress(struct.pack("<I", len(header)) + header + bytes(self._data), compresslevel=9, mtime=0)


@lru_cache
def pack_body() -> bytes:
    """The open body, ready to be skinned."""
    mesh = load_open_body()
    pack = _Pack()
    pack.add_delta16("vertices", mesh.vertices.T, VERTEX_SCALE)
    pack.add_delta16("faces", mesh.faces.reshape(1, -1), 1)
    pack.add("joint_indices", mesh.joint_indices, "u1")
    pack.add("joint_weights", np.rint(mesh.joint_weights * 255), "u1")
    pack.add("offsets", mesh.skeleton.offsets, "f4")
    names, parents = list(mesh.skeleton.joint_names), [int(parent) for parent in mesh.skeleton.parents]
    return pack.seal({"joints": names, "parents": parents, "license": mesh.license})


def pack_take(clip: MotionClip) -> bytes:
    """The motion of one clip, with its beats and its planted feet: those of the clip, or found by our rule.

    Raises BadInput when the joints are not SMPL-X's.
    """
    require_smplx_joints(clip)
    contacts = clip.contacts or clip_contacts(clip)
    music = clip.music or MusicTrack()
    pack = _Pack()
    pack.add("root", clip.root_position, "f4")
    pack.add("offsets", clip.skeleton.offsets, "f4")
    pack.add("contacts", contacts.planted.T, "u1")
    pack.add_delta16("rotation", _continuous(clip.joint_rotation).transpose(1, 2, 0), ROTATION_SCALE)
    meta = {
        **describe_take(clip),
        "beats": _times(music.beats, clip.duration_s),
        "downbeats": _times(music.downbeats, clip.duration_s),
        "contact_joints": list(contacts.labels),
    }
    return pack.seal(meta)


def describe_take(clip: MotionClip) -> dict[str, Any]:
    """What a list of takes shows of a clip: `id`, `fps`, `frames`, `genre`, `tempo` (beats a minute, 0: unknown)."""
    tempo = clip.music.tempo_bpm if clip.music is not None else 0.0
    return {
        "id": clip.clip_id,
        "fps": float(clip.fps),
        "frames": clip.frames,
        "genre": (clip.labels or Labels()).genre,
        "tempo": round(tempo, 2) if math.isfinite(tempo) else 0.0,
    }


def _continuous(rotations: NDArray[np.float32]) -> NDArray[np.float64]:
    """Quaternions (T, J, 4) with the signs that keep each next to the one before."""
    values = rotations.astype(np.float64)
    turned = np.where(np.sum(values[1:] * values[:-1], axis=-1) < 0, -1.0, 1.0)
    values[1:] *= np.cumprod(turned, axis=0)[..., None]
    return values


def _times(seconds: NDArray[np.float64], duration_s: float) -> list[float]:
    """The beats that lie within a take, to a tenth of a millisecond."""
    inside = seconds[(seconds >= 0) & (seconds < duration_s)]
    return [round(float(second), 4) for second in inside]
