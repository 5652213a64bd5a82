"""A folder like MuQ's on Hugging Face, with a small random network under the real names."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from infinitedance_cli.music.encoders._muq_network import MuQConfig, MuQNetwork

W2V2 = {
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "position_embeddings_type": "rotary",
    "layerdrop": 0.0,
    "hidden_act": "swish",
}
STATISTICS = {"melspec_2048_mean": 6.8, "melspec_2048_std": 18.4}


def write_muq(folder: Path, width: int = 1024) -> MuQNetwork:
    """Write config.json and model.safetensors; returns the network that they hold."""
    torch.manual_seed(0)
    shape = {"encoder_dim": width, "encoder_depth": 1, "conv_dim": 8}
    network = MuQNetwork(MuQConfig(**shape, stat=STATISTICS, w2v2_config=W2V2)).eval()  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    config = {**shape, "stat": STATISTICS, "w2v2_config": W2V2, "label_rate": 25, "mask_prob": 0.6}
    (folder / "config.json").write_text(json.dumps(config))
    tensors = {f"model.{name}": tensor.clone() for name, tensor in network.state_dict().items()}
    # What is only needed to train it, and nothing of which is used here.
    tensors |= {"model.linear.weight": torch.zeros(4, width), "model.cls_token": torch.zeros(width)}
    save_file(tensors, folder / "model.safetensors")
    return network
