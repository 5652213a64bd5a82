from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from infinitedance_cli.errors import BadInput, MissingResource, UsageError
from infinitedance_cli.models.bundle import FILES, Bundle
from infinitedance_cli.models.checkpoint import load_model, save_model
from infinitedance_cli.models.choreographer import Choreographer
from infinitedance_cli.models.tokenizer import Tokenizer
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.stage import generate
from tests.stages.generate.songs import film, silence, song


@pytest.fixture(scope="module", autouse=True)
def _threads_are_restored() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def click_track(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("songs") / "clicks.wav", 6.0)


def config(bundle: Path, **settings: object) -> GenerateConfig:
    return GenerateConfig(model=str(bundle), **settings)  # type: ignore[arg-type]


def dance(source: Path, bundle: Path, **settings: object) -> MotionClip:
    (clip,) = generate(str(source), config(bundle, **settings))
    return clip


@pytest.mark.parametrize(
    ("name", "seconds"), [("a.wav", 0.5), ("b.mp3", 5.0), ("c.ogg", 5.04), ("d.m4a", 7.33), ("e.flac", 47.3)]
)
def test_a_dance_is_as_long_as_its_song(tmp_path: Path, tiny_bundle: Path, name: str, seconds: float) -> None:
    clip = dance(song(tmp_path / name, seconds), tiny_bundle, genre="salsa")
    assert clip.fps == 30.0 and abs(clip.frames - seconds * 30) <= 0.5
    assert np.isfinite(clip.joint_positions()).all()


def test_a_film_is_danced_for_as_long_as_its_sound(tmp_path: Path, tiny_bundle: Path) -> None:
    clip = dance(film(tmp_path / "film.mp4", 4.7), tiny_bundle, genre="salsa")
    assert clip.frames == 141


def test_a_second_of_silence_is_danced(tmp_path: Path, tiny_bundle: Path) -> None:
    clip = dance(silence(tmp_path / "silence.wav", 1.0), tiny_bundle)
    assert clip.frames == 30 and clip.music is not None and len(clip.music.beats) == 0


def test_start_and_duration_cut_the_song(click_track: Path, tiny_bundle: Path) -> None:
    """Beats lie at 0.2 + k / 2 s of the song."""
    clip = dance(click_track, tiny_bundle, start=1.25, duration=4.0)
    assert clip.frames == 120 and clip.music is not None
    phase = (clip.music.beats - 0.45) % 0.5
    assert len(clip.music.beats) >= 6 and np.minimum(phase, 0.5 - phase).max() < 0.03


