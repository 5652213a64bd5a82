"""`--model infinitedance` from the release's folder to a dance, on small random networks in the real files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli import weights
from infinitedance_cli.errors import BadInput, MissingResource
from infinitedance_cli.models.released.bundle import ReleasedBundle
from infinitedance_cli.models.released.dances import codes_of_tokens
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.generate.config import FinishConfig, GenerateConfig
from infinitedance_cli.stages.generate.released import ReleasedDancer
from infinitedance_cli.stages.generate.released_config import ReleasedConfig
from infinitedance_cli.stages.generate.stage import generate
from tests.models.released.tiny_muq import write_muq
from tests.models.released.tiny_release import write_release

_SONG = str(Path(__file__).parents[3] / "examples" / "songs" / "pop_112.ogg")
_QUICK = FinishConfig(ground=False, carry_by_stance=False, lock_feet=False, align_beats=False)
_CONFIG = GenerateConfig(model="infinitedance", genre="k-pop", duration=22.0, finish=_QUICK)


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache with the released model and MuQ, brought as a user brings them."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDANCE_CACHE", str(folder / "cache"))
        write_muq(folder / "muq")
        weights.add(weights.find("infinitedance"), write_release(folder / "release"))
        weights.add(weights.find("muq"), folder / "muq")
        yield folder


def _dance(config: GenerateConfig) -> MotionClip:
    return next(iter(generate(_SONG, config)))


@pytest.fixture(scope="module")
def dance(models: Path) -> MotionClip:
    return _dance(_CONFIG)


def test_the_whole_song_is_danced(dance: MotionClip) -> None:
    assert dance.frames == 660
    assert dance.tokens is not None and dance.tokens.codes.shape == (165, 3)
    assert dance.labels is not None and (dance.labels.genre, dance.labels.genre_requested) == ("popular", "k-pop")
    assert "non-commercial" in dance.provenance[-1]["licences"][0]


def test_the_same_seed_dances_the_same_whatever_its_neighbours(dance: MotionClip) -> None:
    takes = list(generate(_SONG, replace(_CONFIG, takes=2, seed=0)))
    own, other = (take.tokens for take in takes)
    assert own is not None and other is not None and dance.tokens is not None
    assert np.array_equal(own.codes, dance.tokens.codes)
    assert not np.array_equal(other.codes, own.codes)


def test_release_drops_the_end_and_copies_its_opening(models: Path) -> None:
    dance = _dance(replace(_CONFIG, protocol="release"))
    assert dance.tokens is not None
    # 550 frames of MuQ make 495 tokens, which hold two windows: 288 + 192 tokens, 640 of 660 frames.
    assert dance.frames == 640 and len(dance.tokens.codes) == 160
    bundle = ReleasedBundle(weights.folder(weights.find("infinitedance")))
    openings = [
        codes_of_tokens(np.load(bundle.dances.tokens / f"{clip}.npy"), clip)[first : first + 20]
        for clip in ("gTiny_b", "Popular_c")
        for first in (0, 48)
    ]
    assert any(np.array_equal(dance.tokens.codes[:20], opening) for opening in openings)


def test_each_mend_is_one_switch(models: Path) -> None:
    def codes(**switches: bool) -> np.ndarray:
        tokens = _dance(replace(_CONFIG, released=replace(ReleasedConfig(), **switches))).tokens
        assert tokens is not None
        return tokens.codes

    mended = codes()
    # 550 rows of MuQ hold two windows, 160 steps; the whole song has 165.
    assert len(codes(whole_song=False)) == 160 and len(codes(seamless=False)) == len(mended) == 165
    # From its second window on a dance goes on from all 32 steps that are shared, or from 20 of them.
    jumping = codes(seamless=False)
    assert np.array_equal(jumping[:96], mended[:96]) and not np.array_equal(jumping[96:], mended[96:])
    assert not np.array_equal(codes(free_opening=False)[:20], mended[:20])


def test_songs_are_danced_side_by_side_in_their_order(models: Path, dance: MotionClip) -> None:
    folder, nowhere = weights.folder(weights.find("infinitedance")), str(models / "nowhere.mp3")
    songs = [_SONG, nowhere, str(Path(_SONG).with_name("waltz_108.ogg")), _SONG]
    danced = list(ReleasedDancer(folder, replace(_CONFIG, released=ReleasedConfig(batch_size=2))).dance(songs))
    assert isinstance(danced[1], BadInput) and nowhere in str(danced[1])
    clips = [part[0] for part in danced if isinstance(part, list)]
    assert [Path(clip.music.path).stem for clip in clips if clip.music] == ["pop_112", "waltz_108", "pop_112"]
    assert dance.tokens is not None
    for clip in (clips[0], clips[2]):
        assert clip.tokens is not None and np.array_equal(clip.tokens.codes, dance.tokens.codes)


def test_without_the_model_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IDANCE_CACHE", str(tmp_path))
    with pytest.raises(MissingResource, match="idance models add infinitedance --from") as caught:
        _dance(_CONFIG)
    assert "\n" not in str(caught.value)
