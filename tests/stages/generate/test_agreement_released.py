"""`--protocol release` from a sound file to joints against a plain writing of the whole way, on small networks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli import weights
from infinitedance_cli.models.choreographer_release import STYLES
from infinitedance_cli.models.released.bundle import ReleasedBundle
from infinitedance_cli.models.released.generation import song_windows
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.features import RELEASE_264, carried_joints
from infinitedance_cli.music.encoders import muq
from infinitedance_cli.music.released import release_features, released_samples
from infinitedance_cli.music.song import analyse_song, song_from_audio
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.released_config import ReleasedConfig
from infinitedance_cli.stages.generate.released_song import HeardSong, SongConditions, style_in
from infinitedance_cli.stages.generate.stage import generate
from tests.models.released import plain_network, plain_song
from tests.models.released.tiny_muq import write_muq
from tests.models.released.tiny_release import write_release
from tests.motion import plain_release

_SONG = Path(__file__).parents[3] / "examples" / "songs" / "pop_112.ogg"
_GREEDY = replace(ReleasedConfig.release(), sampling=replace(ReleasedConfig.release().sampling, temperature=0.0))
_CONFIG = GenerateConfig(model="infinitedance", protocol="release", duration=30.0, released=_GREEDY)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The released model and MuQ, brought as a user brings them."""
    folder = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDANCE_CACHE", str(folder / "cache"))
        write_muq(folder / "muq")
        weights.add(weights.find("infinitedance"), write_release(folder / "release"))
        weights.add(weights.find("muq"), folder / "muq")
        yield folder


def _dance(config: GenerateConfig, song: Path = _SONG) -> MotionClip:
    return next(iter(generate(str(song), config)))


@pytest.fixture(scope="module")
def dance(folder: Path) -> MotionClip:
    return _dance(replace(_CONFIG, genre="popular"))


@pytest.fixture(scope="module")
def bundle(folder: Path) -> ReleasedBundle:
    return ReleasedBundle(weights.folder(weights.find("infinitedance")))