def test_the_seed_decides(click_track: Path, tiny_bundle: Path) -> None:
    first, again, other = (dance(click_track, tiny_bundle, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.joint_rotation, again.joint_rotation)
    assert first.tokens is not None and other.tokens is not None
    assert (first.tokens.codes != other.tokens.codes).mean() > 0.5


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_a_take_is_what_its_seed_gives_alone(click_track: Path, tiny_bundle: Path, guidance: float) -> None:
    takes = list(generate(str(click_track), config(tiny_bundle, seed=3, takes=3, guidance=guidance)))
    alone = dance(click_track, tiny_bundle, seed=5, guidance=guidance)
    assert [clip.clip_id for clip in takes] == ["clicks-3", "clicks-4", "clicks-5"]
    np.testing.assert_array_equal(takes[2].joint_rotation, alone.joint_rotation)
    np.testing.assert_array_equal(takes[2].root_position, alone.root_position)
    assert takes[2].provenance[0]["seed"] == alone.provenance[0]["seed"] == 5


def test_what_a_clip_knows_of_its_making(click_track: Path, tiny_bundle: Path) -> None:
    clip = dance(click_track, tiny_bundle, genre="Hip Hop")
    bundle = Bundle.named(str(tiny_bundle))
    assert clip.labels is not None and (clip.labels.genre, clip.labels.genre_requested) == ("hip-hop", "hip-hop")
    assert clip.music is not None and clip.music.encoder == "spectral" and clip.music.features is not None
    assert clip.music.features.shape == (150, 66) and len(clip.music.sha256) == 64
    assert clip.tokens is not None and clip.tokens.codebook_sha256 == bundle.tokenizer.codebook_sha256
    assert clip.tokens.codes.shape == (45, 3)
    (made,) = clip.provenance
    assert made["stage"] == "generate" and made["input_sha256"] == clip.music.sha256 and made["licences"] == ["CC0"]
    assert made["config"]["sampling"]["top_k"] == 30 and made["config"]["genre"] == "Hip Hop"


def test_a_genre_that_was_not_learned_is_mapped_with_one_warning(
    click_track: Path, tiny_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The model knows breaking, hip-hop and salsa; the nearest of them to k-pop is hip-hop."""
    clip = dance(click_track, tiny_bundle, genre="kpop")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["the model was not trained on k-pop; dancing hip-hop, the nearest that it knows"]
    assert clip.labels is not None and (clip.labels.genre, clip.labels.genre_requested) == ("hip-hop", "k-pop")


def test_auto_takes_a_genre_that_the_model_knows_and_says_so(
    click_track: Path, tiny_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clip = dance(click_track, tiny_bundle)
    assert clip.labels is not None and clip.labels.genre in ("breaking", "hip-hop", "salsa")
    assert clip.labels.genre_requested == ""
    assert f"genre: {clip.labels.genre}, by the dances" in caplog.text


def test_genre_changes_the_dance(click_track: Path, tiny_bundle: Path) -> None:
    salsa, breaking = (dance(click_track, tiny_bundle, genre=genre) for genre in ("salsa", "breaking"))
    assert salsa.tokens is not None and breaking.tokens is not None
    assert (salsa.tokens.codes != breaking.tokens.codes).any()


def resaved(bundle: Path, folder: Path, **changes: object) -> Path:
    """A copy of a bundle whose choreographer's provenance is changed."""
    shutil.copytree(bundle, folder)
    path = folder / FILES["choreographer"]
    model = load_model(path, Choreographer)
    save_model(path, model, provenance={"genres": ["salsa"], "licences": [], **changes})
    return folder


def test_a_model_without_genres_takes_none(click_track: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = resaved(tiny_bundle, tmp_path / "bundle", genres=[])
    with pytest.raises(UsageError, match="cannot dance salsa: leave out --genre"):
        dance(click_track, bundle, genre="salsa")
    clip = dance(click_track, bundle)
    assert clip.labels is not None and clip.labels.genre == ""


def test_the_encoder_of_the_training_is_used(click_track: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    assert dance(click_track, resaved(tiny_bundle, tmp_path / "a", encoder="spectral"), genre="salsa").frames == 180
    with pytest.raises(MissingResource, match="encoder 'jukebox', which is not installed"):
        dance(click_track, resaved(tiny_bundle, tmp_path / "b", encoder="jukebox"))


def test_parts_of_two_trainings_are_refused(click_track: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "other_codes")
    path = tmp_path / "other_codes" / FILES["tokenizer"]
    tokenizer = load_model(path, Tokenizer)
    with torch.no_grad():
        for layer in tokenizer.network.quantizer.layers:
            for values in layer.state_dict().values():
                if values.is_floating_point():
                    values.mul_(1.5)
    save_model(path, tokenizer, provenance={})
    with pytest.raises(BadInput, match="trained on codes of the codebook .* take both from one training"):
        dance(click_track, tmp_path / "other_codes")


def test_a_choreographer_of_another_size_is_refused(click_track: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "other_size")
    path = tmp_path / "other_size" / FILES["choreographer"]
    own = load_model(path, Choreographer).config
    save_model(path, Choreographer(replace(own, codebook_size=own.codebook_size * 2)), provenance={})
    with pytest.raises(BadInput, match=r"made for codebooks \(3, 64, 8\); the tokenizer beside it has \(3, 32, 8\)"):
        dance(click_track, tmp_path / "other_size")
