"""Files of `joblib.dump`: a pickle with the bytes of each array between its instructions, whole or compressed.

Only numpy arrays, numbers, strings and plain containers are admitted, as in any pickle here; joblib itself is not
needed. The class that joblib leaves a note of is replaced by one of ours that does nothing but hold values.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import math
import pickle
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.formats._safe_pickle import ArrayUnpickler

_NOTE = ("joblib.numpy_pickle", "NumpyArrayWrapper")
MARK = b"NumpyArrayWrapper"
"""What a file of joblib has in its first bytes, once it is unpacked."""

_COMPRESSED: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x78": zlib.decompress,
    b"\x1f\x8b": gzip.decompress,
    b"BZ": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x5d\x00": lzma.decompress,
}


class _ArrayNote:
    """What joblib writes in the place of an array: its shape, order and dtype. The bytes follow in the file."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state

    def read(self, file: BinaryIO) -> NDArray[Any]:
        """The array. Raises UnpicklingError when its bytes are missing or it holds objects."""
        shape, dtype = tuple(int(length) for length in self.state["shape"]), self.state["dtype"]
        if not isinstance(dtype, np.dtype) or dtype.hasobject:
            raise pickle.UnpicklingError(f"an array holds {dtype}; only numbers are admitted")
        if self.state.get("numpy_array_alignment_bytes") is not None:
            file.read(int.from_bytes(file.read(1), "little"))
        size = math.prod(shape) * dtype.itemsize
        content = file.read(size)
        if len(content) < size:
            raise pickle.UnpicklingError(f"truncated: an array has {len(content)} of {size} bytes")
        order: Literal["C", "F"] = "F" if self.state.get("order") == "F" else "C"
        return np.frombuffer(content, dtype).reshape(shape, order=order)


# The one written in Python: that in C reads ahead, over the bytes of the arrays.
_SteppingUnpickler: Any = pickle._Unpickler


class _JoblibUnpickler(_SteppingUnpickler):
    """Reads instruction by instruction, so that the bytes of an array are met where they lie."""

    dispatch = dict(_SteppingUnpickler.dispatch)

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="latin1")
        self._bytes = file
        self._admitted = ArrayUnpickler(io.BytesIO())

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of an admitted name; raises UnpicklingError for any other."""
        return _ArrayNote if (module, name) == _NOTE else self._admitted.find_class(module, name)

    def load_build(self) -> None:
        """After a note of an array, the array itself."""
        super().load_build()
        if isinstance(self.stack[-1], _ArrayNote):
            self.stack[-1] = self.stack[-1].read(self._bytes)

    dispatch[pickle.BUILD[0]] = load_build


def unpacked(content: bytes) -> bytes:
    """The content without joblib's compression. Raises ValueError when it is compressed and damaged."""
    for start, decompress in _COMPRESSED.items():
        if content.startswith(start):
            try:
                return decompress(content)
            except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
                raise ValueError(f"the compressed content is damaged ({error})") from error
    return content


def load(content: bytes) -> Any:
    """What the bytes of a file of joblib hold. Raises what an unpickler raises on damaged or foreign content."""
    try:
        return _JoblibUnpickler(io.BytesIO(content)).load()
    except struct.error as error:
        raise pickle.UnpicklingError(f"truncated ({error})") from error
