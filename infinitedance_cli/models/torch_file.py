"""Files of `torch.save` by others, without running code from them."""

from __future__ import annotations

import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infinitedance_cli.errors import BadInput


def read_torch_file(path: Path) -> Any:
    """What a file of `torch.save` holds: tensors, in memory of the file where its format allows, and plain values.

    Raises:
        BadInput: it is damaged, no such file, or holds anything that would have to be run.
    """
    try:
        # Files of PyTorch before 1.6 are no archives and cannot be mapped.
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        code = re.search(r"Unsupported (?:global|class)[^:\n]*:? (?:GLOBAL )?([\w.]+)", str(error))
        if code is None:
            raise _unreadable(path, "it is no file of torch.save") from error
        raise BadInput(
            f"{path}: holds {code[1]}, which would have to be run, beside tensors; refused, nothing was run: do not "
            "trust the file, or save it again with tensors alone"
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, IndexError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise _unreadable(path, reason or type(error).__name__) from error


def require_tensors(content: Any, path: Path) -> None:
    """Raise BadInput, naming the tensor, unless this is a dict of finite tensors by name."""
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise BadInput(f"{path}: expected tensors by name; this is another kind of checkpoint")
    for name, tensor in content.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise BadInput(
                f"{path}: the tensor {name} ({dtype}) holds values that are not finite; fetch the file again, or save "
                "it again in bfloat16 or float32 where float16 was too narrow"
            )


def _unreadable(path: Path, reason: str) -> BadInput:
    size = f"{path.stat().st_size:,} bytes" if path.is_file() else "no file"
    return BadInput(
        f"{path}: not a readable checkpoint, perhaps half downloaded ({size}; {reason}); fetch the file again"
    )
