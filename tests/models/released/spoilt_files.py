"""What can be wrong with a file of the release."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Change = Callable[[Path], None]


def spoilt(release: Path, folder: Path, file: str) -> tuple[Path, Path]:
    """The release once more, sharing its files but for one, which may be changed; that one too."""
    copied = folder / "release"
    shutil.copytree(release, copied, copy_function=os.link)
    (path,) = copied.rglob(file)
    shutil.copy(path, folder / "own")
    return copied, (folder / "own").replace(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def a_page(path: Path) -> None:
    path.write_text("<html>you have to log in</html>")


def another(name: str) -> Change:
    """Another checkpoint of the release under this one's name."""
    return lambda path: shutil.copy(path.with_name(name), path) and None


def checkpoint(change: Callable[[Any], Any], key: str = "") -> Change:
    """Save a checkpoint again with other tensors."""

    def apply(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        tensors = change(content[key] if key else content)
        torch.save({**content, key: tensors} if key else tensors, path)

    return apply


def lacking(name: str) -> Callable[[Any], Any]:
    return lambda tensors: {key: value for key, value in tensors.items() if key != name}


def holding(name: str, value: Callable[[Any], torch.Tensor]) -> Callable[[Any], Any]:
    return lambda tensors: {**tensors, name: value(tensors)}


def array_file(change: Callable[[Any], Any]) -> Change:
    return lambda path: np.save(path, change(np.load(path)))


def embeddings(**changes: Callable[[Any], Any]) -> Change:
    def apply(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **{name: changes.get(name, lambda same: same)(values) for name, values in arrays.items()})

    return apply


def options(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    return lambda path: path.write_text(json.dumps(change(json.loads(path.read_text())))) and None


def half_precision(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Kept in float16 by somebody who did not look: what was too large has become infinite."""
    large = {**tensors, "llama.model.norm.weight": torch.full((128,), 1e6)}
    return {name: tensor.half() for name, tensor in large.items()}


def mixed_precision(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The head in float16, which decides what the network is kept in, and a value in bfloat16 that does not fit."""
    head = ("llama.lm_head.weight", "llama.model.embed_tokens.weight")
    large = {**tensors, "llama.model.norm.weight": torch.full((128,), 1e6, dtype=torch.bfloat16)}
    return {name: tensor.half() if name in head else tensor for name, tensor in large.items()}
