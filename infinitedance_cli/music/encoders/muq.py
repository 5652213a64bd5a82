"""MuQ, the encoder of the published InfiniteDance model: 1024 values at 25 Hz, from `idance models add muq`."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.music.song import Song

if TYPE_CHECKING:
    from torch import Tensor

    from infinitedance_cli.music.encoders._muq_network import MuQNetwork

PUBLISHED = "OpenMuQ/MuQ-large-msd-iter"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_UNUSED = ("linear.", "cls_token", "quantizer_", "rvq.", "recon_proj.", "preprocessor_")
_NEEDED, _STATISTICS = ("stat", "w2v2_config"), ("melspec_2048_mean", "melspec_2048_std")
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
        MissingResource: a file is missing.
        BadInput: a file is damaged or another model's, or a tensor is missing, unknown or of another shape.
    """
    from infinitedance_cli.models.checkpoint import load_weights

    network = _network(folder / "config.json")
    path = _weights_of(folder)
    load_weights(network, _used_tensors(path), str(path))
    return network.eval()


def convert(fetched: Path, target: Path) -> None:
    """Check a folder as `load_network` does, and keep in `target` what the encoder needs, as safetensors."""
    from safetensors.torch import save_file

    load_network(fetched)
    tensors = {name: tensor.clone() for name, tensor in _used_tensors(_weights_of(fetched)).items()}
    save_file(tensors, target / WEIGHTS[0])
    shutil.copyfile(fetched / "config.json", target / "config.json")


def _network(path: Path) -> MuQNetwork:
    """Of the sizes that config.json states, untrained."""
    from infinitedance_cli.music.encoders._muq_network import MuQConfig, MuQNetwork

    if not path.is_file():
        raise MissingResource(f"{path}: no such file; expected MuQ's config.json and {WEIGHTS[0]} in one folder")
    try:
        published = dict(json.loads(path.read_text()))
        absent = [name for name in _NEEDED if name not in published] or [
            name for name in _STATISTICS if name not in published["stat"]
        ]
        if absent:
            raise BadInput(
                f"{path}: has no {absent[0]!r}: it is the configuration of another model "
                f"({published.get('model_type', 'unnamed')}); expected that of {PUBLISHED}"
            )
        known = {field.name for field in fields(MuQConfig)}
        return MuQNetwork(MuQConfig(**{name: value for name, value in published.items() if name in known}))
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path}: not the configuration of {PUBLISHED} ({reason})") from error


def _weights_of(folder: Path) -> Path:
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise MissingResource(f"{folder}: holds no {' or '.join(WEIGHTS)}; expected that of {PUBLISHED} beside config.json")


def _used_tensors(path: Path) -> dict[str, Tensor]:
    """By their names in our network; what is only needed to train MuQ is left out."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from infinitedance_cli.models.torch_file import read_torch_file, require_tensors

    try:
        content = load_file(path) if path.suffix == ".safetensors" else read_torch_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: not the published MuQ, perhaps half downloaded ({error})") from error
    require_tensors(content, path)
    named = {name.removeprefix("model."): tensor for name, tensor in content.items()}
    return {name: tensor for name, tensor in named.items() if not name.startswith(_UNUSED)}
