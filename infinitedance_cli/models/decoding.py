"""Step-by-step decoding of a LlamaModel with a preallocated cache, a fraction of transformers' cost per step.

Reads the LlamaModel's own weights (query, key and value fused, gate and up fused) and computes what it computes; the
tests compare the two. A full window is re-primed: its last inputs are run again from position zero, so that every step
sees only positions that training has seen, and generation has no end.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.backbone import BackboneConfig, rotary_frequencies
from infinitedance_cli.models.checks import require

if TYPE_CHECKING:
    from transformers import LlamaModel


@dataclass
class DecodeState:
    """Where a decode stands: `length` positions of the window are filled, `steps` were fed since the start.

    keys, values: (layers, B, key-value heads, window, head_dim); inputs: (B, window, hidden), kept for re-priming.
    """

    keys: Tensor
    values: Tensor
    inputs: Tensor
    length: int = 0
    steps: int = field(default=0)


@dataclass(frozen=True)
class _LayerWeights:
    """A layer's matrices; those that follow a norm have its weight multiplied in."""

    query_key_value: Tensor
    attention_out: Tensor
    gate_up: Tensor
    down: Tensor


class LlamaWeights(nn.Module):
    """The parameters of a LlamaModel by the same names, without transformers, whose import takes seconds.

    For inference: `LlamaDecoder` reads it like a LlamaModel, and the forward pass keeps no gradient.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(_layer_parameters(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden, config.norm_epsilon)

    def forward(self, inputs_embeds: Tensor, use_cache: bool = False) -> HiddenStates:
        """Last hidden states of (B, N, hidden) embeddings, as LlamaModel gives them."""
        batch, count, _ = inputs_embeds.shape
        decoder = LlamaDecoder(self, self.config, window=count + 1, keep=count)
        return HiddenStates(decoder.extend(decoder.start(batch), inputs_embeds))


@dataclass(frozen=True)
class HiddenStates:
    """last_hidden_state: (B, N, hidden), after the final norm."""

    last_hidden_state: Tensor


class LlamaDecoder:
    """Cached decoding of one LlamaModel; build it anew after the weights change.

    Args:
        llama: the model, in evaluation.
        config: its shape.
        window: positions that attention can see, as in training.
        keep: positions that a full window is cut down to.
    """

    def __init__(self, llama: LlamaModel | LlamaWeights, config: BackboneConfig, window: int, keep: int) -> None:
        require(0 < keep < window, f"keep is {keep}; expected 1 to {window - 1}, below the window")
        self.config, self.window, self.keep = config, window, keep
        self.layers = [_layer_weights(layer) for layer in llama.layers]
        self.norm = llama.norm.weight.detach()
        angles = torch.outer(torch.arange(window).float(), rotary_frequencies(config))
        cosine, sine = angles.cos(), angles.sin()
        self.cosine = torch.cat([cosine, cosine], -1).to(self.norm).unsqueeze(1)  # (window, 1, head_dim)
        self.sine = torch.cat([-sine, sine], -1).to(self.norm).unsqueeze(1)

    def start(self, batch: int) -> DecodeState:
        """An empty state for `batch` sequences."""
        config = self.config
        shape = (config.layers, batch, config.key_value_heads, self.window, config.head_dim)
        inputs = self.norm.new_zeros(batch, self.window, config.hidden)
        return DecodeState(self.norm.new_zeros(shape), self.norm.new_zeros(shape), inputs)

    @torch.inference_mode()
    def extend(self, state: DecodeState, embeddings: Tensor) -> Tensor:
        """Feed embeddings (B, n, hidden) and return their last hidden states (B, n, hidden), after the final norm.

        Raises:
            BadInput: more positions at once than fit beside the kept ones.
        """
        count = embeddings.shape[1]
        if state.length + count > self.window:
            if self.keep + count > self.window:
                raise BadInput(f"{count} steps at once; this window of {self.window} takes {self.window - self.keep}")
            self._reprime(state)
        state.steps += count
        return self._run(state, embeddings)

    def _reprime(self, state: DecodeState) -> None:
        kept = state.inputs[:, state.length - self.keep : state.length].clone()
        state.length = 0
        self._run(state, kept)

    def _run(self, state: DecodeState, embeddings: Tensor) -> Tensor:
        first, count = state.length, embeddings.shape[1]
        stop = first + count
        state.inputs[:, first:stop] = embeddings
        mask = None
        if count > 1:
            shared = self.config.heads // self.config.key_value_heads
            mask = torch.ones(count, stop, dtype=torch.bool, device=embeddings.device).tril(first).repeat(shared, 1)
        hidden = embeddings
        for index, layer in enumerate(self.layers):
            hidden = hidden + self._attend(layer, hidden, state, index, first, mask)
            gate, up = functional.linear(self._normalise(hidden), layer.gate_up).chunk(2, -1)
            hidden = hidden + functional.linear(functional.silu(gate).mul_(up), layer.down)
        state.length = stop
        return self._normalise(hidden) * self.norm

    def _attend(
        self, layer: _LayerWeights, hidden: Tensor, state: DecodeState, index: int, first: int, mask: Tensor | None
    ) -> Tensor:
        config, (batch, count, _) = self.config, hidden.shape
        stop, shared = first + count, config.heads // config.key_value_heads
        fused = functional.linear(self._normalise(hidden), layer.query_key_value)
        fused = fused.view(batch, count, -1, config.head_dim)
        turned = self._rotate(fused[:, :, : config.heads + config.key_value_heads], first, stop)
        keys, values = state.keys[index], state.values[index]
        keys[:, :, first:stop] = turned[:, :, config.heads :].transpose(1, 2)
        values[:, :, first:stop] = fused[:, :, config.heads + config.key_value_heads :].transpose(1, 2)
        # Heads that share a key are stacked along the query axis, so that keys need not be repeated.
        query = turned[:, :, : config.heads].view(batch, count, config.key_value_heads, shared, config.head_dim)
        query = query.permute(0, 2, 3, 1, 4).reshape(batch, config.key_value_heads, shared * count, config.head_dim)
        attended = functional.scaled_dot_product_attention(query, keys[:, :, :stop], values[:, :, :stop], mask)
        attended = attended.view(batch, config.heads, count, config.head_dim).transpose(1, 2)
        return functional.linear(attended.reshape(batch, count, -1), layer.attention_out)

    def _rotate(self, heads: Tensor, first: int, stop: int) -> Tensor:
        """Rotary position embedding of (B, n, heads, head_dim), half against half as LLaMA does."""
        low, high = heads.chunk(2, -1)
        swapped = torch.cat([high, low], -1)
        return torch.addcmul(heads * self.cosine[first:stop], swapped, self.sine[first:stop])

    def _normalise(self, hidden: Tensor) -> Tensor:
        """Unit root mean square per position; torch's rms_norm takes four times as long for a single row."""
        return hidden * torch.rsqrt(hidden.square().mean(-1, keepdim=True).add_(self.config.norm_epsilon))


