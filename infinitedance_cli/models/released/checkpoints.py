"""The release's checkpoints as our networks: tensor for tensor, without running code from a file.

Facts: `dance_vqvae.pth` is {"net": tensors} with its options in `args.json` beside it, `best_model_stage2.pt` is a flat
dict of tensors, `retrievalnet_*.ckpt` is a Lightning file whose tensors are named "model.…".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput, ConfigError, MissingResource
from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.cadence_moe import MoEConfig
from infinitedance_cli.models.checkpoint import load_weights
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.released.arrays import read_arrays, read_statistics
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig
from infinitedance_cli.models.rvq_vae import RVQConfig
from infinitedance_cli.models.tokenizer import Tokenizer, TokenizerConfig
from infinitedance_cli.models.torch_file import read_torch_file, require_tensors

_KINDS = {int: "a whole number", str: "a text", object: "any value"}
_OPTIONS = {
    **dict.fromkeys(("nb_code", "code_dim", "output_emb_width", "num_quantizers"), int),
    **dict.fromkeys(("down_t", "stride_t", "width", "depth", "dilation_growth_rate"), int),
    "vq_act": str,
    # Written as it was typed on a command line: true, 1 and "True" are the same.
    "vel_decoder": object,
    "rot_decoder": object,
}
"""Of args.json, what shapes the network."""

_HEAD_DIM = 64
"""Of Llama-3.2; the shapes of a checkpoint do not tell it."""


def read_tokenizer(weights: Path, options: Path, mean: Path, deviation: Path) -> Tokenizer:
    """The RVQ-VAE with its normaliser.

    Raises:
        BadInput: a file is damaged or no such checkpoint, an option is not one that this program builds, a tensor is
            missing, extra or of another shape; the message names file and tensor.
    """
    tensors = _tensors(read_torch_file(weights), "net", weights)
    network = _tokenizer_config(options, tensors)
    # The residual quantiser of the release keeps nothing but its codebooks; so does ours.
    tokenizer = Tokenizer(TokenizerConfig(layout="release-264", network=network))
    load_weights(tokenizer.network, tensors, str(weights))
    statistics = read_statistics(mean, deviation, network.features)
    tokenizer.set_statistics(*map(torch.from_numpy, statistics))
    return tokenizer.eval()


def read_choreographer(weights: Path) -> ReleasedChoreographer:
    """ChoreoLLaMA, in the precision of its file; its sizes are read off its tensors. Raises as `read_tokenizer`."""
    tensors = read_torch_file(weights)
    require_tensors(tensors, weights)
    try:
        config = _choreographer_config(tensors)
    except KeyError as error:
        raise BadInput(f"{weights}: no ChoreoLLaMA of the release: the tensor {error.args[0]} is missing") from error
    except (IndexError, ValueError, ZeroDivisionError, ConfigError) as error:
        raise BadInput(f"{weights}: no ChoreoLLaMA of the release ({error}); expected best_model_stage2.pt") from error
    with torch.device("meta"):
        model = ReleasedChoreographer(config)
    model = model.to_empty(device="cpu").to(tensors["llama.lm_head.weight"].dtype)
    _restore_rotary(model, config)
    load_weights(model, tensors, str(weights))
    return model.eval()


def read_retriever(weights: Path) -> Retriever:
    """RetrievalNet. Raises as `read_tokenizer`."""
    tensors = _tensors(read_torch_file(weights), "state_dict", weights)
    named = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    try:
        motion, music = named["motion_encoder.proj_in.weight"], named["cond_encoder.proj_in.weight"]
        config = RetrieverConfig(
            motion_dim=motion.shape[1],
            music_dim=music.shape[1],
            length=len(named["motion_encoder.embedding"]),
            width=len(motion),
            layers=_count(named, "motion_encoder.blocks."),
            feedforward=len(named["motion_encoder.blocks.0.ffn.linear1.bias"]),
        )
    except KeyError as error:
        raise BadInput(f"{weights}: no RetrievalNet of the release: the tensor {error.args[0]} is missing") from error
    except (IndexError, ValueError, ConfigError) as error:
        raise BadInput(f"{weights}: no RetrievalNet of the release ({error})") from error
    model = Retriever(config)
    load_weights(model, named, str(weights))
    return model.eval()


def read_embeddings(path: Path) -> tuple[list[str], np.ndarray]:
    """Names "clip@start_end" and unit vectors (N, E) of the indexed dances.

    Raises:
        BadInput: another file.
    """
    listed, values = read_arrays(path, "names", "embeddings")
    if listed.dtype.kind not in "US" or not np.issubdtype(values.dtype, np.floating):
        raise BadInput(f"{path}: names are {listed.dtype}, embeddings {values.dtype}; expected text and floating point")
    names, vectors = [str(name) for name in listed.reshape(-1)], values.astype(np.float32)
    if vectors.ndim != 2 or len(vectors) != len(names):
        raise BadInput(f"{path}: {len(names)} names and embeddings {vectors.shape}; expected (N,) and (N, E)")
    if not np.isfinite(vectors).all():
        wrong = names[int(np.argmin(np.isfinite(vectors).all(1)))]
        raise BadInput(f"{path}: the embedding of {wrong} is not finite; fetch the file again")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return names, vectors / np.maximum(lengths, 1e-8)


def _tensors(content: Any, key: str, path: Path) -> dict[str, Tensor]:
    if not isinstance(content, dict) or key not in content:
        found = ", ".join(sorted(map(str, content))[:3]) if isinstance(content, dict) else type(content).__name__
        raise BadInput(f"{path}: expected a dict with {key!r}; found {found}")
    require_tensors(content[key], path)
    return dict(content[key])


def _tokenizer_config(path: Path, tensors: Mapping[str, Tensor]) -> RVQConfig:
    given = _options(path)
    has_velocity, has_rotation = (
        any(name.startswith(f"{part}_decoder.") for name in tensors) for part in ("vel", "rot")
    )
    if bool(given["vel_decoder"]) != has_velocity:
        raise BadInput(
            f"{path}: 'vel_decoder' is {given['vel_decoder']!r}, but dance_vqvae.pth has "
            f"{'such tensors' if has_velocity else 'no such tensors'}; expected the file published with it"
        )
    if given["code_dim"] != given["output_emb_width"] or given["stride_t"] != 2:
        raise BadInput(f"{path}: expected code_dim = output_emb_width and stride_t = 2")
    try:
        base = RVQConfig.release(given["dilation_growth_rate"])
        return replace(
            base,
            width=given["width"],
            code_dim=given["code_dim"],
            codebook_size=given["nb_code"],
            codebooks=given["num_quantizers"],
            down_levels=given["down_t"],
            depth=given["depth"],
            activation=given["vq_act"],
            velocity_columns=base.velocity_columns if given["vel_decoder"] else (),
            # Trained after the others and not used: the file has it or not, whatever the options say.
            rotation_columns=base.rotation_columns if has_rotation else (),
        )
    except (ValueError, TypeError, ConfigError) as error:
        raise BadInput(f"{path}: not the options of the released tokeniser ({error})") from error


def _options(path: Path) -> dict[str, Any]:
    """What args.json says, every field there and of its kind."""
    try:
        given = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise MissingResource(f"{path}: there is no such file; it belongs beside dance_vqvae.pth") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not the options of the released tokeniser ({error})") from error
    if not isinstance(given, dict):
        raise BadInput(f"{path}: not the options of the released tokeniser (a {type(given).__name__})")
    for name, kind in _OPTIONS.items():
        if name not in given:
            raise BadInput(f"{path}: has no {name!r}; expected the options that were published with dance_vqvae.pth")
        if not isinstance(given[name], kind) or (kind is int and isinstance(given[name], bool)):
            raise BadInput(f"{path}: {name!r} is {given[name]!r}; expected {_KINDS[kind]}")
    if given.get("shared_codebook") or given.get("vq_norm") not in (None, "none", "None"):
        raise BadInput(f"{path}: shared_codebook or vq_norm is set; the released tokeniser has neither")
    return given


def _choreographer_config(tensors: Mapping[str, Tensor]) -> ReleasedChoreographerConfig:
    vocabulary, hidden = tensors["llama.lm_head.weight"].shape
    layer, bridge = "llama.model.layers.0.", "music_bridge."
    length, reference_length = tensors["cond_projection.weight"].shape
    reference = tensors[bridge + "specialized_experts.0.proj.weight"].shape[1]
    styles, style_dim = tensors["style_embedding.weight"].shape
    default = ReleasedChoreographerConfig()
    inner, state = tensors[bridge + "universal_expert.mamba.A_log"].shape
    backbone = replace(
        BackboneConfig.llama_3_2_1b(),
        hidden=hidden,
        layers=_count(tensors, "llama.model.layers."),
        heads=hidden // _HEAD_DIM,
        key_value_heads=len(tensors[layer + "self_attn.k_proj.weight"]) // _HEAD_DIM,
        intermediate=len(tensors[layer + "mlp.gate_proj.weight"]),
    )
    moe = MoEConfig(
        bands=_count(tensors, bridge + "specialized_experts."),
        state=state,
        kernel=tensors[bridge + "universal_expert.mamba.conv1d.weight"].shape[-1],
        expand=inner // hidden,
        attention_residual=False,
    )
    return replace(
        default,
        backbone=backbone,
        moe=moe,
        music_dim=tensors[bridge + "input_proj.weight"].shape[1] - style_dim - reference,
        music_length=length,
        reference_dim=reference,
        reference_length=reference_length,
        styles=styles,
        style_dim=style_dim,
        code_dim=tensors["dance_bridge.fc1.weight"].shape[1],
        vocabulary=vocabulary,
    )


def _restore_rotary(model: nn.Module, config: ReleasedChoreographerConfig) -> None:
    """Buffers that no checkpoint holds, which an empty model has lost."""
    from infinitedance_cli.models.backbone import rotary_frequencies

    frequencies = rotary_frequencies(config.backbone)
    for name, buffer in model.named_buffers():
        if name.endswith("inv_freq"):
            buffer.copy_(frequencies)
        elif name == "codebook":
            buffer.zero_()


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    numbers = {int(name.removeprefix(prefix).split(".")[0]) for name in tensors if name.startswith(prefix)}
    return max(numbers) + 1 if numbers else 0
