"""MuQ written down a second time, in numpy: mel bands, two strided residual convolutions, conformer blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.models.released.plain_network import Tensors, below, convolve, layer_norm, linear, silu, softmax

Array = NDArray[np.floating]


def mel_decibels(samples: Array, mean: float, std: float) -> Array:
    """(128, N // 240): power of frames of 2048 every 240 samples, mirrored at the ends, in HTK triangles, in dB."""
    padded = np.pad(samples.astype(float), 1024, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    frames = [padded[at : at + 2048] * window for at in range(0, len(padded) - 2047, 240)]
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 12_000 / 700), 130) / 2595) - 1)
    hertz, bands = np.linspace(0, 12_000, 1025), []
    for low, top, high in zip(corners, corners[1:], corners[2:], strict=False):
        triangle = np.minimum((hertz - low) / (top - low), (high - hertz) / (high - top))
        bands.append(power @ np.maximum(triangle, 0))
    return (10 * np.log10(np.maximum(bands, 1e-10))[:, :-1] - mean) / std


def _convolve2d(tensors: Tensors, name: str, image: Array, stride: int) -> Array:
    """3 × 3 with zeros outside over (C, F, T)."""
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    high, wide = ((size - 1) // stride + 1 for size in image.shape[1:])
    result = np.repeat(bias, high * wide).reshape(-1, high, wide)
    for row in range(3):
        for column in range(3):
            part = padded[
                :, row : row + stride * (high - 1) + 1 : stride, column : column + stride * (wide - 1) + 1 : stride
            ]
            result = result + np.tensordot(weight[:, :, row, column], part, 1)
    return result


def _batch_norm(tensors: Tensors, name: str, image: Array) -> Array:
    own = below(tensors, f"{name}.")
    shape = (-1,) + (1,) * (image.ndim - 1)
    scale = own["weight"] / np.sqrt(own["running_var"] + 1e-5)
    return (image - own["running_mean"].reshape(shape)) * scale.reshape(shape) + own["bias"].reshape(shape)


def _residual(tensors: Tensors, image: Array) -> Array:
    inner = np.maximum(_batch_norm(tensors, "bn1", _convolve2d(tensors, "conv1", image, 2)), 0)
    inner = _batch_norm(tensors, "bn2", _convolve2d(tensors, "conv2", inner, 1))
    return np.maximum(inner + _batch_norm(tensors, "bn3", _convolve2d(tensors, "conv3", image, 2)), 0)


def _attention(tensors: Tensors, rows: Array, heads: int) -> Array:
    """Rotary positions on the input of queries and keys, before their projections."""
    count, width = rows.shape
    size = width // heads
    angles = np.arange(count)[:, None] * 10_000.0 ** (-np.arange(0, size, 2) / size)
    cosine, sine = np.cos(np.tile(angles, 2)), np.sin(np.tile(angles, 2))
    turned = []
    for head in range(heads):
        part = rows[:, head * size : (head + 1) * size]
        low, high = np.split(part, 2, 1)
        turned.append(part * cosine + np.concatenate([-high, low], 1) * sine)
    placed, parts = np.concatenate(turned, 1), []
    queries, keys = linear(tensors, "linear_q", placed), linear(tensors, "linear_k", placed)
    values = linear(tensors, "linear_v", rows)
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        parts.append(softmax(queries[:, own] @ keys[:, own].T / np.sqrt(size), 1) @ values[:, own])
    return linear(tensors, "linear_out", np.concatenate(parts, 1))


def _feed_forward(tensors: Tensors, rows: Array) -> Array:
    return linear(tensors, "output_dense", silu(linear(tensors, "intermediate_dense", rows)))


def _convolution_module(tensors: Tensors, rows: Array) -> Array:
    signal = layer_norm(tensors, "layer_norm", rows).T
    expanded = tensors["pointwise_conv1.weight"][:, :, 0] @ signal
    kept, gate = np.split(expanded, 2)
    gated = kept / (1 + np.exp(-gate))
    kernel = tensors["depthwise_conv.weight"][:, 0]
    apart = {"conv.weight": np.stack([np.diag(tap) for tap in kernel.T], 2), "conv.bias": np.zeros(len(kernel))}
    mixed = convolve(apart, "conv", gated, padding=kernel.shape[1] // 2)
    return (tensors["pointwise_conv2.weight"][:, :, 0] @ silu(_batch_norm(tensors, "batch_norm", mixed))).T


def encode(tensors: Tensors, samples: Array, mean: float, std: float, heads: int, depth: int) -> Array:
    """The last hidden state: one row for every four frames of the mel bands, and for what is left of four."""
    image = mel_decibels(samples, mean, std)[None]
    for number in range(2):
        image = _residual(below(tensors, f"conv.conv.{number}."), image)
    rows = linear(tensors, "conv.linear", image.transpose(2, 0, 1).reshape(image.shape[2], -1))
    for number in range(depth):
        own = below(tensors, f"conformer.layers.{number}.")
        rows = rows + _feed_forward(below(own, "ffn1."), layer_norm(own, "ffn1_layer_norm", rows)) / 2
        rows = rows + _attention(below(own, "self_attn."), layer_norm(own, "self_attn_layer_norm", rows), heads)
        rows = rows + _convolution_module(below(own, "conv_module."), rows)
        rows = rows + _feed_forward(below(own, "ffn2."), layer_norm(own, "ffn2_layer_norm", rows)) / 2
        rows = layer_norm(own, "final_layer_norm", rows)
    return layer_norm(tensors, "conformer.layer_norm", rows)
