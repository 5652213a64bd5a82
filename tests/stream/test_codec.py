from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import Dataset, Group, MotionClip
from infinitedance_cli.stream.codec import decode, encode
from tests.stream.clips import assert_same_clip, full_clip, small_clip


def _edit(clip: MotionClip, path: Path) -> h5py.File:
    """The clip as a file opened for changes that our writer would not make."""
    path.write_bytes(encode(clip))
    return h5py.File(path, "r+")


@pytest.mark.parametrize("clip", [full_clip(), small_clip(), full_clip(joints=22)], ids=["full", "motion", "body"])
def test_nothing_is_lost(clip: MotionClip) -> None:
    assert_same_clip(decode(encode(clip)), clip)


def test_same_clip_gives_same_bytes() -> None:
    first = encode(full_clip())
    assert encode(full_clip()) == first
    assert encode(decode(first)) == first


def test_layout_is_the_documented_one() -> None:
    """Read with h5py alone, as a user or a worker in another environment does."""
    clip = full_clip(frames=5)
    with h5py.File(io.BytesIO(encode(clip)), "r") as file:
        assert (file.attrs["format"], file.attrs["version"], file.attrs["clip_id"]) == ("idance-motion", "1.0", "full")
        assert file["motion"].attrs["fps"] == 30.0
        assert (file["motion"].attrs["up"], file["motion"].attrs["forward"]) == ("+Y", "+Z")
        root, turns = file["motion/root_position"], file["motion/joint_rotation"]
        assert (root.shape, root.dtype, root.attrs["units"], root.attrs["frame"]) == ((5, 3), "<f4", "m", "world")
        assert (turns.shape, turns.dtype, turns.attrs["units"], turns.attrs["frame"]) == (
            (5, 55, 4),
            "<f4",
            "1",
            "parent",
        )
        assert turns.attrs["encoding"] == "quaternion-wxyz"
        assert file["skeleton/joint_names"].asstr()[0] == "pelvis"
        assert file["skeleton/parents"][0] == -1 and file["skeleton/parents"].dtype == "<i2"
        assert list(file["contacts/foot"].attrs["labels"]) == ["left_foot", "right_foot"]
        assert file["contacts/foot"].dtype == "u1" and file["music/features"].dtype == "<f2"
        assert file["tokens/codes"].attrs["stride_frames"] == 4
        assert '"seed": 3' in file["provenance"].asstr()[0]
        assert file["physics/report/root_wrench"].attrs["units"] == "body weights"
        floats: list[str] = []
        file.visititems(lambda name, item: floats.append(name) if getattr(item, "dtype", None) == "f4" else None)
        assert all("units" in file[name].attrs for name in floats) and len(floats) == 5


def test_newer_minor_version_is_read_and_kept(tmp_path: Path) -> None:
    with _edit(small_clip(), tmp_path / "new.h5") as file:
        file.attrs["version"] = "1.7"
        file.create_group("eyes").create_dataset("gaze", data=np.ones((12, 3), "f4")).attrs["units"] = "1"
    clip = decode(encode(decode((tmp_path / "new.h5").read_bytes())))
    gaze = clip.extra["eyes"].members["gaze"]
    assert isinstance(gaze, Dataset)
    np.testing.assert_array_equal(gaze.values, np.ones((12, 3)))


@pytest.mark.parametrize(
    ("version", "message"),
    [("2.0", "format version 2.0; this idance reads 1.x: upgrade idance"), ("0.9", "0.9"), ("one", "two numbers")],
)
def test_other_versions_are_refused(tmp_path: Path, version: str, message: str) -> None:
    with _edit(small_clip(), tmp_path / "new.h5") as file:
        file.attrs["version"] = version
    with pytest.raises(BadInput, match=message):
        decode((tmp_path / "new.h5").read_bytes())


def test_float_dataset_without_units_is_refused(tmp_path: Path) -> None:
    with _edit(full_clip(), tmp_path / "a.h5") as file:
        del file["physics/report/root_wrench"].attrs["units"]
    with pytest.raises(BadInput, match=r"a.h5: float dataset /physics/report/root_wrench has no attribute `units`"):
        decode((tmp_path / "a.h5").read_bytes(), "a.h5")


def test_writer_refuses_a_float_without_units() -> None:
    clip = replace(small_clip(), extra={"new": Group({"speed": Dataset(np.zeros(3))})})
    with pytest.raises(BadInput, match="clip small: /new/speed: a float dataset without units"):
        encode(clip)


@pytest.mark.parametrize(
    ("name", "attribute", "value", "message"),
    [
        ("motion/root_position", "units", "cm", "units 'cm'; expected 'm'"),
        ("motion/joint_rotation", "encoding", "quaternion-xyzw", "expected 'quaternion-wxyz'"),
        ("motion", "up", "+Z", r"up of /motion is '\+Z'"),
        ("motion", "fps", float("nan"), "fps of /motion is nan"),
    ],
)
def test_other_conventions_are_refused(tmp_path: Path, name: str, attribute: str, value: object, message: str) -> None:
    with _edit(small_clip(), tmp_path / "a.h5") as file:
        file[name].attrs[attribute] = value
    with pytest.raises(BadInput, match=message):
        decode((tmp_path / "a.h5").read_bytes())


def test_nan_names_dataset_and_frame(tmp_path: Path) -> None:
    with _edit(small_clip(), tmp_path / "a.h5") as file:
        file["motion/root_position"][7, 1] = np.nan
    with pytest.raises(BadInput, match="a.h5: /motion/root_position is not finite at row 7"):
        decode((tmp_path / "a.h5").read_bytes(), "a.h5")


def test_shapes_must_agree(tmp_path: Path) -> None:
    with _edit(small_clip(), tmp_path / "a.h5") as file:
        del file["motion/root_position"]
        root = file["motion"].create_dataset("root_position", data=np.zeros((11, 3), "f4"))
        root.attrs.update({"units": "m", "frame": "world"})
    with pytest.raises(BadInput, match=r"a.h5: clip small: root_position \(11, 3\)"):
        decode((tmp_path / "a.h5").read_bytes(), "a.h5")


def test_missing_dataset(tmp_path: Path) -> None:
    with _edit(small_clip(), tmp_path / "a.h5") as file:
        del file["skeleton/offsets"]
    with pytest.raises(BadInput, match="/skeleton/offsets is missing"):
        decode((tmp_path / "a.h5").read_bytes())


def test_hdf5_of_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["poses"] = np.zeros(100, "i4")
    with pytest.raises(BadInput, match="HDF5 file of another program"):
        decode((tmp_path / "other.h5").read_bytes())


def test_damaged_image_is_one_error() -> None:
    """Every byte of the first 6 kB set to 255 in turn is read, or refused as BadInput: nothing else gets out."""
    image = encode(small_clip(frames=1))
    refused = 0
    for position in range(64, min(len(image), 6000), 47):
        damaged = bytearray(image)
        damaged[position] = 255
        try:
            decode(bytes(damaged))
        except BadInput:
            refused += 1
    assert refused > 15


def test_links_out_of_the_image_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = 1
    with _edit(small_clip(), tmp_path / "a.h5") as file:
        file["stolen"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/data")
    with pytest.raises(BadInput, match="/stolen is a soft or external link"):
        decode((tmp_path / "a.h5").read_bytes())