def _layer_parameters(config: BackboneConfig) -> nn.Module:
    """A LlamaDecoderLayer's parameters."""

    def linear(inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs, bias=False)

    shared = config.key_value_heads * config.head_dim
    attention = {
        "q_proj": linear(config.hidden, config.hidden),
        "k_proj": linear(config.hidden, shared),
        "v_proj": linear(config.hidden, shared),
        "o_proj": linear(config.hidden, config.hidden),
    }
    mlp = {
        "gate_proj": linear(config.hidden, config.intermediate),
        "up_proj": linear(config.hidden, config.intermediate),
        "down_proj": linear(config.intermediate, config.hidden),
    }
    norms = {name: nn.RMSNorm(config.hidden) for name in ("input_layernorm", "post_attention_layernorm")}
    return nn.ModuleDict({"self_attn": nn.ModuleDict(attention), "mlp": nn.ModuleDict(mlp), **norms})


def _layer_weights(layer: nn.Module) -> _LayerWeights:
    tensors = {name: parameter.detach() for name, parameter in layer.named_parameters()}
    attention = [tensors[f"self_attn.{name}_proj.weight"] for name in ("q", "k", "v")]
    mlp = [tensors[f"mlp.{name}_proj.weight"] for name in ("gate", "up")]
    return _LayerWeights(
        query_key_value=column_major(torch.cat(attention) * tensors["input_layernorm.weight"]),
        attention_out=column_major(tensors["self_attn.o_proj.weight"]),
        gate_up=column_major(torch.cat(mlp) * tensors["post_attention_layernorm.weight"]),
        down=column_major(tensors["mlp.down_proj.weight"]),
    )


def column_major(weight: Tensor) -> Tensor:
    """The same matrix laid out by columns: a product with one or two rows then takes two thirds of the time."""
    return weight.t().contiguous().t()


def for_decoding(module: nn.Module) -> nn.Module:
    """A copy of a module, in evaluation, whose linear layers are laid out for few rows at a time."""
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(column_major(layer.weight), requires_grad=False)
    return copied
