"""Shader programs from the files in `shaders/`."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import moderngl


def source(name: str) -> str:
    """The text of one shader, with each `#include FILE` line replaced by that file."""
    text = resources.files("infinitedance_cli.stages.render").joinpath(f"shaders/{name}").read_text("utf-8")
    lines = [source(line.split()[1]) if line.startswith("#include ") else line for line in text.splitlines()]
    return "\n".join(lines)


def load_program(context: moderngl.Context, vertex: str, fragment: str) -> moderngl.Program:
    """A program of two shader files."""
    return context.program(vertex_shader=source(vertex), fragment_shader=source(fragment))


def column_major(matrix: NDArray[np.floating]) -> bytes:
    """A matrix as OpenGL stores it."""
    return np.ascontiguousarray(matrix.T, dtype=np.float32).tobytes()