def _doubles(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


@pytest.fixture(scope="module")
def prefixes(bundle: ReleasedBundle, folder: Path) -> tuple[list[np.ndarray], list[int]]:
    """What stands before the dance in each window, and the tokens that it begins with, by the plain writing."""
    song = analyse_song(str(_SONG), duration=30.0)
    rows = muq.encode_samples(muq.load_network(folder / "muq"), released_samples(song, 24_000), whole=True)
    audio = plain_song.queries(release_features(released_samples(song, 15_360)))
    retriever, dances = _doubles(bundle.retriever), bundle.dances
    model = _doubles(bundle.choreographer(torch.device("cpu"), torch.float32))
    styles = {name: STYLES[style] for name, style in zip(dances.names, dances.styles, strict=True)}
    result, first = [], None
    for window in range(plain_song.window_count(len(rows))):
        query = plain_network.retrieval_vector(retriever, "cond_encoder", audio[plain_song.cache_index(window)])
        names = plain_song.cached_names(query, dances.names, dances.embeddings, styles, "Popular")
        reference = plain_song.blend(names, 10, dances.features, dances.mean, dances.deviation)
        first = first or plain_song.opening_tokens(names, 10, dances.tokens)
        music = plain_song.music_of_window(rows, window)
        result.append(plain_network.music_prefix(model, music.astype(float), STYLES.index("Popular"), reference))
    assert first is not None
    return result, first


def test_greedy_tokens_of_a_song(
    dance: MotionClip, bundle: ReleasedBundle, prefixes: tuple[list[np.ndarray], list[int]]
) -> None:
    """Three windows of MuQ, retrieval, bridge, LLaMA and sampler, plainly, one token after the other."""
    model = _doubles(bundle.choreographer(torch.device("cpu"), torch.float32))
    books = bundle.tokenizer.network.codebooks().double().numpy()
    passes: dict[int, np.ndarray] = {}
    guesses: dict[int, list[int]] = {}
    assert dance.tokens is not None
    found = dance.tokens.codes.astype(int).reshape(-1).tolist()

    def logits(window: int, codes: list[int]) -> np.ndarray:
        # Causal: one pass over a whole guessed window gives all logits up to where the guess goes wrong.
        at = len(codes)
        if window not in passes or guesses[window][:at] != codes:
            guess = found[192 * window + at : 192 * window + 288]
            guesses[window] = [*codes, *guess, *[0] * (288 - at - len(guess))]
            embedded = plain_network.embed_codes(model, books, np.array(guesses[window]).reshape(-1, 3))
            inputs = np.concatenate([prefixes[0][window], embedded])
            passes[window] = plain_network.llama_logits(model, inputs, heads=2, shared_heads=1)[319:-1]
        first = 4096 + 512 * (at % 3)
        logits: np.ndarray = passes[window][at, first : first + 512]
        return logits

    rules = replace(plain_song.Rules.script(), temperature=0.0)
    opening = [token - 4096 - 512 * (at % 3) for at, token in enumerate(prefixes[1])]
    expected = plain_song.greedy_dance(logits, 3, opening, rules)
    assert len(expected) == 672
    assert found == expected


@pytest.mark.parametrize("frames", [40, 319, 320, 321, 533, 534, 747, 1201, 2000])
def test_windows_of_songs_of_any_length(bundle: ReleasedBundle, frames: int) -> None:
    """Music and reference of every window, the index that looks at half the time included."""
    random = np.random.default_rng(frames)
    muq_rows = random.normal(size=(frames, 1024)).astype(np.float32)
    audio = random.normal(size=(1 + frames * 6 // 5, 55)).astype(np.float32)
    heard = HeardSong(song_from_audio(np.ones(24_000, np.float32), 24_000), "song", muq_rows, audio)
    settings, style = ReleasedConfig.release(), STYLES.index("Popular")
    windows = song_windows(heard.steps(settings.whole_song), whole=False, seamless=False, opening=20)
    assert [window.first for window in windows] == [64 * n for n in range(plain_song.window_count(frames))]
    conditions, retriever, dances = (
        SongConditions(bundle, heard, style, settings),
        _doubles(bundle.retriever),
        bundle.dances,
    )
    styles = {name: STYLES[number] for name, number in zip(dances.names, dances.styles, strict=True)}
    sought = plain_song.queries(audio)
    for number, window in enumerate(windows):
        assert np.array_equal(conditions.music(window.first), plain_song.music_of_window(muq_rows, number))
        query = plain_network.retrieval_vector(retriever, "cond_encoder", sought[plain_song.cache_index(number)])
        names = plain_song.cached_names(query, dances.names, dances.embeddings, styles, "Popular")
        reference = plain_song.blend(names, 10, dances.features, dances.mean, dances.deviation)
        assert np.abs(conditions.reference(window.first) - reference).max() < 1e-4


def test_thirty_seconds_are_896_frames(dance: MotionClip) -> None:
    assert dance.frames == 896 and dance.tokens is not None and dance.tokens.codes.shape == (224, 3)


def test_joints_are_recovered_from_the_decoded_features(dance: MotionClip, bundle: ReleasedBundle) -> None:
    tokenizer = bundle.tokenizer
    assert dance.tokens is not None
    tokens = dance.tokens.codes.astype(int) + 4096 + 512 * np.arange(3)
    mean, deviation = tokenizer.mean.double().numpy(), tokenizer.deviation.double().numpy()
    features = plain_network.decode_tokens(_doubles(tokenizer.network), tokens.reshape(-1), mean, deviation, 2, depth=2)
    joints = carried_joints(dance, RELEASE_264)
    assert joints is not None and np.abs(joints - plain_release.recover(features)).max() < 1e-4


@pytest.mark.parametrize(("name", "style"), [("my_Ballet_song.ogg", "ballet"), ("other.ogg", "popular")])
def test_the_style_is_in_the_name_of_the_file(tmp_path: Path, name: str, style: str) -> None:
    shutil.copy(_SONG, tmp_path / name)
    labels = _dance(replace(_CONFIG, duration=5.0), tmp_path / name).labels
    assert labels is not None and labels.genre == style


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("LATIN_004.wav", "Latin"),
        ("a/ballet/x.wav", None),
        ("my folk, then ballet.mp3", "Folk"),
        ("salsa night.mp3", "Latin"),
        ("some_hip-hop_12.mp3", "Popular"),
        ("warehouse.mp3", None),
        ("<stdin>", None),
    ],
)
def test_words_for_styles(name: str, style: str | None) -> None:
    found = style_in(name)
    assert (None if found is None else STYLES[found]) == style


def test_a_last_piece_of_a_hop_is_no_frame_of_muq() -> None:
    # 533 frames and half a hop: 479 tokens hold one window; a 534th frame would make two.
    assert _dance(replace(_CONFIG, duration=(533 * 960 + 120) / 24_000)).frames == 384


def test_muq_hears_the_whole_song_at_once(dance: MotionClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muq, "_WINDOW_S", 2)
    monkeypatch.setattr(muq, "_MARGIN_S", 0)
    again = _dance(replace(_CONFIG, genre="popular"))
    assert again.tokens is not None and dance.tokens is not None
    assert np.array_equal(again.tokens.codes, dance.tokens.codes)
