"""Speed of the published model's decoding, on random weights.

    python -m tests.benchmarks.bench_released            # hidden 512, 8 layers, fp32, one CPU thread
    python -m tests.benchmarks.bench_released --paper    # paper size, bf16, on a GPU: batch 1 and 64
    python -m tests.benchmarks.bench_released --memory   # paper size, bf16, on the CPU: peak memory, from the file on

Prediction for the paper size on an H200 (4.3 TB/s of 4.8): a pass reads 973.1 M values of layers, 512 head rows of
2048 and one row of the dance bridge's table, 1.95 GB in bf16, and three passes make four frames. With 96 tokens kept
of every window, memory alone allows 2,872 frames/s at batch 1. At batch 64 weights are read once for all, 184,000 by
weights alone; the cache, 20 MB a sequence when the window is full and read to a multiple of 96 positions, is 1.1 GB
more a pass: 118,000. What launches cost beside that is not in these bounds: a graph of 16 layers has about 400 kernels,
fused by torch.compile about 130, of 1.5 to 2.5 µs each at batch 1 beside 454 µs for memory, so that 1,000 to 1,250
passes a second, 1,300 to 1,700 frames, are expected without and with it. Not measured yet: no GPU was at hand.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from infinitedance_cli.models.backbone import BackboneConfig
from infinitedance_cli.models.checkpoint import load_large, save_model
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer, ReleasedChoreographerConfig
from infinitedance_cli.models.released.conditioner import Conditioner, WindowCondition
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.generation import Dance, draw_dances, song_windows
from infinitedance_cli.models.released.sampler import ReleasedSampling
from infinitedance_cli.models.retriever import Retriever, RetrieverConfig

_SMALL = replace(
    ReleasedChoreographerConfig(),
    backbone=replace(
        BackboneConfig.llama_3_2_1b(), hidden=512, layers=8, heads=8, key_value_heads=2, intermediate=2048
    ),
)
_KEPT_STEPS = 64
_BOUND = {1: 2872, 64: 118_000}
_TWO_SECONDS = 15


def main() -> None:
    """Print frames per second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paper", action="store_true", help="paper size, on CUDA")
    parser.add_argument("--memory", action="store_true", help="peak memory at paper size, on the CPU")
    chosen = parser.parse_args()
    if chosen.paper:
        for compiled in (False, True):
            _on_gpu(compiled)
    elif chosen.memory:
        _in_memory()
    else:
        _on_one_thread()


def _on_gpu(compiled: bool) -> None:
    model = _model(ReleasedChoreographerConfig(), torch.device("cuda"), torch.bfloat16)
    drawer = WindowDrawer(model, ReleasedSampling(), compiled=compiled)
    kind = "graphs, compiled" if compiled else "graphs"
    for batch, bound in _BOUND.items():
        _dance(drawer, windows=2, batch=batch)
        seconds = _timed(lambda batch=batch: _dance(drawer, windows=8, batch=batch))
        rate = 4 * (96 + 7 * _KEPT_STEPS) * batch / seconds
        print(f"{kind}, batch {batch}: {rate:,.0f} kept frames/s, {rate / bound:.0%} of the memory's bound", flush=True)
    print(f"{kind}: conditions beside decoding add {_share_of_conditions(drawer, 8):.1%}")
    print(f"{kind}: first two seconds after {_timed(lambda: _first(drawer)):.3f} s")
    print(f"{kind}: peak {torch.cuda.max_memory_allocated() / 1e9:.2f} GB at batch 64")


