"""The published model dances while its song comes in, on small random networks in the real files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
import torch

from infinitedance_cli import weights
from infinitedance_cli.errors import UsageError
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.generate.config import FinishConfig
from infinitedance_cli.stages.generate.released import ReleasedDancer
from infinitedance_cli.stages.generate.released_config import ReleasedConfig
from infinitedance_cli.stages.generate.released_streaming import Ears, stream_released
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stages.generate.streaming import stream_dance
from infinitedance_cli.stream.dance_pieces import join_pieces
from tests.models.released.tiny_muq import write_muq
from tests.models.released.tiny_release import write_release
from tests.music.test_listening import Dribble
from tests.stages.generate.songs import song

_QUICK = FinishConfig(ground=False, carry_by_stance=False, lock_feet=False, align_beats=False)
_CONFIG = StreamedConfig(model="infinitedance", genre="k-pop", finish=_QUICK)


@pytest.fixture(scope="module")
def dancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReleasedDancer]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDANCE_CACHE", str(folder / "cache"))
        write_muq(folder / "muq")
        place = weights.add(weights.find("infinitedance"), write_release(folder / "release"))
        weights.add(weights.find("muq"), folder / "muq")
        yield ReleasedDancer(place, _CONFIG)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return song(tmp_path_factory.mktemp("songs") / "clicks.wav", 24.3)


def _pieces(source: Path | BinaryIO, dancer: ReleasedDancer) -> list[MotionClip]:
    named = str(source) if isinstance(source, Path) else source
    return list(stream_released(named, dancer.bundle.folder, _CONFIG, dancer))


@pytest.fixture(scope="module")
def pieces(clicks: Path, dancer: ReleasedDancer) -> list[MotionClip]:
    return _pieces(clicks, dancer)


def test_pieces_are_together_as_long_as_the_song(pieces: list[MotionClip]) -> None:
    (dance,) = cast(list[MotionClip], list(join_pieces(pieces)))
    assert [piece.frames for piece in pieces] == [60] * 12 + [9]
    assert dance.frames == 729 and dance.tokens is not None and len(dance.tokens.codes) == 183
    assert dance.music is not None and dance.music.features is None
    assert "non-commercial" in dance.provenance[-1]["licences"][0]


def test_a_window_goes_on_from_the_one_before(
    clicks: Path, dancer: ReleasedDancer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[torch.Tensor, torch.Tensor | None]] = []
    draw = dancer.drawer.draw

    def noted(prefix, given, generators, every):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        told.append((prefix, given))
        return draw(prefix, given, generators, every)

    monkeypatch.setattr(dancer.drawer, "draw", noted)
    (dance,) = cast(list[MotionClip], list(join_pieces(_pieces(clicks, dancer))))
    assert dance.tokens is not None
    codes = dance.tokens.codes
    # 183 steps: windows from 0, 64 and 87 on; the last one ends with the song and is given what is danced by then.
    given = [None if known is None else known[0].numpy() for _, known in told]
    assert given[0] is None
    assert np.array_equal(given[1], codes[64:96]) and np.array_equal(given[2], codes[87:160])


def test_the_song_is_only_heard_as_far_as_it_is_danced(
    clicks: Path, dancer: ReleasedDancer, pieces: list[MotionClip]
) -> None:
    pipe = Dribble(clicks, 5000)
    stream = stream_released(cast(BinaryIO, pipe), dancer.bundle.folder, _CONFIG, dancer)
    first = next(stream)
    assert (
        pipe.taken / clicks.stat().st_size * 24.3 < 20.0
    )  # a window of 12.8 s and what is listened to and planted beyond it
    stream.close()
    assert first.tokens is not None and pieces[0].tokens is not None
    assert np.array_equal(first.tokens.codes, pieces[0].tokens.codes)
    np.testing.assert_array_equal(first.joint_positions(), pieces[0].joint_positions())


def test_ears_forget_nothing_that_a_window_is_told(dancer: ReleasedDancer, clicks: Path) -> None:
    from infinitedance_cli.music.song import analyse_song

    ears, whole = Ears(dancer.encoder), analyse_song(str(clicks))
    rows = ears.encode(whole)
    assert rows.shape == (608, 1024) and ears.start == 0
    # 24.3 s at 30 frames a second, and a frame at either end
    assert len(ears.audio) == 1 + 24.3 * 15360 // 512


def test_ways_of_the_release_are_refused(dancer: ReleasedDancer, clicks: Path) -> None:
    drifting = replace(_CONFIG, released=ReleasedConfig(steady_index=False))
    with pytest.raises(UsageError, match=r"released\.steady_index"):
        next(stream_released(str(clicks), dancer.bundle.folder, drifting, dancer))
    with pytest.raises(UsageError, match=r"released\.whole_song"):
        next(stream_dance(str(clicks), replace(_CONFIG, protocol="release", released=ReleasedConfig.release())))
