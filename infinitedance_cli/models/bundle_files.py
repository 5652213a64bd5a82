"""The four files that make a generator, in one folder; the starter's ships with the package. Imports no torch."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from infinitedance_cli.errors import MissingResource

STARTER = "starter"
FILES = {
    "tokenizer": "tokenizer.safetensors",
    "retriever": "retriever.safetensors",
    "index": "index.safetensors",
    "choreographer": "choreographer.safetensors",
}
RELEASED_FILES = {
    "tokenizer": "tokenizer.safetensors",
    "retriever": "retriever.safetensors",
    "dances": "dances.safetensors",
    "choreographer": "choreographer.safetensors",
}
"""The files of the published InfiniteDance model once `idance models add infinitedance` has converted it."""


INDEX_FOLDER = "index"
"""An index that grows is a folder; it may stand in the place of the file."""


def is_index_folder(path: Path) -> bool:
    """Whether an index in a folder lies here."""
    return (path / "index.json").is_file()


def file_in(folder: Path, part: str) -> Path:
    """Where one of `FILES` lies in the folder of a generator; an index in a folder goes before one in a file."""
    if part == "index" and is_index_folder(folder / INDEX_FOLDER):
        return folder / INDEX_FOLDER
    return folder / FILES[part]


def is_released(folder: Path) -> bool:
    """True for a folder of the published model."""
    return all((folder / name).is_file() for name in RELEASED_FILES.values())


def starter_folder() -> Path:
    """Where the bundled model lies."""
    return Path(str(resources.files("infinitedance_cli"))) / "starter" / "weights"


def bundle_folder(name: str) -> Path:
    """The folder of the generator called `starter`, or `name` itself; all four files are there.

    Raises:
        MissingResource: there is no such folder, or one of its files is missing; the message names it.
    """
    folder = starter_folder() if name == STARTER else Path(name)
    if not folder.is_dir():
        raise MissingResource(f"model {name!r}: no such folder; give {STARTER} or a folder with {_listed()}")
    missing = [file for part, file in FILES.items() if not file_in(folder, part).exists()]
    if missing:
        raise MissingResource(f"model {name!r}: {', '.join(missing)} missing in {folder}; expected {_listed()}")
    return folder


def part_path(name: str, part: str) -> Path:
    """The file of one of `FILES`: `name` is the file (or index folder) itself, a folder that holds it, or `starter`.

    Raises:
        MissingResource: it is not there.
    """
    path = starter_folder() if name == STARTER else Path(name)
    if part == "index" and is_index_folder(path):
        return path
    if path.is_dir() or name == STARTER:
        path = file_in(path, part)
    if not path.exists():
        raise MissingResource(f"{part} {name}: there is no file {path}; give --{part} a trained one")
    return path


def _listed() -> str:
    return ", ".join(FILES.values())
