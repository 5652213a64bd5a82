"""Pickles of foreign data sets, admitted only as far as numpy arrays, numbers, strings and plain containers.

Those of joblib, compressed or not, are read too: see `infinitedance_cli.formats._joblib`.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from infinitedance_cli.errors import BadInput

_ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy", "bool_"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}


class ArrayUnpickler(pickle.Unpickler):
    """Rebuilds numpy arrays and plain values; every other name in the pickle is refused, so nothing can be run."""

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of an admitted name; raises UnpicklingError for any other."""
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}; only numpy arrays are admitted")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_arrays(file: BinaryIO | Path, name: str = "") -> Any:
    """The content of a pickle of arrays, read from an open file or a path.

    Raises BadInput, one line with `name`, when it is no pickle or asks for anything but numpy arrays.
    """
    label = name or str(file)
    try:
        if isinstance(file, Path):
            return _load(file.read_bytes())
        return ArrayUnpickler(file, encoding="latin1").load()
    except OSError as error:
        raise BadInput(f"{label}: {error.strerror}; expected a readable pickle") from None
    except _BROKEN as error:
        raise BadInput(f"{label}: {error or type(error).__name__}; expected a pickle of numpy arrays") from None


def _load(content: bytes) -> Any:
    from infinitedance_cli.formats import _joblib

    plain = _joblib.unpacked(content)
    if _joblib.MARK in plain[:_MARK_BYTES]:
        return _joblib.load(plain)
    return ArrayUnpickler(io.BytesIO(plain), encoding="latin1").load()


_MARK_BYTES = 4096


# What a truncated or foreign byte string makes the unpickler raise.
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)


def as_floats(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Any array of numbers as float64."""
    return np.asarray(values, dtype=np.float64)
