"""The release's song loop, sampler and retrieval against a second, plain writing: the same tokens, 1e-4 elsewhere."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.models.choreographer_release import STYLES, ReleasedChoreographer
from infinitedance_cli.models.released.conditioner import WindowCondition
from infinitedance_cli.models.released.dances import ReleasedDances
from infinitedance_cli.models.released.drawer import WindowDrawer
from infinitedance_cli.models.released.generation import Dance, Window, draw_dances, song_windows
from infinitedance_cli.models.released.sampler import ReleasedSampler, ReleasedSampling
from tests.models.released import plain_network, plain_song
from tests.models.released.tiny_release import CHOREOGRAPHER

_RELEASE = ReleasedSampling.release()
_CODE = replace(_RELEASE, penalty=1.15, most_repeats=12, most_repeats_residual=20, ngram=4, boost=1.5)


def test_protocol_release_draws_as_the_script_says() -> None:
    rules = plain_song.Rules.script()
    found = (_RELEASE.temperature, _RELEASE.top_k, _RELEASE.top_p, _RELEASE.penalty, _RELEASE.ngram, _RELEASE.boost)
    assert found == (rules.temperature, rules.top_k, rules.top_p, rules.penalty, rules.ngram, rules.boost)
    assert (_RELEASE.most_repeats, _RELEASE.most_repeats_residual) == rules.most[:2]


@pytest.mark.parametrize(("own", "rules"), [(_RELEASE, plain_song.Rules.script()), (_CODE, plain_song.Rules())])
@pytest.mark.parametrize("favourites", [2, 6])
def test_probabilities_of_every_token(own: ReleasedSampling, rules: plain_song.Rules, favourites: int) -> None:
    """76 steps of three slots of 512 codes, as a window has them, with favourites that wake every rule."""
    sampler = ReleasedSampler(own, [1], layers=3, steps=96, codes=512)
    generator = torch.Generator().manual_seed(favourites)
    histories: list[list[int]] = [[], [], []]
    for _ in range(76):
        for slot in range(3):
            logits = 1.5 * torch.randn(1, 512, generator=generator)
            logits[0, :favourites] = 7 - torch.rand(favourites, generator=generator)
            expected = plain_song.probabilities(logits[0].tolist(), histories[slot], slot, rules)
            weights, codes = sampler.distribution(logits, slot)
            found = {int(code): float(weight) for code, weight in zip(codes[0], weights[0], strict=True) if weight > 0}
            assert found.keys() == expected.keys()
            assert max(abs(found[code] - expected[code]) for code in found) < 1e-5
            histories[slot].append(int(sampler.draw(logits, slot)))
    assert len(set(histories[0])) > favourites


def test_five_hundred_songs_have_the_same_windows() -> None:
    for frames in [*range(1, 1300, 3), 320, 533, 534, 746, 747, 960, 15_000, *range(313, 330), *range(525, 540)]:
        windows = _windows(frames)
        assert len(windows) == plain_song.window_count(frames), frames
        assert [window.first for window in windows] == [64 * number for number in range(len(windows))]
        kept = sum(96 - window.new for window in windows)
        assert 3 * kept == 288 + 192 * (len(windows) - 1)


def _windows(frames: int) -> list[Window]:
    return song_windows(max(frames, 320) * 9 // 10 // 3, whole=False, seamless=False, opening=20)


@pytest.fixture(scope="module")
def model() -> ReleasedChoreographer:
    torch.manual_seed(0)
    model = ReleasedChoreographer(CHOREOGRAPHER).eval()
    model.set_codebook(torch.randn(model.codebook.shape))
    with torch.no_grad():
        for name, parameter in model.llama.named_parameters():
            parameter.mul_(12 if parameter.ndim > 1 and "embed" not in name else 6)
    return model


@pytest.mark.parametrize("rules", [plain_song.Rules.script(), plain_song.Rules()])
def test_greedy_tokens_of_a_song_are_the_plain_ones(model: ReleasedChoreographer, rules: plain_song.Rules) -> None:
    """Two windows with all rules: the same network's full passes, the plain sampler, the plain loop."""
    rules = replace(rules, temperature=0.0)
    own = replace(_RELEASE if rules.ngram == 5 else _CODE, temperature=0.0)
    generator = torch.Generator().manual_seed(1)
    told = [
        WindowCondition(torch.randn(320, 1024, generator=generator), 2, torch.randn(384, 264, generator=generator))
        for _ in range(2)
    ]
    opening = np.random.default_rng(0).integers(0, 512, (20, 3))
    found = _danced(model, own, _windows(534), told, opening)
    kept = found[:288]
    tensors = {name: value.detach().double().numpy() for name, value in model.state_dict().items()}
    books = model.codebook.double().numpy()
    prefixes = [
        plain_network.music_prefix(tensors, one.music.double().numpy(), one.style, one.reference.double().numpy())
        for one in told
    ]

    def logits(window: int, codes: list[int]) -> np.ndarray:
        """All at once: rows of a causal network do not depend on later codes, so a window costs one pass."""
        whole = redone if window else kept
        if not np.array_equal(whole[: len(codes)], codes):  # elsewhere already: the comparison below fails
            return np.zeros(512)
        if window not in passes:
            inputs = plain_network.embed_codes(tensors, books, whole.reshape(-1, 3))
            inputs = np.concatenate([prefixes[window], inputs])
            passes[window] = plain_network.llama_logits(tensors, inputs, heads=2, shared_heads=1)[319:-1]
        first = 4096 + 512 * (len(codes) % 3)
        return passes[window][len(codes), first : first + 512]

    passes: dict[int, np.ndarray] = {}
    redone = _danced(model, own, _windows(320), told[1:], found[192:252].reshape(20, 3))
    expected = plain_song.greedy_dance(logits, 2, opening.reshape(-1).tolist(), rules)
    assert len(expected) == 480
    assert found.tolist() == expected
    assert redone[60:96].tolist() != found[252:288].tolist()  # twelve steps were danced twice, the second dance dropped


