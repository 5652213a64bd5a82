"""The LLaMA of transformers as a causal network over embeddings: (B, N, hidden) in, (B, N, hidden) out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.checks import require, require_positive, require_share

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel


@dataclass(frozen=True)
class BackboneConfig:
    """Shape of the LLaMA; `llama_3_2_1b()` is the paper's.

    `rope_original_length` above zero switches on Llama 3's frequency scaling, trained at that length.
    """

    hidden: int = 256
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    intermediate: int = 768
    rope_theta: float = 10000.0
    rope_original_length: int = 0
    norm_epsilon: float = 1e-5
    attention_dropout: float = 0.1

    def __post_init__(self) -> None:
        require_positive("backbone", hidden=self.hidden, layers=self.layers, heads=self.heads)
        require_positive("backbone", key_value_heads=self.key_value_heads, intermediate=self.intermediate)
        require_positive("backbone", rope_theta=self.rope_theta, norm_epsilon=self.norm_epsilon)
        require_share("backbone", attention_dropout=self.attention_dropout)
        require(
            self.hidden % (2 * self.heads) == 0,
            f"backbone.hidden is {self.hidden}; expected a multiple of twice backbone.heads ({self.heads})",
        )
        require(
            self.heads % self.key_value_heads == 0,
            f"backbone.key_value_heads is {self.key_value_heads}; expected a divisor of backbone.heads ({self.heads})",
        )

    @classmethod
    def llama_3_2_1b(cls) -> BackboneConfig:
        """Llama-3.2-1B: 973 M parameters in 16 layers."""
        return cls(
            hidden=2048,
            layers=16,
            heads=32,
            key_value_heads=8,
            intermediate=8192,
            rope_theta=500000.0,
            rope_original_length=8192,
        )

    @property
    def head_dim(self) -> int:
        """Channels per attention head."""
        return self.hidden // self.heads


def rotary_frequencies(config: BackboneConfig) -> Tensor:
    """Angle per position of every rotated pair of channels, (head_dim / 2,), with Llama 3's scaling where it is on.

    Scaled, wavelengths beyond the original length turn 32 times slower, those within a quarter of it as before, and
    those between are blended.
    """
    plain = 1.0 / config.rope_theta ** (torch.arange(0, config.head_dim, 2).float() / config.head_dim)
    if not config.rope_original_length:
        return plain
    turns = config.rope_original_length * plain / (2 * math.pi)  # within the original length
    blend = ((turns - 1) / 3).clamp(0, 1)
    return blend * plain + (1 - blend) * plain / 32


def llama_config(config: BackboneConfig, vocabulary: int = 1) -> LlamaConfig:
    """The same shape as transformers states it."""
    from transformers import LlamaConfig

    scaling: dict[str, Any] = {"rope_type": "default", "rope_theta": config.rope_theta}
    if config.rope_original_length:
        scaling |= {
            "rope_type": "llama3",
            "factor": 32.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": config.rope_original_length,
        }
    values: dict[str, Any] = dict(
        vocab_size=vocabulary,
        hidden_size=config.hidden,
        intermediate_size=config.intermediate,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.key_value_heads,
        max_position_embeddings=131072 if config.rope_original_length else 8192,
        rms_norm_eps=config.norm_epsilon,
        attention_dropout=config.attention_dropout,
        rope_theta=config.rope_theta,
        rope_scaling=scaling,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="sdpa",
    )
    return LlamaConfig(**values)


def build_llama(config: BackboneConfig) -> LlamaModel:
    """A LlamaModel with random weights and without its token embedding: it is fed with embeddings."""
    from transformers import LlamaModel

    model = LlamaModel(llama_config(config))
    del model.embed_tokens
    return model


def build_causal_lm(config: BackboneConfig, vocabulary: int) -> LlamaForCausalLM:
    """A LlamaForCausalLM with random weights and a head tied to its token embedding."""
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(llama_config(config, vocabulary))


def run_llama(model: nn.Module, embeddings: Tensor) -> Tensor:
    """Last hidden states (B, N, hidden), after the final norm, that a LLaMA makes of embeddings (B, N, hidden)."""
    hidden: Tensor = model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
    return hidden


def load_pretrained_layers(model: LlamaModel, folder: Path) -> None:
    """Copy layers and final norm from a LLaMA saved in Hugging Face's safetensors layout.

    Raises:
        MissingResource: the folder holds no such model.
        BadInput: the model in it has another shape.
    """
    from transformers import LlamaModel

    if not (folder / "config.json").is_file():
        raise MissingResource(f"{folder} holds no config.json; expected a LLaMA saved by transformers' save_pretrained")
    source = LlamaModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).state_dict()
    source.pop("embed_tokens.weight", None)
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in source or source[name].shape != tensor.shape:
            found = tuple(source[name].shape) if name in source else "nothing"
            raise BadInput(f"{folder}: {name} is {found}; this backbone expects {tuple(tensor.shape)}")
    model.load_state_dict({name: source[name].to(own[name].dtype) for name in own})
