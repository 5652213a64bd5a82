"""Files of joblib, written here as joblib lays them out, and files that must not be believed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.formats._safe_pickle import load_arrays
from infinitedance_cli.stream.ports import read_file

_Pickler: Any = pickle._Pickler


class NumpyArrayWrapper:
    """Stands where joblib's own class does in the file."""

    def __init__(self, array: NDArray[Any], aligned: bool) -> None:
        self.subclass, self.shape, self.dtype = np.ndarray, array.shape, array.dtype
        self.order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        self.allow_mmap = True
        if aligned:
            self.numpy_array_alignment_bytes = 16


class _Writer(_Pickler):
    """A pickle with each array's bytes after the note of it, as joblib writes them."""

    def __init__(self, file: io.BytesIO, aligned: bool) -> None:
        super().__init__(file, protocol=4)
        self.framer.start_framing = lambda: None
        self.file, self.aligned = file, aligned

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if type(value) is not np.ndarray:
            super().save(value, save_persistent_id)
            return
        note = NumpyArrayWrapper(value, self.aligned)
        super().save(note)
        if self.aligned:
            padding = 16 - (self.file.tell() + 1) % 16
            self.file.write(bytes([padding]) + b"\xff" * padding)
        self.file.write(value.tobytes(order="F" if note.order == "F" else "C"))


NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"


def dumped(value: Any, monkeypatch: pytest.MonkeyPatch, *, aligned: bool = True) -> bytes:
    import sys
    import types

    module = types.ModuleType("joblib.numpy_pickle")
    module.NumpyArrayWrapper = NumpyArrayWrapper  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "joblib", types.ModuleType("joblib"))
        patch.setitem(sys.modules, "joblib.numpy_pickle", module)
        file = io.BytesIO()
        _Writer(file, aligned).dump(value)
    return file.getvalue()


def parameters(frames: int = 7) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        "body_pose": generator.normal(size=(frames, 63)).astype(np.float32) * 0.1,
        "global_orient": np.asfortranarray(generator.normal(size=(frames, 3)) * 0.1),
        "transl": generator.normal(size=(frames, 3)),
        "note": "kept",
    }


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("compress", [bytes, zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_arrays_come_back_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes], aligned: bool
) -> None:
    given = parameters()
    path = tmp_path / "clip.pkl"
    path.write_bytes(compress(dumped(given, monkeypatch, aligned=aligned)))
    found = load_arrays(path)
    assert found["note"] == "kept"
    for name in ("body_pose", "global_orient", "transl"):
        assert found[name].dtype == given[name].dtype
        np.testing.assert_array_equal(found[name], given[name])


def test_the_release_s_files_are_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "dance_12.pkl"
    path.write_bytes(dumped(parameters(), monkeypatch))
    (clip,) = read_file(path)
    assert (clip.clip_id, clip.frames, clip.fps) == ("dance_12", 7, 30.0)


def test_what_would_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            import os

            return os.system, ("touch evil",)

    path = tmp_path / "evil.pkl"
    path.write_bytes(dumped({"array": np.zeros(3), "evil": Evil()}, monkeypatch))
    with pytest.raises(BadInput, match=r"system; only numpy arrays are admitted"):
        load_arrays(path)


def test_an_array_of_objects_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "objects.pkl"
    path.write_bytes(dumped({"array": np.array([1, None], dtype=object)}, monkeypatch))
    with pytest.raises(BadInput, match="only numbers are admitted"):
        load_arrays(path)


def test_a_cut_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cut.pkl"
    whole = dumped(parameters(), monkeypatch)
    for length in range(60, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"cut\.pkl"):
            load_arrays(path)
    path.write_bytes(zlib.compress(whole)[:-20])
    with pytest.raises(BadInput, match="compressed content is damaged"):
        load_arrays(path)
