"""The released networks written down a second time, as plainly as can be: numpy in double precision, loops over time.

Tensors come by the names that the release's checkpoints have. Nothing here is shared with the package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[np.floating]
Tensors = Mapping[str, Array]


def below(tensors: Tensors, prefix: str) -> dict[str, Array]:
    """The tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def linear(tensors: Tensors, name: str, rows: Array) -> Array:
    """x Wᵀ + b, without b where there is none."""
    return rows @ tensors[f"{name}.weight"].T + tensors.get(f"{name}.bias", np.zeros(1))


def softmax(values: Array, axis: int) -> Array:
    """Exponentials that sum to one along an axis."""
    powers = np.exp(values - values.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def silu(values: Array) -> Array:
    """x · sigmoid(x)."""
    return values / (1 + np.exp(-values))


def gelu(values: Array) -> Array:
    """The exact one, by the error function."""
    return values * (1 + erf(values / math.sqrt(2))) / 2


def layer_norm(tensors: Tensors, name: str, rows: Array) -> Array:
    """Zero mean and unit variance over channels, then weight and bias."""
    centred = rows - rows.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


# --- RVQ-VAE (b) -----------------------------------------------------------------------------------------------------


def convolve(tensors: Tensors, name: str, signal: Array, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """A 1-D convolution of (C, T) with zeros outside, as a sum over the taps of the kernel."""
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    taps = weight.shape[2]
    padded = np.pad(signal, ((0, 0), (padding, padding)))
    length = (padded.shape[1] - dilation * (taps - 1) - 1) // stride + 1
    result = np.repeat(bias[:, None], length, 1).astype(float)
    for tap in range(taps):
        first = tap * dilation
        result += weight[:, :, tap] @ padded[:, first : first + stride * (length - 1) + 1 : stride]
    return result


def residual_blocks(tensors: Tensors, signal: Array, growth: int, depth: int) -> Array:
    """act, dilated conv3, act, conv1, add; dilations growth^(depth-1) … 1."""
    for number in range(depth):
        dilation = growth ** (depth - 1 - number)
        inner = convolve(tensors, f"{number}.conv1", np.maximum(signal, 0), padding=dilation, dilation=dilation)
        signal = signal + convolve(tensors, f"{number}.conv2", np.maximum(inner, 0))
    return signal


def encode_latent(tensors: Tensors, features: Array, growth: int, depth: int, levels: int = 2) -> Array:
    """Latents (T/4, C) of z-scored features (T, 264)."""
    own = below(tensors, "encoder.model.")
    signal = np.maximum(convolve(own, "0", features.T, padding=1), 0)
    for level in range(levels):
        signal = convolve(own, f"{2 + level}.0", signal, stride=2, padding=1)
        signal = residual_blocks(below(own, f"{2 + level}.1.model."), signal, growth, depth)
    return convolve(own, str(2 + levels), signal, padding=1).T


def quantise(tensors: Tensors, latent: Array) -> NDArray[np.int64]:
    """Codes (S, 3): the nearest by squared distance, layer by layer, on what is left."""
    residual, codes = latent.copy(), []
    for layer in range(3):
        book = tensors[f"quantizer.layers.{layer}.codebook"]
        distance = ((residual[:, None] - book[None]) ** 2).sum(-1)
        codes.append(distance.argmin(1))
        residual -= book[codes[-1]]
    return np.stack(codes, 1)


def run_decoder(tensors: Tensors, name: str, latent: Array, growth: int, depth: int, levels: int = 2) -> Array:
    """What one of the decoders makes of latents (S, C): (4 S, columns)."""
    own = below(tensors, f"{name}.model.")
    signal = np.maximum(convolve(own, "0", latent.T, padding=1), 0)
    for level in range(levels):
        signal = residual_blocks(below(own, f"{2 + level}.0.model."), signal, growth, depth)
        signal = convolve(own, f"{2 + level}.2", np.repeat(signal, 2, 1), padding=1)
    signal = np.maximum(convolve(own, str(2 + levels), signal, padding=1), 0)
    return convolve(own, str(4 + levels), signal, padding=1).T


def decode_tokens(
    tensors: Tensors, tokens: NDArray[np.integer], mean: Array, std: Array, growth: int, depth: int
) -> Array:
    """Features (4 S, 264) of the release's flat tokens (3 S,)."""
    triplets = tokens.reshape(-1, 3)
    latent = sum(
        tensors[f"quantizer.layers.{layer}.codebook"][triplets[:, layer] - 4096 - 512 * layer] for layer in range(3)
    )
    features = run_decoder(tensors, "decoder", np.asarray(latent), growth, depth)
    features[:, 3:5] = run_decoder(tensors, "vel_decoder", np.asarray(latent), growth, depth)
    return features * std + mean


# --- ChoreoLLaMA (c) -------------------------------------------------------------------------------------------------


def mamba(tensors: Tensors, signal: Array) -> Array:
    """Mamba-1 over (T, width), one moment after the other."""
    gate = signal @ tensors["in_proj.weight"].T
    inner, gate = np.split(gate, 2, 1)
    channels, states = tensors["A_log"].shape
    rank = tensors["dt_proj.weight"].shape[1]
    kernel, bias = tensors["conv1d.weight"][:, 0], tensors["conv1d.bias"]
    decay, state, result = -np.exp(tensors["A_log"]), np.zeros((channels, states)), []
    for t in range(len(signal)):
        heard = bias.astype(float)
        for back in range(kernel.shape[1]):
            if t - back >= 0:
                heard = heard + kernel[:, kernel.shape[1] - 1 - back] * inner[t - back]
        x = silu(heard)
        low = tensors["x_proj.weight"] @ x
        dt = np.logaddexp(0, tensors["dt_proj.weight"] @ low[:rank] + tensors["dt_proj.bias"])
        b, c = low[rank : rank + states], low[rank + states :]
        state = np.exp(dt[:, None] * decay) * state + (dt * x)[:, None] * b
        result.append((state @ c + tensors["D"] * x) * silu(gate[t]))
    return np.stack(result) @ tensors["out_proj.weight"].T


def expert(tensors: Tensors, signal: Array, heads: int = 8) -> Array:
    """Linear, attention over everything, Mamba of its norm added to it."""
    x = linear(tensors, "proj", signal)
    queries, keys, values = np.split(
        x @ tensors["transformer_attn.in_proj_weight"].T + tensors["transformer_attn.in_proj_bias"], 3, 1
    )
    size, parts = x.shape[1] // heads, []
    for head in range(heads):
        own = slice(head * size, (head + 1) * size)
        weights = softmax(queries[:, own] @ keys[:, own].T / math.sqrt(size), 1)
        parts.append(weights @ values[:, own])
    a = linear(below(tensors, "transformer_attn."), "out_proj", np.concatenate(parts, 1))
    return mamba(below(tensors, "mamba."), layer_norm(tensors, "norm", a)) + a


def frequency_bands(signal: Array, bands: int, fs: float = 30.0) -> list[Array]:
    """Full-length signals (T, C) of equal bands of [0, fs/2]; the last one holds its upper edge."""
    spectrum, hertz = np.fft.rfft(signal, axis=0), np.fft.rfftfreq(len(signal), 1 / fs)
    result = []
    for band in range(bands):
        low, high = band * fs / 2 / bands, (band + 1) * fs / 2 / bands
        inside = (hertz >= low) & (hertz <= high if band == bands - 1 else hertz < high)
        result.append(np.fft.irfft(spectrum * inside[:, None], n=len(signal), axis=0))
    return result


def music_prefix(tensors: Tensors, music: Array, style: int, reference: Array) -> Array:
    """The 320 positions that stand before the dance: music (320, 1024), z-scored reference (384, 264)."""
    placed = tensors["cond_projection.weight"] @ reference + tensors["cond_projection.bias"][:, None]
    styled = np.repeat(tensors["style_embedding.weight"][style][None], len(music), 0)
    own = below(tensors, "music_bridge.")
    fused = linear(own, "input_proj", np.concatenate([music, styled, placed], 1))
    outputs = [expert(below(own, "universal_expert."), fused)]
    for number, band in enumerate(frequency_bands(placed, 2)):
        outputs.append(expert(below(own, f"specialized_experts.{number}."), band))
    return linear(own, "fusion_proj", np.concatenate(outputs, 1))


def embed_codes(tensors: Tensors, books: Array, codes: NDArray[np.integer]) -> Array:
    """One position for each code of (S, 3), by its own vector alone."""
    vectors = np.stack([books[layer][codes[:, layer]] for layer in range(3)], 1).reshape(-1, books.shape[2])
    return linear(tensors, "dance_bridge.fc2", gelu(linear(tensors, "dance_bridge.fc1", vectors)))


def rope_frequencies(size: int) -> Array:
    """Llama 3.2's: theta 500,000, factor 32, low 1, high 4, original length 8192."""
    frequencies = []
    for channel in range(0, size, 2):
        frequency = 500_000.0 ** (-channel / size)
        wavelength = 2 * math.pi / frequency
        if wavelength > 8192:
            frequency /= 32
        elif wavelength >= 2048:
            blend = (8192 / wavelength - 1) / 3
            frequency = (1 - blend) * frequency / 32 + blend * frequency
        frequencies.append(frequency)
    return np.array(frequencies)


def llama_logits(tensors: Tensors, embeddings: Array, heads: int, shared_heads: int) -> Array:
    """Logits (N, vocabulary) of embeddings (N, hidden), head tied to the token embedding."""
    hidden, (count, width) = embeddings.astype(float), embeddings.shape
    size = width // heads
    angles = np.arange(count)[:, None] * rope_frequencies(size)
    cosine, sine = np.cos(np.tile(angles, 2)), np.sin(np.tile(angles, 2))

    def turned(rows: Array) -> Array:
        low, high = np.split(rows, 2, 1)
        return rows * cosine + np.concatenate([-high, low], 1) * sine

    def rms(name: str, rows: Array) -> Array:
        return rows / np.sqrt((rows**2).mean(1, keepdims=True) + 1e-5) * tensors[f"{name}.weight"]

    layers = 1 + max(int(name.split(".")[3]) for name in tensors if name.startswith("llama.model.layers."))
    hidden_from_later = np.triu(np.full((count, count), -np.inf), 1)
    for number in range(layers):
        layer = f"llama.model.layers.{number}."
        normed = rms(layer + "input_layernorm", hidden)
        queries, keys, values = (linear(tensors, f"{layer}self_attn.{part}_proj", normed) for part in "qkv")
        parts = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            shared = head // (heads // shared_heads)
            theirs = slice(shared * size, (shared + 1) * size)
            scores = turned(queries[:, own]) @ turned(keys[:, theirs]).T / math.sqrt(size) + hidden_from_later
            parts.append(softmax(scores, 1) @ values[:, theirs])
        hidden = hidden + linear(tensors, layer + "self_attn.o_proj", np.concatenate(parts, 1))
        normed = rms(layer + "post_attention_layernorm", hidden)
        gated = silu(linear(tensors, layer + "mlp.gate_proj", normed)) * linear(tensors, layer + "mlp.up_proj", normed)
        hidden = hidden + linear(tensors, layer + "mlp.down_proj", gated)
    return rms("llama.model.norm", hidden) @ tensors["llama.model.embed_tokens.weight"].T


# --- RetrievalNet (d.4) ----------------------------------------------------------------------------------------------


def retrieval_vector(tensors: Tensors, name: str, window: Array, heads: int = 4) -> Array:
    """Unit vector of a window (384, D) by the encoder called `name`."""
    own = below(tensors, f"{name}.")
    signal = linear(own, "proj_in", window) + own["embedding"][: len(window)]
    signal = np.concatenate([own["cls_token"][None], signal])
    blocks = 1 + max(int(key.split(".")[1]) for key in own if key.startswith("blocks."))
    for number in range(blocks):
        block = below(own, f"blocks.{number}.")
        normed = layer_norm(block, "sa_block.norm", signal)
        queries, keys, values = (linear(block, f"sa_block.{part}", normed) for part in ("query", "key", "value"))
        size, parts = signal.shape[1] // heads, []
        for head in range(heads):
            at = slice(head * size, (head + 1) * size)
            parts.append(softmax(queries[:, at], 1) @ (softmax(keys[:, at], 0).T @ values[:, at]))
        signal = signal + np.concatenate(parts, 1)
        normed = layer_norm(block, "ffn.norm", signal)
        signal = signal + linear(block, "ffn.linear2", gelu(linear(block, "ffn.linear1", normed)))
    result = linear(own, "proj_out", signal[0])
    return result / np.linalg.norm(result)
