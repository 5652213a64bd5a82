from __future__ import annotations

import numpy as np
import torch

from infinitedance_cli.models.dance_index import Hit, IndexedClip, build_index
from infinitedance_cli.models.references import reference_codes, reference_vectors


def test_codes_in_the_order_of_the_hits_short_ones_repeated() -> None:
    clips = [
        IndexedClip(str(n), "", np.arange(length)[:, None].astype(np.int16), {}, np.zeros((length, 2), np.float32))
        for n, length in ((0, 20), (1, 3))
    ]
    index = build_index(clips, np.array([[0, 5], [1, 0]], np.int32), np.eye(2, dtype=np.float32), 6, {})
    found = reference_codes(index, [Hit(0.5, 1, 0), Hit(0.4, 0, 5)], 8)
    assert found[:, :, 0].tolist() == [[0, 1, 2, 0, 1, 2, 0, 1], [5, 6, 7, 8, 9, 10, 5, 6]]


def test_vectors_are_sums_of_code_vectors_with_unit_size() -> None:
    torch.manual_seed(0)
    codebook = torch.randn(3, 512, 8) * torch.tensor([2.0, 0.7, 0.2]).view(3, 1, 1)
    codes = torch.randint(512, (400, 10, 3))
    vectors = reference_vectors(codebook, codes)
    assert abs(float(vectors.square().mean().sqrt()) - 1) < 0.05
    one = sum(codebook[level, codes[7, 3, level]] for level in range(3))
    scale = float((codebook**2).mean((1, 2)).sum()) ** 0.5
    torch.testing.assert_close(vectors[7, 3], one / scale)