def _danced(
    model: ReleasedChoreographer,
    rules: ReleasedSampling,
    windows: list[Window],
    told: list[WindowCondition],
    opening: np.ndarray,
) -> np.ndarray:
    """Codes of a dance, flat."""
    dance = Dance(windows, lambda first: told[first // 64], 0, opening.astype(np.int64))
    parts = draw_dances(WindowDrawer(copy.deepcopy(model), rules), [dance], 1)
    return np.concatenate([part.codes for part in parts]).reshape(-1)


# --- retrieval -------------------------------------------------------------------------------------------------------

_CLIPS = ("Ballet_a", "Popular_b", "Popular_c", "gone_d", "Popular_e")


@pytest.fixture(scope="module")
def dances(tmp_path_factory: pytest.TempPathFactory) -> ReleasedDances:
    folder, random = tmp_path_factory.mktemp("dances"), np.random.default_rng(0)
    (folder / "features").mkdir()
    (folder / "tokens").mkdir()
    names = []
    for number, clip in enumerate(_CLIPS):
        names += [f"{clip}@{start}_{start + 384}" for start in range(0, 900, 100)]
        if not clip.startswith("gone"):
            np.save(folder / "features" / f"{clip}.npy", random.normal(size=(900 + 37 * number, 264)).astype("f4"))
            tokens = random.integers(0, 512, (225, 3)) + (4096 + 512 * np.arange(3) if number % 2 else 0)
            np.save(folder / "tokens" / f"{clip}.npy", tokens.reshape(-1))
    vectors = random.normal(size=(len(names), 256))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return ReleasedDances(
        names=tuple(names),
        embeddings=vectors.astype(np.float32),
        styles=np.array([0 if name.startswith("Ballet") else 1 for name in names], np.int8),
        features=folder / "features",
        tokens=folder / "tokens",
        mean=random.normal(size=264).astype(np.float32),
        deviation=random.uniform(0.1, 2, 264).astype(np.float32),
    )


def _style_of(dances: ReleasedDances) -> dict[str, str]:
    return {name: STYLES[style] for name, style in zip(dances.names, dances.styles, strict=True)}


@pytest.mark.parametrize("style", ["Ballet", "Popular"])
def test_names_references_and_openings(dances: ReleasedDances, style: str) -> None:
    random = np.random.default_rng(1)
    left_out = 0
    for _ in range(30):
        query = random.normal(size=256)
        names = plain_song.cached_names(query, dances.names, dances.embeddings, _style_of(dances), style)
        found = dances.search(query, STYLES.index(style), 20)
        assert found == names
        expected = plain_song.blend(names, 10, dances.features, dances.mean, dances.deviation)
        assert np.abs(dances.reference(found, 10, 384) - expected).max() < 1e-4
        tokens = plain_song.opening_tokens(names, 10, dances.tokens)
        opening = dances.opening(found[:10], 40)
        assert opening is not None and tokens is not None
        assert (opening + 4096 + 512 * np.arange(3)).reshape(-1).tolist() == tokens
        left_out += tokens != plain_song.opening_tokens(names[:1], 1, dances.tokens)
    assert left_out > 0 or style == "Ballet"


def test_a_grid_of_half_steps_goes_to_the_even_one(tmp_path: Path, dances: ReleasedDances) -> None:
    tokens = np.arange(3 * 300).reshape(-1, 3) % 512
    np.save(tmp_path / "clip.npy", tokens.reshape(-1))
    own = replace(dances, tokens=tmp_path)
    for start in range(0, 600, 48):
        names = [f"clip@{start}_{start + 384}"]
        expected = plain_song.opening_tokens(names, 10, tmp_path)
        opening = own.opening(names, 40)
        assert opening is not None and expected is not None
        assert (opening + 4096 + 512 * np.arange(3)).reshape(-1).tolist() == expected
