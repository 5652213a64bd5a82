from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.music.decode import stream_audio
from infinitedance_cli.stages.capture.timeline import lay_grid, resampled
from infinitedance_cli.stages.capture.video import nearest_to_grid, open_video
from tests.stages.capture.videos import (
    SOUND_RATE,
    Pixels,
    clicks,
    constant,
    marked,
    number_in,
    set_display_matrix,
    write_video,
)

MINUTES_5 = 300.0


def corner(_: int) -> Pixels:
    """Grey, with a white block in the upper left corner and a black one in the upper right."""
    picture = np.full((48, 96, 3), 128, np.uint8)
    picture[:16, :32], picture[:16, 64:] = 255, 0
    return picture


def corners(pixels: Pixels) -> list[int]:
    """Brightness of the upper left, upper right, lower left and lower right corner: 2 white, 0 black, 1 grey."""
    return [round(float(pixels[y, x].mean()) / 127.5) for y in (4, -5) for x in (4, -5)]


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 30000 / 1001])
def test_every_picture_of_a_slow_video_is_given_once(tmp_path: Path, fps: float) -> None:
    path = write_video(tmp_path / "v.mp4", constant(fps, 4), lambda number: marked(8, number))
    with open_video(path) as video:
        pictures = list(video.pictures())
    assert [number_in(picture.pixels, 8) for picture in pictures] == list(range(round(fps * 4)))
    assert [picture.time_s for picture in pictures] == pytest.approx(constant(fps, 4), abs=1e-4)


@pytest.mark.parametrize("fps", [50.0, 60000 / 1001, 120.0])
def test_of_a_fast_video_the_pictures_nearest_to_30_a_second_are_given(tmp_path: Path, fps: float) -> None:
    path = write_video(tmp_path / "v.mp4", constant(fps, 4), lambda number: marked(10, number))
    with open_video(path) as video:
        pictures = [number_in(picture.pixels, 10) for picture in video.pictures()]
    nearest = [round(frame / 30 * fps) for frame in range(120)]
    assert set(nearest) - {round(fps * 4)} <= set(pictures) and len(pictures) <= 122


def test_one_frame_in_five_minutes_of_unsteady_pictures_is_not_lost() -> None:
    random = np.random.default_rng(0)
    times = np.cumsum(random.uniform(0.012, 0.06, 9000))
    times = times[times < MINUTES_5] - times[0]
    given = [time_s for _, time_s in nearest_to_grid((None, time_s) for time_s in times)]
    for frame in range(int(given[-1] * 30)):
        best = np.abs(times - frame / 30).min()
        assert np.abs(np.asarray(given) - frame / 30).min() == pytest.approx(best)


@pytest.mark.parametrize("kind", ["24", "59.94", "unsteady"])
def test_motion_and_sound_stay_together_over_five_minutes(tmp_path: Path, kind: str) -> None:
    """A square jumps at the very moment of a click, once in ten seconds; both are found within one frame."""
    if kind == "unsteady":
        steps = np.random.default_rng(1).uniform(0.02, 0.07, 20_000)
        times = np.concatenate(([0.0], np.cumsum(steps)))
        times = times[times < MINUTES_5]
    else:
        times = np.asarray(constant(24.0 if kind == "24" else 60000 / 1001, MINUTES_5))
    events = np.arange(5.0, MINUTES_5, 10.0)
    white, black = (np.full((16, 16, 3), shade, np.uint8) for shade in (255, 0))
    shown = np.searchsorted(events, times, side="right") % 2

    path = write_video(
        tmp_path / "v.mp4",
        list(times),
        lambda number: white if shown[number] else black,
        sound=clicks(MINUTES_5, list(events)),
    )
    with open_video(path) as video:
        seen = [(picture.time_s, float(picture.pixels.mean())) for picture in video.pictures()]
        start_s = video.info.sound_start_s
    assert start_s is not None
    seen_at = [time_s for time_s, _ in seen]
    grid = lay_grid(seen_at)
    assert grid is not None and grid.first == 0
    light = resampled(np.asarray([value for _, value in seen]), grid, seen_at) > 127
    jumps = (np.flatnonzero(np.diff(light.astype(int))) + 0.5) / 30
    sound = np.concatenate(list(stream_audio(str(path), SOUND_RATE)))
    loud = np.flatnonzero(np.abs(sound) > 0.3) / SOUND_RATE + start_s
    heard = loud[np.concatenate(([True], np.diff(loud) > 1))]
    assert len(jumps) == len(heard) == len(events)
    frames_apart = np.abs(jumps - heard) * 30
    # A picture is first shown up to one of the video's own periods after the click that it goes with.
    assert frames_apart.max() <= (1.0 if kind != "unsteady" else 0.07 * 30)
    assert np.abs(np.polyfit(events, jumps - heard, 1)[0]) * MINUTES_5 * 30 < 0.5, "motion and sound drift apart"


