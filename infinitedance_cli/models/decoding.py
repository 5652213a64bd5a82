"""Step-by-step decoding of a LlamaModel with a preallocated cache, a fraction of transformers' cost per step.

Reads the LlamaModel's own weights (query, key and value fused, gate and up fused) and computes what it computes; the
tests compare the two. A full window is re-primed: its last inputs are run again from position zero, so that every step
sees only positions that training has seen, and generation has no end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.backbone import BackboneConfig, rotary_frequencies
from infinitedance_cli.models.checks import require
from infinitedance_cli.models.decoder_weights import Arena, layer_parameters, layer_weights

if TYPE_CHECKING:
    from transformers import LlamaModel

_Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, query, key and value (B, n, heads, head_dim)) → attended (B · n, hidden); fills the cache."""


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


class LlamaWeights(nn.Module):
    """The parameters of a LlamaModel by the same names, without transformers, whose import takes seconds.

    For inference: `LlamaDecoder` reads it like a LlamaModel, and the forward pass keeps no gradient.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(layer_parameters(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden, config.norm_epsilon)

    def forward(self, inputs_embeds: Tensor, use_cache: bool = False) -> HiddenStates:
        """Last hidden states of (B, N, hidden) embeddings, as LlamaModel gives them."""
        batch, count, _ = inputs_embeds.shape
        decoder = LlamaDecoder(self, self.config, window=count + 1, keep=count)
        return HiddenStates(decoder.extend(decoder.start(batch), inputs_embeds))


class CausalLlamaWeights(nn.Module):
    """The parameters of a LlamaForCausalLM with a tied head by the same names, without transformers."""

    def __init__(self, config: BackboneConfig, vocabulary: int) -> None:
        super().__init__()
        self.model = LlamaWeights(config)
        self.model.embed_tokens = nn.Embedding(vocabulary, config.hidden)
        self.lm_head = nn.Linear(config.hidden, vocabulary, bias=False)
        self.lm_head.weight = self.model.embed_tokens.weight


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
        consume: free the model's own layers, which cannot be used afterwards.
    """

    def __init__(
        self, llama: LlamaModel | LlamaWeights, config: BackboneConfig, window: int, keep: int, consume: bool = False
    ) -> None:
        require(0 < keep < window, f"keep is {keep}; expected 1 to {window - 1}, below the window")
        self.config, self.window, self.keep = config, window, keep
        arena = Arena(weight for weight in llama.layers.parameters() if weight.ndim > 1)
        self.layers = [layer_weights(layer, arena, consume) for layer in llama.layers]
        self.norm = llama.norm.weight.detach()
        angles = torch.outer(torch.arange(window).float(), rotary_frequencies(config))
        cosine, sine = angles.cos(), angles.sin()
        self.cosine = torch.cat([cosine, cosine], -1).to(self.norm).unsqueeze(1)  # (window, 1, head_dim)
        self.sine = torch.cat([-sine, sine], -1).to(self.norm).unsqueeze(1)
        self._places = torch.arange(window, device=self.norm.device)

    def start(self, batch: int) -> DecodeState:
        """An empty state for `batch` sequences."""
        config = self.config
        shape = (config.layers, batch, config.key_value_heads, self.window, config.head_dim)
        inputs = self.norm.new_zeros(batch, self.window, config.hidden)
        return DecodeState(self.norm.new_zeros(shape), self.norm.new_zeros(shape), inputs)

    @torch.inference_mode()
    def extend(self, state: DecodeState, embeddings: Tensor, last_only: bool = False) -> Tensor:
        """Feed embeddings (B, n, hidden) and return their last hidden states (B, n, hidden), after the final norm; with
        `last_only` that of the last position (B, 1, hidden), which spares the last layer most of its work.

        Raises:
            BadInput: more positions at once than fit beside the kept ones.
        """
        count = embeddings.shape[1]
        if state.length + count > self.window:
            if self.keep + count > self.window:
                raise BadInput(f"{count} steps at once; this window of {self.window} takes {self.window - self.keep}")
            self._reprime(state)
        state.steps += count
        return self._run(state, embeddings, last_only)

    def advance(self, state: DecodeState, embedding: Tensor, place: Tensor, span: int) -> Tensor:
        """As `extend` for one position, in fixed shapes without a number of Python's, so that a GPU can replay it.

        Args:
            state: its `length` is not looked at and not moved on.
            embedding: (B, hidden).
            place: where in the window, (1,) int64.
            span: first positions of the window that are looked at, above `place`.

        Returns:
            Last hidden states (B, hidden), after the final norm.
        """
        hidden_from_later = (self._places[:span] > place).view(1, 1, 1, span)

        def attend(index: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = state.keys[index], state.values[index]
            keys.index_copy_(2, place, key.transpose(1, 2))
            values.index_copy_(2, place, value.transpose(1, 2))
            query = self._stacked(query)
            scores = (query @ keys[:, :, :span].transpose(2, 3)).float() * self.config.head_dim**-0.5
            weights = scores.masked_fill(hidden_from_later, float("-inf")).softmax(-1).to(query)
            return self._unstacked(weights @ values[:, :, :span])

        turn = self.cosine.index_select(0, place), self.sine.index_select(0, place)
        return self._layers(embedding.unsqueeze(1), turn, attend).squeeze(1)

    def _reprime(self, state: DecodeState) -> None:
        kept = state.inputs[:, state.length - self.keep : state.length].clone()
        state.length = 0
        self._run(state, kept)

    def _run(self, state: DecodeState, embeddings: Tensor, last_only: bool = False) -> Tensor:
        first, count = state.length, embeddings.shape[1]
        stop = first + count
        state.inputs[:, first:stop] = embeddings
        mask = None
        if count > 1:
            shared = self.config.heads // self.config.key_value_heads
            mask = torch.ones(count, stop, dtype=torch.bool, device=embeddings.device).tril(first).repeat(shared, 1)

        # One view of all layers at once is as dear as one of a layer.
        seen_keys, seen_values = (cache.narrow(3, 0, stop).unbind() for cache in (state.keys, state.values))
        new_keys, new_values = (cache.narrow(3, first, count).unbind() for cache in (state.keys, state.values))

        def attend(index: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            new_keys[index].copy_(key.transpose(1, 2))
            new_values[index].copy_(value.transpose(1, 2))
            seen = mask if query.shape[1] == count else None  # the last position sees all
            query = self._stacked(query)
            return self._unstacked(
                functional.scaled_dot_product_attention(query, seen_keys[index], seen_values[index], seen)
            )

        state.length = stop
        return self._layers(embeddings, (self.cosine[first:stop], self.sine[first:stop]), attend, last_only)

    def _layers(
        self, embeddings: Tensor, turn: tuple[Tensor, Tensor], attend: _Attend, last_only: bool = False
    ) -> Tensor:
        config, (batch, count, width) = self.config, embeddings.shape
        parts = [config.heads + config.key_value_heads, config.key_value_heads]
        hidden = embeddings.reshape(batch * count, width)
        for index, layer in enumerate(self.layers):
            fused = torch.mm(self._normalise(hidden), layer.query_key_value)
            turned, value = fused.view(batch, count, -1, config.head_dim).split(parts, 2)
            query, key = _rotate(turned, turn).split([config.heads, config.key_value_heads], 2)
            if last_only and index == len(self.layers) - 1:  # keys and values of all positions are needed, no more
                query, hidden = query[:, -1:], hidden.view(batch, count, width)[:, -1]
            hidden = torch.addmm(hidden, attend(index, query, key, value), layer.attention_out)
            gate, up = torch.mm(self._normalise(hidden), layer.gate_up).chunk(2, -1)
            hidden = torch.addmm(hidden, functional.silu(gate).mul_(up), layer.down)
        return (self._normalise(hidden) * self.norm).view(batch, -1, width)

    def _stacked(self, query: Tensor) -> Tensor:
        """Heads (B, n, heads, head_dim) that share a key along the query axis, so that keys need not be repeated."""
        batch, count, heads, channels = query.shape
        groups = self.config.key_value_heads
        if count == 1:
            return query.view(batch, groups, heads // groups, channels)
        query = query.view(batch, count, groups, heads // groups, channels).permute(0, 2, 3, 1, 4)
        return query.reshape(batch, groups, heads // groups * count, channels)

    def _unstacked(self, attended: Tensor) -> Tensor:
        """What `_stacked` stacked, as (B · n, hidden)."""
        batch, heads, channels = len(attended), self.config.heads, self.config.head_dim
        if attended.shape[2] * self.config.key_value_heads == heads:
            return attended.reshape(batch, heads * channels)
        return attended.view(batch, heads, -1, channels).transpose(1, 2).reshape(-1, heads * channels)

    def _normalise(self, hidden: Tensor) -> Tensor:
        """Unit root mean square per row; for a few rows of fp32 on a CPU torch's rms_norm takes four times as long."""
        epsilon, width = self.config.norm_epsilon, hidden.shape[-1]
        if hidden.is_cuda or hidden.dtype is not torch.float32:
            return functional.rms_norm(hidden, (width,), eps=epsilon)
        if len(hidden) == 1 and not torch.compiler.is_compiling():
            row = hidden[0]
            return hidden * (torch.dot(row, row).item() / width + epsilon) ** -0.5
        return hidden * torch.rsqrt(hidden.square().mean(-1, keepdim=True).add_(epsilon))


def _rotate(heads: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position embedding of (B, n, heads, head_dim), half against half as LLaMA does, by (cosine, sine)."""
    low, high = heads.chunk(2, -1)
    return torch.addcmul(heads * turn[0], torch.cat([high, low], -1), turn[1])
