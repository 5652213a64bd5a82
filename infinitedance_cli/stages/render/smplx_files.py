"""Where a user keeps the licensed SMPL-X model."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT = "SMPLX_MODEL_PATH"
"""Names the model file, or a folder that holds it, where `--smplx` does not."""

_GENDERS = ("neutral", "female", "male")


def find_smplx(files: Path | None, gender: str = "neutral") -> Path | None:
    """The .npz of SMPL-X for a gender, or for another where only that is there; None when nothing is found.

    `files` is the file, its folder or the folder above (as the smplx package lays them out); None looks where the
    variable `SMPLX_MODEL_PATH` points.
    """
    place = files or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    if place is None:
        return None
    if place.is_file():
        return place
    for name in (gender, *_GENDERS):
        for folder in (place, place / "smplx", place / "models" / "smplx"):
            path = folder / f"SMPLX_{name.upper()}.npz"
            if path.is_file():
                return path
    return None
