"""How many dances are drawn side by side."""

from __future__ import annotations

import torch

from infinitedance_cli.models.released.drawer import WindowDrawer

_ON_CPU = 4
"""A row or two cost what memory takes to read the weights; from four on the arithmetic counts, and gains end."""
_LARGEST = 128
"""Near this many the cache takes as long to read as the weights, and gains end."""
_SHARE = 0.7
"""Of the memory that is free now."""


def bytes_per_dance(drawer: WindowDrawer) -> int:
    """Memory that one more dance takes: its cache, its inputs, what its first pass over a window holds."""
    config, decoder = drawer.model.config.backbone, drawer.decoder
    item = drawer.head[0].element_size()
    cache = 2 * config.layers * decoder.window * config.key_value_heads * config.head_dim
    inputs = decoder.window * config.hidden
    # A pass holds gate, up and their product, a few states, and scores of every head in fp32 where they are written.
    longest = drawer.prefix_length + drawer.steps * drawer.layers
    activations = longest * (3 * config.intermediate + 6 * config.hidden)
    return (cache + inputs + activations) * item


def batch_that_fits(drawer: WindowDrawer) -> int:
    """Dances side by side that fit into the device's free memory, a power of two."""
    if drawer.device.type != "cuda":
        return _ON_CPU
    free, _ = torch.cuda.mem_get_info(drawer.device)
    fit = max(1, int(_SHARE * free / bytes_per_dance(drawer)))
    return min(1 << (fit.bit_length() - 1), _LARGEST)
