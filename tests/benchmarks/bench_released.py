"""Speed of the published model's decoding, beside a plain loop over transformers with its own cache.

    python -m tests.benchmarks.bench_released            # hidden 512, 8 layers, fp32, one CPU thread
    python -m tests.benchmarks.bench_released --paper    # paper size on a GPU, bf16, batch 1 and 64

Prediction for the paper size on an H200 (4.3 TB/s of 4.8): a pass reads 973.1 M values of layers, 512 head rows of
2048 and the dance bridge, 1.97 GB in bf16, and three passes make four frames. With 96 tokens kept of every window,
memory alone allows 2,872 frames/s at batch 1. At batch 64 weights are read once for all, 184,000 by weights alone; the
cache, 16 MB a sequence at mid-window, is 1.0 GB more a pass: 120,000. Not measured yet: no GPU was at hand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.released.generation import Window, draw_windows
from infinitedance_cli.models.released.sampler import ReleasedSampler, ReleasedSampling

_SMALL = replace(
    ReleasedChoreographerConfig(),
    backbone=replace(
        BackboneConfig.llama_3_2_1b(), hidden=512, layers=8, heads=8, key_value_heads=2, intermediate=2048
    ),
)
_KEPT_STEPS = 64


def main() -> None:
    """Print frames per second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paper", action="store_true", help="paper size, on CUDA")
    paper = parser.parse_args().paper
    if paper:
        model = _model(ReleasedChoreographerConfig(), torch.device("cuda"), torch.bfloat16)
        for batch in (1, 64):
            seconds = _timed(lambda batch=batch: _ours(model, batch))
            print(f"paper size, bf16, batch {batch}: {4 * _KEPT_STEPS * batch / seconds:,.0f} kept frames/s")
        return
    torch.set_num_threads(1)
    model = _model(_SMALL, torch.device("cpu"), torch.float32)
    condition = _timed(lambda: _condition(model))
    ours, plain = _timed(lambda: _ours(model, 1)), _timed(lambda: _plain(model))
    print(f"plain transformers loop   {4 * _KEPT_STEPS / plain:8.0f} kept frames/s")
    print(f"ours                      {4 * _KEPT_STEPS / ours:8.0f} kept frames/s, {plain / ours:.2f} x")
    print(f"condition (MoE) of a window {condition:.3f} s, {condition / ours:.0%} of the window")


def _model(config: ReleasedChoreographerConfig, device: torch.device, dtype: torch.dtype) -> ReleasedChoreographer:
    torch.manual_seed(0)
    with device:
        model = ReleasedChoreographer(config).eval()
        model.set_codebook(torch.randn(model.codebook.shape))
    return model.to(dtype)


def _prefix(model: ReleasedChoreographer) -> Tensor:
    weight = model.llama.lm_head.weight
    generator = torch.Generator(weight.device).manual_seed(1)
    shape = (1, model.config.music_length, model.config.backbone.hidden)
    return torch.randn(shape, generator=generator, device=weight.device).to(weight.dtype)


@torch.inference_mode()
def _condition(model: ReleasedChoreographer) -> None:
    config = model.config
    music = torch.randn(1, config.music_length, config.music_dim)
    model.condition(music, torch.tensor([1]), torch.randn(1, config.reference_length, config.reference_dim))


def _ours(model: ReleasedChoreographer, batch: int) -> None:
    """A window after 32 given steps, 64 drawn."""
    device, prefix = model.codebook.device, _prefix(model)
    sampler = ReleasedSampler(
        ReleasedSampling(), range(batch), layers=3, steps=96, codes=model.config.codebook_size, device=device
    )
    opening = torch.randint(0, 512, (32, 3)).numpy()
    list(draw_windows(model, [Window(0, 32, 32)], lambda first: prefix, sampler, batch, opening))
    if device.type == "cuda":
        torch.cuda.synchronize()


@torch.inference_mode()
def _plain(model: ReleasedChoreographer) -> None:
    """The same window by the causal LM of transformers, one call a code, top-k and top-p only."""
    config, llama = model.config, model.llama
    codes = torch.randint(0, 512, (1, 32, 3))
    inputs = torch.cat([_prefix(model), model._embed(codes)], 1)
    cache = None
    for place in range(3 * _KEPT_STEPS):
        out = llama(inputs_embeds=inputs, past_key_values=cache, use_cache=True)
        cache, level = out.past_key_values, place % 3
        first = config.code_offset + 512 * level
        values, candidates = (out.logits[0, -1, first : first + 512] / 0.85).topk(30)
        weights = values.softmax(0)
        weights = weights.masked_fill(weights.cumsum(0) - weights > 0.8, 0)
        code = candidates[torch.multinomial(weights, 1)]
        inputs = model.dance_bridge(functional.embedding(code, model.codebook[level])).unsqueeze(0)


def _timed(run: Callable[[], None], repeats: int = 3) -> float:
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
