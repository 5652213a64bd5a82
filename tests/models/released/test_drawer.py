"""Windows drawn with a cache, in whatever shapes, are what one pass of the network over them says."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from infinitedance_cli.errors import BadInput
from infinitedance_cli.models.choreographer_release import ReleasedChoreographer
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.sampler import ReleasedSampling
from tests.models.released.tiny_release import CHOREOGRAPHER, spread_choreographer

_GREEDY = ReleasedSampling(temperature=0, boost=1, penalty=1, most_repeats=0, most_repeats_residual=0, ngram=0)


@pytest.fixture(scope="module")
def model() -> ReleasedChoreographer:
    return spread_choreographer()


def _prefix(rows: int) -> Tensor:
    return torch.randn(rows, 320, CHOREOGRAPHER.backbone.hidden, generator=Generator().manual_seed(1))


def _given(rows: int, steps: int) -> Tensor:
    return torch.randint(0, 512, (rows, steps, 3), generator=Generator().manual_seed(2))


def _streams(rows: int) -> list[Generator]:
    return [Generator().manual_seed(seed) for seed in range(rows)]


def _window(drawer: WindowDrawer, rows: int, known: int, every: int | None = None) -> Tensor:
    given = _given(rows, known) if known else None
    return torch.cat(list(drawer.draw(_prefix(rows), given, _streams(rows), every)), 1)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("known", [0, 20])
def test_greedy_codes_are_the_likeliest_of_the_full_pass(model: ReleasedChoreographer, fixed: bool, known: int) -> None:
    drawer = WindowDrawer(copy.deepcopy(model), _GREEDY, fixed=fixed)
    codes = _window(drawer, 3, known)
    assert codes.shape == (3, 96, 3)
    assert torch.equal(codes[:, :known], _given(3, known))
    with torch.no_grad():
        logits = model(codes, _prefix(3))[1]
    for level in range(3):
        first = CHOREOGRAPHER.code_offset + 512 * level
        likeliest = logits[:, known:, level, first : first + 512].argmax(-1)
        assert torch.equal(likeliest, codes[:, known:, level])


@pytest.mark.parametrize(("rows", "known"), [(1, 0), (3, 32)])
def test_fixed_shapes_draw_the_same_codes(model: ReleasedChoreographer, rows: int, known: int) -> None:
    growing = WindowDrawer(copy.deepcopy(model), ReleasedSampling(), fixed=False)
    fixed = WindowDrawer(copy.deepcopy(model), ReleasedSampling(), fixed=True)
    first = _window(growing, rows, known)
    assert torch.equal(first, _window(fixed, rows, known))
    # A second window in the same buffers does not hear the first.
    assert torch.equal(first, _window(fixed, rows, known))


def test_pieces_of_a_window_are_the_window(model: ReleasedChoreographer) -> None:
    drawer = WindowDrawer(copy.deepcopy(model), ReleasedSampling())
    pieces = list(drawer.draw(_prefix(1), _given(1, 32), _streams(1), 15))
    assert [piece.shape[1] for piece in pieces] == [32, 15, 15, 15, 15, 4]
    assert torch.equal(torch.cat(pieces, 1), _window(drawer, 1, 32))


def test_a_step_waits_for_no_number_from_the_device(
    model: ReleasedChoreographer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.compile traces a step as one graph only where nothing in it depends on a value."""
    compile_graph = torch.compile

    def traced(step: Callable[[], None], **options: object) -> Callable[[], None]:
        assert options["fullgraph"] is True
        return compile_graph(step, backend="eager", fullgraph=True, dynamic=False)

    monkeypatch.setattr(torch, "compile", traced)
    compiled = WindowDrawer(copy.deepcopy(model), ReleasedSampling(), fixed=True, compiled=True)
    plain = WindowDrawer(copy.deepcopy(model), ReleasedSampling(), fixed=True)
    assert torch.equal(_window(compiled, 2, 80), _window(plain, 2, 80))


def test_the_backbone_is_held_once(model: ReleasedChoreographer) -> None:
    taken = copy.deepcopy(model)
    before = [sum(weight.numel() for weight in layer.parameters()) for layer in taken.llama.model.layers]
    drawer = WindowDrawer(taken, ReleasedSampling())
    assert sum(before) > 0
    assert all(weight.numel() == 0 for weight in taken.llama.model.layers.parameters())
    layer = drawer.decoder.layers[0]
    fused = (layer.query_key_value, layer.attention_out, layer.gate_up, layer.down)
    assert sum(weight.numel() for weight in fused) + 2 * CHOREOGRAPHER.backbone.hidden == before[0]


def test_more_codes_than_a_window_holds_are_refused(model: ReleasedChoreographer) -> None:
    drawer = WindowDrawer(copy.deepcopy(model), ReleasedSampling())
    with pytest.raises(BadInput, match="97 steps are given"):
        next(drawer.draw(_prefix(1), _given(1, 97), _streams(1)))