@pytest.mark.parametrize(
    ("matrix", "size", "expected"),
    [
        ((1, 0, 0, 1), (96, 48), [2, 0, 1, 1]),
        ((0, 1, -1, 0), (48, 96), [1, 2, 1, 0]),  # a quarter clockwise: what was above is on the right
        ((-1, 0, 0, -1), (96, 48), [1, 1, 0, 2]),  # upside down
        ((0, -1, 1, 0), (48, 96), [0, 1, 2, 1]),  # a quarter the other way
        ((-1, 0, 0, 1), (96, 48), [0, 2, 1, 1]),  # mirrored, as front cameras do
    ],
)
def test_pictures_are_upright_as_the_file_says(
    tmp_path: Path, matrix: tuple[int, int, int, int], size: tuple[int, int], expected: list[int]
) -> None:
    path = write_video(tmp_path / "v.mp4", constant(30, 0.2), corner)
    set_display_matrix(path, *matrix)
    with open_video(path) as video:
        assert (video.info.width, video.info.height) == size
        assert corners(next(video.pictures()).pixels) == expected


def test_a_turn_takes_the_place_of_what_the_file_says(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", constant(30, 0.2), corner)
    set_display_matrix(path, -1, 0, 0, -1)
    with open_video(path, turn="none") as video:
        assert corners(next(video.pictures()).pixels) == [2, 0, 1, 1]
    with open_video(path, turn="90") as video:
        assert corners(next(video.pictures()).pixels) == [1, 2, 1, 0]


def test_large_pictures_are_made_smaller_and_say_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", constant(30, 0.1), lambda _: np.zeros((216, 384, 3), np.uint8))
    with open_video(path, side=108) as video:
        picture = next(video.pictures())
        assert (video.info.width, video.info.height) == (384, 216)
    assert picture.pixels.shape == (108, 192, 3) and picture.scale == 0.5


def test_time_zero_is_the_first_picture_wherever_the_sound_begins(tmp_path: Path) -> None:
    late = [0.5 + time_s for time_s in constant(30, 1)]
    path = write_video(tmp_path / "v.mkv", late, corner, sound=clicks(2, [1.0]), form="matroska")
    with open_video(path) as video:
        assert next(video.pictures()).time_s == 0
        assert video.info.sound_start_s == pytest.approx(-0.5, abs=0.03)


def test_what_is_no_video_is_refused_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(BadInput, match=r"text\.mp4: not a sound or video file"), open_video(tmp_path / "text.mp4"):
        pass
    with pytest.raises(BadInput, match=r"empty\.mp4: the file is empty"), open_video(tmp_path / "empty.mp4"):
        pass
    with pytest.raises(BadInput, match=r"gone\.mp4: no such file"), open_video(tmp_path / "gone.mp4"):
        pass


def test_a_song_is_no_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "song.mp4", [], corner, sound=clicks(1, [0.5]))
    with pytest.raises(BadInput, match="only sound in it"), open_video(path):
        pass


def test_a_video_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    noise = np.random.default_rng(0)
    path = write_video(
        tmp_path / "v.mkv",
        constant(30, 2),
        lambda _: noise.integers(0, 255, (48, 96, 3), np.uint8),
        form="matroska",
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_video(path) as video:
        count = sum(1 for _ in video.pictures())
    assert 20 <= count <= 40
