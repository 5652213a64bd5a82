from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from infinitedance_cli.stages.capture.config import ShotsConfig
from infinitedance_cli.stages.capture.shots import Look, split_shots
from infinitedance_cli.stages.capture.video import TimedPicture
from tests.stages.capture.videos import Pixels


def scene(seed: int, shift: int = 0, light: float = 1.0) -> Pixels:
    """A room of coloured blocks, seen `shift` pixels further to the right, in some light."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 200, (6, 14, 3)).astype(np.float64)
    wide = np.kron(blocks, np.ones((24, 24, 1)))[:, shift : shift + 256]
    return np.clip(wide * light, 0, 255).astype(np.uint8)


def shots_of(pictures: list[Pixels], config: ShotsConfig | None = None) -> list[int]:
    timed: Iterator[TimedPicture] = (TimedPicture(k / 30, pixels) for k, pixels in enumerate(pictures))
    numbered = list(split_shots(timed, config or ShotsConfig()))
    assert [round(picture.time_s * 30) for _, picture in numbered] == list(range(len(pictures)))
    return [shot for shot, _ in numbered]


def test_a_cut_is_found_at_its_picture() -> None:
    pictures = [scene(1)] * 20 + [scene(2)] * 15 + [scene(3)] * 20
    assert shots_of(pictures) == [0] * 20 + [1] * 15 + [2] * 20


def test_a_cut_every_second_gives_a_shot_a_second() -> None:
    assert shots_of([scene(k // 30) for k in range(300)]) == [k // 30 for k in range(300)]


def test_flashes_and_strobes_are_no_cuts() -> None:
    flash = [scene(1, light=4.0)] * 2
    assert set(shots_of([scene(1)] * 20 + flash + [scene(1)] * 20)) == {0}
    strobe = [scene(1, light=3.0 if k % 5 < 2 else 1.0) for k in range(60)]
    assert set(shots_of(strobe)) == {0}


def test_a_light_that_goes_out_is_no_cut_but_a_cut_to_the_dark_is() -> None:
    fading = [scene(1, light=1 - k / 40) for k in range(30)]
    assert set(shots_of(fading)) == {0}
    assert shots_of([scene(1)] * 20 + [scene(2, light=0.4)] * 20) == [0] * 20 + [1] * 20


def test_a_pan_is_no_cut() -> None:
    assert set(shots_of([scene(1, shift=2 * k) for k in range(40)])) == {0}


def test_a_cut_just_before_the_end_belongs_to_the_shot_before() -> None:
    assert shots_of([scene(1)] * 20 + [scene(2)] * 2) == [0] * 22


def test_cuts_are_left_alone_when_not_asked_for() -> None:
    assert set(shots_of([scene(1)] * 9 + [scene(2)] * 9, ShotsConfig(find=False))) == {0}


def test_the_change_is_zero_for_the_same_picture_and_large_for_another() -> None:
    one, same, other = Look.of(scene(1)), Look.of(scene(1)), Look.of(scene(2))
    assert one.change(same) < 1e-6
    assert one.change(other) > 0.6
    plain = Look.of(np.full((64, 64, 3), 90, np.uint8))
    assert plain.change(Look.of(np.full((64, 64, 3), 95, np.uint8))) < 0.25
