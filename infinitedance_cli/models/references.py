"""Retrieved dances as the choreographer reads them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from infinitedance_cli.models.dance_index import DanceIndex, Hit


def reference_codes(index: DanceIndex, hits: Sequence[Hit], steps: int) -> NDArray[np.int64]:
    """Codes (K, steps, Q) of the hits, best first; a window shorter than `steps` is repeated from its start."""
    rows = [index.codes(hit) for hit in hits]
    return np.stack([codes[np.arange(steps) % len(codes)] for codes in rows]).astype(np.int64)


def reference_vectors(codebook: Tensor, codes: Tensor) -> Tensor:
    """Quantised vectors (..., code_dim) of codes (..., Q) with unit root mean square over the codebook (Q, K, C)."""
    vectors = torch.stack([codebook[level][codes[..., level]] for level in range(len(codebook))]).sum(0)
    return vectors / codebook.square().mean((1, 2)).sum().sqrt().clamp(min=1e-8)
