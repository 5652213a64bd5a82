"""A LLaMA's weights for decoding: fused, with the norms' weights multiplied in, laid out for few rows at a time."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from infinitedance_cli.models.backbone import BackboneConfig

_LARGE_PAGE = 2 << 20


@dataclass(frozen=True)
class LayerWeights:
    """A layer's matrices; those that follow a norm have its weight multiplied in."""

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


def layer_weights(layer: nn.Module, consume: bool = False) -> LayerWeights:
    """The weights of a layer with transformers' names; with `consume` the layer's own are freed."""
    tensors = {name: parameter.detach() for name, parameter in layer.named_parameters()}
    attention = [tensors[f"self_attn.{name}_proj.weight"] for name in ("q", "k", "v")]
    mlp = [tensors[f"mlp.{name}_proj.weight"] for name in ("gate", "up")]
    fused = LayerWeights(
        query_key_value=laid_out(torch.cat(attention).mul_(tensors["input_layernorm.weight"])),
        attention_out=laid_out(tensors["self_attn.o_proj.weight"]),
        gate_up=laid_out(torch.cat(mlp).mul_(tensors["post_attention_layernorm.weight"])),
        down=laid_out(tensors["mlp.down_proj.weight"]),
    )
    if consume:
        for parameter in layer.parameters():
            parameter.data = parameter.data.new_empty(0)
    return fused


def laid_out(weight: Tensor) -> Tensor:
    """The same matrix, on a CPU stored along its longer side: a product with one row reads memory in long runs.

    One core reads (4096, 512) at 16 GB/s by columns and at 8 by rows, (512, 2048) at 9 and at 14.
    """
    outputs, inputs = weight.shape
    if weight.device.type != "cpu":
        return weight.contiguous()
    by_columns = outputs > inputs
    return in_large_pages(weight.t()).t() if by_columns else in_large_pages(weight)


def in_large_pages(tensor: Tensor) -> Tensor:
    """A contiguous copy for which Linux is asked for pages of 2 MB, as numpy does: matrices of a megabyte or two are
    read a tenth to a half faster."""
    size = tensor.numel() * tensor.element_size()
    if size < _LARGE_PAGE:
        return tensor.contiguous()
    memory = np.empty(size + _LARGE_PAGE, np.uint8)
    start = -memory.ctypes.data % _LARGE_PAGE
    copied = torch.from_numpy(memory[start : start + size]).view(tensor.dtype).view(tensor.shape)
    return copied.copy_(tensor)


def for_decoding(module: nn.Module) -> nn.Module:
    """A copy of a module, in evaluation, whose linear layers are laid out for few rows at a time."""
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    for layer in copied.modules():
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(laid_out(layer.weight), requires_grad=False)
    return copied
