"""A LLaMA's weights for decoding: fused, with the norms' weights multiplied in, laid out for few rows at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from infinitedance_cli.models.backbone import BackboneConfig

_LARGE_PAGE, _LINE = 2 << 20, 64


@dataclass(frozen=True)
class LayerWeights:
    """A layer's matrices (inputs, outputs); those that follow a norm have its weight multiplied in."""

    query_key_value: Tensor
    attention_out: Tensor
    gate_up: Tensor
    down: Tensor


def layer_parameters(config: BackboneConfig) -> nn.Module:
    """A LlamaDecoderLayer's parameters, by transformers' names."""

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


class Arena:
    """Memory for matrices that are read one after the other, laid out for products with a few rows.

    On a CPU they lie in one stretch, for which Linux is asked for pages of 2 MB, as numpy does; one core then reads
    matrices of a megabyte or two up to a half faster. Each is stored along its longer side: one core reads (4096, 512)
    at 16 GB/s by columns and at 8 by rows, (512, 2048) at 9 and at 14.

    Args:
        weights: what there is to be room for, in numbers and in type.
    """

    def __init__(self, weights: Iterable[Tensor]) -> None:
        sizes = [_rounded(weight.numel() * weight.element_size()) for weight in weights if not weight.is_cuda]
        memory = np.empty(sum(sizes) + _LARGE_PAGE, np.uint8)
        self._memory = torch.from_numpy(memory[-memory.ctypes.data % _LARGE_PAGE :])
        self._taken = 0

    def laid_out(self, weight: Tensor) -> Tensor:
        """The same matrix."""
        if weight.device.type != "cpu":
            return weight.contiguous()
        outputs, inputs = weight.shape
        return self._placed(weight.t()).t() if outputs > inputs else self._placed(weight)

    def _placed(self, matrix: Tensor) -> Tensor:
        size = matrix.numel() * matrix.element_size()
        memory = self._memory[self._taken : self._taken + size]
        self._taken += _rounded(size)
        return memory.view(matrix.dtype).view(matrix.shape).copy_(matrix)


def _rounded(size: int) -> int:
    return -(-size // _LINE) * _LINE


def layer_weights(layer: nn.Module, arena: Arena, consume: bool = False) -> LayerWeights:
    """The weights of a layer with transformers' names; with `consume` the layer's own are freed."""
    tensors = {name: parameter.detach() for name, parameter in layer.named_parameters()}
    attention = [tensors[f"self_attn.{name}_proj.weight"] for name in ("q", "k", "v")]
    mlp = [tensors[f"mlp.{name}_proj.weight"] for name in ("gate", "up")]
    fused = LayerWeights(
        query_key_value=arena.laid_out(torch.cat(attention).mul_(tensors["input_layernorm.weight"])).t(),
        attention_out=arena.laid_out(tensors["self_attn.o_proj.weight"]).t(),
        gate_up=arena.laid_out(torch.cat(mlp).mul_(tensors["post_attention_layernorm.weight"])).t(),
        down=arena.laid_out(tensors["mlp.down_proj.weight"]).t(),
    )
    if consume:
        for parameter in layer.parameters():
            parameter.data = parameter.data.new_empty(0)
    return fused


def for_decoding(module: nn.Module) -> nn.Module:
    """A copy of a module, in evaluation, whose linear layers are laid out for few rows at a time."""
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    linear = [layer for layer in copied.modules() if isinstance(layer, nn.Linear)]
    arena = Arena(layer.weight for layer in linear)
    for layer in linear:
        layer.weight = nn.Parameter(arena.laid_out(layer.weight), requires_grad=False)
    return copied
