"""Files that `torch.save` wrote, admitted only as far as tensors, numpy arrays, numbers, strings and containers."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from infinitedance_cli.errors import BadInput

# What torch raises on a file that is cut, foreign or asks for more than is admitted.
_UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, ValueError, TypeError, pickle.UnpicklingError)


def load_tensors(path: Path) -> Any:
    """What is in a file of `torch.save`, with numpy arrays in the place of tensors; nothing in it is run.

    Raises BadInput, one line with the path, when it is none or asks for anything but tensors and arrays.
    """
    import torch

    if not is_torch_file(path):
        raise BadInput(f"{path}: is no file of tensors as torch.save writes it")
    reconstruct = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    admitted = [np.ndarray, np.dtype, np._core.multiarray.scalar, reconstruct]  # type: ignore[attr-defined]
    # Files of numpy 1 name the same functions numpy.core…
    old = [(each, f"numpy.core.multiarray.{each.__name__}") for each in admitted[2:]]
    dtypes = [type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"]
    try:
        with torch.serialization.safe_globals([*admitted, *old, *dtypes]):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadInput(f"{path}: is no file of tensors that can be read ({reason})") from error
    return _plain(data)


def is_torch_file(path: Path) -> bool:
    """True for the zip archive that `torch.save` writes; nothing is loaded."""
    try:
        with zipfile.ZipFile(path) as archive:  # what torch wrote before 2020 was no archive
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _plain(value: Any) -> Any:
    """Tensors as numpy arrays, in dictionaries and lists too; half precision becomes float32."""
    import torch

    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, torch.Tensor):
        plain = value.detach()
        return (plain.float() if plain.dtype in (torch.bfloat16, torch.float16) else plain).numpy()
    return value
