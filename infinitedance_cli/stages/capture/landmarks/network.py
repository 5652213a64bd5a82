"""One tflite network on the CPU, by LiteRT with XNNPACK."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.stages.capture.landmarks.pruning import pruned
from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture


class Network:
    """A network of one picture, on one core. It is used by one thread at a time and lets others run meanwhile.

    `low` is what a black pixel is to the network; a white one is 1. With `outputs` it has only these of its outputs,
    and does only the work that they need.
    """

    def __init__(self, path: Path, *, low: float = 0.0, outputs: Sequence[int] = ()) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            content = pruned(path, outputs) if outputs else path.read_bytes()
            with _native_code_silent():
                self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise MissingResource(f"{path} is not a network that LiteRT can run: {reason}") from error
        (taken,) = self._interpreter.get_input_details()
        self._input = self._interpreter.tensor(taken["index"])
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.side: int = int(taken["shape"][1])
        self._low, self._scale = low, np.float32((1 - low) / 255)

    def run(self, picture: Picture) -> tuple[FloatArray, ...]:
        """All outputs for a picture (side, side, 3) uint8, without the batch axis."""
        self._fill(picture)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(number)[0] for number in self._outputs)

    def _fill(self, picture: Picture) -> None:
        """Write the picture into the input, whose view must be gone when the network runs."""
        tensor = self._input()[0]
        np.multiply(picture, self._scale, out=tensor, dtype=np.float32)
        if self._low:
            tensor += self._low


@contextmanager
def _native_code_silent() -> Iterator[None]:
    """Keep LiteRT from writing to the user's stderr that it made a delegate, for which it has no setting. What goes
    wrong is raised as well as written."""
    try:
        stderr = os.dup(2)
    except OSError:  # stderr is closed: there is nothing to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def sigmoid(values: Any) -> Any:
    """1 / (1 + exp(−x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float32)))
