"""Tensors are handed through."""

from __future__ import annotations

from typing import Any


def wrap_tensor(descriptor: Any) -> Any:
    return descriptor


def unwrap_tensor(tensor: Any) -> Any:
    assert tensor.is_contiguous()
    return tensor
