"""MuQ, the encoder of the published InfiniteDance model: 1024 values at 25 Hz, from `idance models add muq`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.song import Song

if TYPE_CHECKING:
    from infinitedance_cli.music.encoders._muq_network import MuQNetwork

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_UNUSED = ("linear.", "cls_token", "quantizer_", "rvq.", "recon_proj.", "preprocessor_")
_WINDOW_S, _MARGIN_S = 240, 10
"""A song is encoded at once, as MuQ's own code does; what is longer in windows of four minutes, each read with ten
seconds on both sides, so that neither memory nor time per second grows with it."""


_LEAST_SAMPLES = 2048
"""One frame of the spectrogram; shorter sounds are followed by silence."""


@dataclass(frozen=True)
class MuQEncoder:
    """MuQ's last hidden state; see `_muq_network`."""

    network: MuQNetwork
    name: str = "muq"
    rate_hz: float = 25.0

    @property
    def dimension(self) -> int:
        """Columns."""
        return self.network.config.encoder_dim

    def encode(self, song: Song) -> np.ndarray:
        """(ceil(duration_s * 25), 1024) float32. A last row of which there is less than a hop, 0.01 s, is repeated."""
        from infinitedance_cli.music.encoders._muq_network import SAMPLE_RATE
        from infinitedance_cli.music.features import frame_count

        samples = np.concatenate(list(song.audio(SAMPLE_RATE)))
        samples = np.pad(samples, (0, max(0, _LEAST_SAMPLES - len(samples))))
        rows = encode_samples(self.network, samples)
        wanted = frame_count(song.duration_s, self.rate_hz)
        return rows[np.minimum(np.arange(wanted), len(rows) - 1)]


def encode_samples(network: MuQNetwork, samples: np.ndarray, *, whole: bool = False) -> np.ndarray:
    """Rows (M, 1024) of mono samples (N,) at 24 kHz, M as `row_count` says; raises BadInput on less than 0.04 s.

    `whole` encodes a song of any length at once: every row attends to every other, as in MuQ's own code.
    """
    import torch

    from infinitedance_cli.music.encoders._muq_network import SAMPLES_PER_ROW, row_count

    device = next(network.parameters()).device
    window, margin, total = _WINDOW_S * 25, _MARGIN_S * 25, max(1, row_count(len(samples)))
    if whole or total <= window + 2 * margin:
        window = total
    parts = []
    for start in range(0, total, window):
        stop = min(start + window, total)
        first, last = max(start - margin, 0), min(stop + margin, total)
        piece = samples[first * SAMPLES_PER_ROW : last * SAMPLES_PER_ROW if last < total else None]
        with torch.inference_mode():
            sound = torch.from_numpy(np.ascontiguousarray(piece, np.float32)).to(device)
            rows = network(sound[None])[0].cpu().numpy()
        parts.append(rows[start - first : stop - first])
    return np.concatenate(parts)


def create() -> MuQEncoder:
    """The encoder with the weights that `idance models add muq` brought.

    Raises:
        MissingResource: they are not there; the message says how to get them.
        BadInput: they are damaged.
    """
    from infinitedance_cli import weights

    return MuQEncoder(load_network(weights.require("muq")))


def load_network(folder: Path) -> MuQNetwork:
    """The network of a folder with `config.json` and weights as published on Hugging Face.

    Raises:
        BadInput: a file is missing or damaged, or a tensor is missing, unknown or of another shape.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from infinitedance_cli.music.encoders._muq_network import MuQConfig, MuQNetwork

    try:
        published = json.loads((folder / "config.json").read_text())
        known = {field.name for field in fields(MuQConfig)}
        network = MuQNetwork(MuQConfig(**{name: value for name, value in published.items() if name in known}))
        path = next(folder / name for name in WEIGHTS if (folder / name).is_file())
        safe = path.suffix == ".safetensors"
        tensors = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError, StopIteration) as error:
        raise BadInput(f"{folder}: not the published MuQ (config.json and {WEIGHTS[0]}): {error!r}") from error
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    used = {name: tensor for name, tensor in named.items() if not name.startswith(_UNUSED)}
    own = network.state_dict()
    for name in own.keys() ^ used.keys():
        raise BadInput(f"{path}: the tensor {name} is {'missing' if name in own else 'not part of MuQ'}")
    for name, tensor in used.items():
        if tensor.shape != own[name].shape:
            raise BadInput(f"{path}: {name} is {tuple(tensor.shape)}; expected {tuple(own[name].shape)}")
    network.load_state_dict(used)
    return network.eval()
