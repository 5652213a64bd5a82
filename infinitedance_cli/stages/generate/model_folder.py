"""Which folder a --model names. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from infinitedance_cli.models.bundle_files import bundle_folder, is_released

PUBLISHED = "infinitedance"


def model_folder(name: str) -> Path:
    """The folder of the starter, of the published model, or `name` itself with the files of either kind.

    Raises:
        MissingResource: it is not there, or a file of it is missing; the message says what to do.
    """
    if name == PUBLISHED:
        from infinitedance_cli import weights

        return weights.require(PUBLISHED)
    folder = Path(name)
    return folder if is_released(folder) else bundle_folder(name)
