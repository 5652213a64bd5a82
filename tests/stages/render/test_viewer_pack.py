"""What the page reads is what the clip says: packs are read here by their description, not by our own code."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import load_open_body
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.contact import clip_contacts
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stages.render.viewer.pack import pack_body, pack_take
from tests.stages.render.dances import make_dance


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    data = gzip.decompress(packed)
    (size,) = struct.unpack_from("<I", data)
    assert (4 + size) % 4 == 0
    header = json.loads(data[4 : 4 + size])
    arrays = {}
    for name, entry in header["arrays"].items():
        start, count = 4 + size + entry["offset"], int(np.prod(entry["shape"]))
        assert start % 4 == 0
        if entry["type"] == "delta16":
            low, high = np.frombuffer(data, "u1", 2 * count, start).reshape(2, count).astype(int)
            steps = (low + 256 * high).reshape(entry["shape"])
            arrays[name] = np.cumsum(steps, axis=-1).astype("<u2").view("<i2") / entry["scale"]
        else:
            arrays[name] = np.frombuffer(data, f"<{entry['type']}", count, start).reshape(entry["shape"])
    return header["meta"], arrays


def test_a_take_keeps_motion_beats_and_contacts() -> None:
    clip = make_dance(joints=22)
    meta, arrays = unpack(pack_take(clip))
    quaternions = arrays["rotation"].transpose(2, 0, 1)
    sign = np.sign(np.sum(quaternions * clip.joint_rotation, axis=-1, keepdims=True))
    np.testing.assert_allclose(sign * quaternions, clip.joint_rotation, atol=1.01 / 2 / 32767)
    np.testing.assert_array_equal(arrays["root"], clip.root_position)
    np.testing.assert_array_equal(arrays["offsets"], clip.skeleton.offsets)
    assert clip.contacts is not None
    np.testing.assert_array_equal(arrays["contacts"], clip.contacts.planted.T)
    assert (meta["id"], meta["fps"], meta["frames"], meta["genre"], meta["tempo"]) == (
        "dance",
        30.0,
        120,
        "test",
        120.0,
    )
    assert meta["beats"] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]
    assert meta["downbeats"] == [0.0, 2.0]


def test_neighbouring_frames_never_take_the_long_way() -> None:
    clip = make_dance()
    flipped = clip.joint_rotation.copy()
    flipped[::3] *= -1  # the same rotations, written with the other sign
    _, arrays = unpack(pack_take(replace(clip, joint_rotation=flipped)))
    steps = np.sum(arrays["rotation"][..., 1:] * arrays["rotation"][..., :-1], axis=1)
    assert steps.min() > 0.9


def test_contacts_that_a_clip_lacks_are_found() -> None:
    clip = replace(make_dance(), contacts=None)
    meta, arrays = unpack(pack_take(clip))
    found = clip_contacts(clip)
    assert meta["contact_joints"] == list(found.labels)
    np.testing.assert_array_equal(arrays["contacts"], found.planted.T)


def test_beats_after_the_end_of_a_take_are_left_out() -> None:
    clip = make_dance(seconds=4)
    short = replace(clip, root_position=clip.root_position[:30], joint_rotation=clip.joint_rotation[:30], contacts=None)
    assert unpack(pack_take(short))[0]["beats"] == [0.0, 0.5]


def test_the_body_is_the_open_mesh() -> None:
    mesh = load_open_body()
    meta, arrays = unpack(pack_body())
    assert np.abs(arrays["vertices"].T - mesh.vertices).max() < 1e-4
    np.testing.assert_array_equal(arrays["faces"].reshape(-1, 3), mesh.faces)
    np.testing.assert_array_equal(arrays["joint_indices"], mesh.joint_indices)
    assert np.abs(arrays["joint_weights"] / 255 - mesh.joint_weights).max() < 1e-6
    assert meta["joints"] == list(mesh.skeleton.joint_names)
    assert meta["license"] == "CC0-1.0"


def test_the_same_clip_gives_the_same_bytes() -> None:
    assert pack_take(make_dance()) == pack_take(make_dance())


def test_other_skeletons_are_refused() -> None:
    clip = make_dance(joints=22)
    names = ("hip", *clip.skeleton.joint_names[1:])
    other = replace(clip, skeleton=Skeleton(names, clip.skeleton.parents, clip.skeleton.offsets))
    with pytest.raises(BadInput, match="not SMPL-X's"):
        pack_take(other)