def _in_memory() -> None:
    """The choreographer read from its file, the condition of a window and its first two seconds.

    Of a song's length nothing here depends; a 10-minute song's MuQ rows take 61 MB, its audio features 4 MB.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "choreographer.safetensors"
        process = get_context("spawn").Process(target=_write, args=(path,))  # memory of its own
        process.start()
        process.join()
        print(f"file {path.stat().st_size / 1e9:.2f} GB", flush=True)
        cpu = torch.device("cpu")
        model = load_large(path, ReleasedChoreographer, cpu, torch.bfloat16, trainable=False)
        print(f"paper size, bf16, CPU: peak {_peak():.2f} GB when it is read", flush=True)
        drawer = WindowDrawer(model, ReleasedSampling())
        print(f"                       peak {_peak():.2f} GB when it is laid out", flush=True)
        _first(drawer)
    print(f"                       peak {_peak():.2f} GB after two seconds of dance, libraries included")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _write(path: Path) -> None:
    model = _model(ReleasedChoreographerConfig(), torch.device("cpu"), torch.bfloat16)
    save_model(path, model, provenance={})


def _on_one_thread() -> None:
    torch.set_num_threads(1)
    model = _model(_SMALL, torch.device("cpu"), torch.float32)
    # In turns: other work on the machine slows both alike.
    plain, condition = [], []
    for _ in range(3):
        plain.append(_timed(lambda: _plain(model), 1))
        condition.append(_timed(lambda: _condition(model), 1))
    drawer = WindowDrawer(model, ReleasedSampling())
    ours = [_timed(lambda: _window(drawer), 1) for _ in range(3)]
    rate = 4 * _KEPT_STEPS
    print(f"plain transformers loop   {rate / min(plain):8.0f} kept frames/s")
    print(f"ours                      {rate / min(ours):8.0f} kept frames/s, {min(plain) / min(ours):.2f} x")
    share = min(condition) / min(ours)
    print(f"conditions of a window    {min(condition):8.3f} s, {share:.1%} of a window, in turn")
    print(f"conditions beside it      {_share_of_conditions(drawer, 4):8.1%} more time, in another thread")
    print(f"retrieval of a window     {_timed(_retrieval()) / min(ours):8.2%} of a window, in turn")


def _retrieval() -> Callable[[], object]:
    """RetrievalNet on a window and the search among as many dances as the release has windows of."""
    retriever = Retriever(RetrieverConfig.release()).eval()
    audio, known = torch.randn(1, 384, 55), torch.randn(50_000, 256)

    @torch.inference_mode()
    def retrieve() -> Tensor:
        return (known @ retriever.embed_music(audio)[0]).topk(20).indices

    return retrieve


def _model(config: ReleasedChoreographerConfig, device: torch.device, dtype: torch.dtype) -> ReleasedChoreographer:
    """Random weights; at paper size never held in fp32."""
    torch.manual_seed(0)
    with torch.device("meta"):
        model = ReleasedChoreographer(config, trainable=config == _SMALL)
    model = model.to(dtype).to_empty(device=device).eval()
    if config == _SMALL:
        model.llama.model.rotary_emb = type(model.llama.model.rotary_emb)(model.llama.config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0) if "norm" in name else parameter.normal_(0, 0.02)
        model.codebook.normal_()
    return model


def _prefix(model: ReleasedChoreographer) -> Tensor:
    shape = (1, model.config.music_length, model.config.backbone.hidden)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(model.codebook)


def _told(model: ReleasedChoreographer) -> WindowCondition:
    config = model.config
    music = torch.randn(config.music_length, config.music_dim)
    return WindowCondition(music, 1, torch.randn(config.reference_length, config.reference_dim))


def _condition(model: ReleasedChoreographer) -> Tensor:
    with Conditioner(model) as conditioner:
        return conditioner.ready_row(conditioner.begin([lambda: _told(model)]), 0)[None]


def _dance(drawer: WindowDrawer, windows: int, batch: int) -> None:
    """`batch` dances of so many windows side by side."""
    plan = song_windows(96 + (windows - 1) * _KEPT_STEPS, whole=True, seamless=True)
    for _ in draw_dances(drawer, [Dance(plan, lambda _: _told(drawer.model), seed) for seed in range(batch)], batch):
        pass


def _share_of_conditions(drawer: WindowDrawer, windows: int) -> float:
    """How much longer a dance takes with the network's conditions than with given ones."""
    given = _prefix(drawer.model)
    computed = _timed(lambda: _dance(drawer, windows, 1))
    drawer.model.condition = lambda music, *_: given.expand(len(music), -1, -1)  # type: ignore[method-assign]
    try:
        return computed / _timed(lambda: _dance(drawer, windows, 1)) - 1
    finally:
        del drawer.model.condition


def _first(drawer: WindowDrawer) -> None:
    """Codes of the first two seconds, their condition included."""
    pieces = drawer.draw(_condition(drawer.model), None, [torch.Generator()], _TWO_SECONDS)
    next(pieces).cpu()


def _window(drawer: WindowDrawer) -> None:
    """A window after 32 given steps, 64 drawn."""
    given = torch.randint(0, 512, (1, 32, 3)).to(drawer.device)
    for _ in drawer.draw(_prefix(drawer.model), given, [torch.Generator()]):
        pass


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


def _timed(run: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
