"""NumPy files of the release, without pickles."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput, MissingResource


def open_array(path: Path) -> NDArray[Any]:
    """The array of an .npy file, read where it is used. Raises BadInput on another or a cut file, MissingResource."""
    if not path.is_file():
        raise MissingResource(f"{path}: there is no such file; expected the release laid out as its README says")
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: not a readable array, perhaps half downloaded ({_reason(error)})") from error
    if not isinstance(found, np.ndarray):
        raise BadInput(f"{path}: an archive of arrays; expected one array")
    return found


def read_arrays(path: Path, *names: str) -> tuple[NDArray[Any], ...]:
    """Named arrays of an .npz file. Raises BadInput on another or a cut file, and where one is missing."""
    try:
        # Opened here: np.load leaves a file open that it cannot read.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            for name in names:
                if name not in file:
                    raise BadInput(f"{path}: has no array {name!r}; expected {' and '.join(names)}")
            return tuple(file[name] for name in names)
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(
            f"{path}: expected the arrays {' and '.join(names)} without pickles; perhaps half downloaded "
            f"({_reason(error)})"
        ) from error


def read_statistics(mean: Path, deviation: Path, features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation (D,) of features.

    Raises:
        BadInput: a file is damaged, of another length, or holds what nothing can be normalised by.
        MissingResource: there is no such file.
    """
    read = []
    for path in (mean, deviation):
        values = open_array(path)
        if values.size != features or not np.issubdtype(values.dtype, np.floating):
            raise BadInput(f"{path}: has {values.dtype} values {values.shape}; expected {features} of floating point")
        read.append(np.array(values, np.float32).reshape(-1))
        if not np.isfinite(read[-1]).all():
            raise BadInput(f"{path}: value {int(np.argmin(np.isfinite(read[-1])))} is not finite; fetch the file again")
    if not (read[1] > 0).all():
        wrong = int(np.argmin(read[1] > 0))
        raise BadInput(
            f"{deviation}: value {wrong} is {read[1][wrong]:g}; expected deviations above 0; fetch the file again"
        )
    return read[0], read[1]


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return "it holds pickled objects" if "pickle" in text else text or type(error).__name__
