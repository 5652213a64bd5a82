"""One tflite network on the CPU, by LiteRT with XNNPACK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.stages.capture.landmarks.records import FloatArray, Picture


class Network:
    """A network of one picture. Its interpreter is used by one thread at a time and lets others run meanwhile.

    `low` and `high` are what black and white pixels are to the network.
    """

    def __init__(self, path: Path, *, low: float = 0.0, high: float = 1.0, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter: Any = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise MissingResource(f"{path} is not a network that LiteRT can run: {reason}") from error
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]
        self.side: int = int(self._input["shape"][1])
        self._tensor = np.empty(self._input["shape"], np.float32)
        self._low, self._scale = low, (high - low) / 255

    def run(self, picture: Picture, *outputs: int) -> tuple[FloatArray, ...]:
        """The outputs of those numbers for a picture (side, side, 3) uint8, without the batch axis."""
        np.multiply(picture, self._scale, out=self._tensor[0], dtype=np.float32)
        if self._low:
            self._tensor += self._low
        self._interpreter.set_tensor(self._input["index"], self._tensor)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(self._outputs[number])[0] for number in outputs)


def sigmoid(values: Any) -> Any:
    """1 / (1 + exp(−x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float32)))
