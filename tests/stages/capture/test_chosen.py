from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from infinitedance_cli.errors import StageFailed
from infinitedance_cli.formats._torch_file import load_tensors
from infinitedance_cli.stages.capture import chosen
from infinitedance_cli.stages.capture.config import CaptureConfig
from infinitedance_cli.stages.capture.persons import Sighting
from tests.stages.capture.videos import Pixels, constant, write_video


def _picture(number: int) -> Pixels:
    return np.full((32, 48, 3), number, np.uint8)


def _sighting(frames: range, left: float) -> Sighting:
    """Somebody whose box moves a pixel a frame."""
    rows: Any = [SimpleNamespace(box=np.array([left + frame, 10, left + frame + 90, 250])) for frame in frames]
    return Sighting(1, [frame / 30 for frame in frames], rows)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Sighting]:
    """Who is found in the video, in the place of BlazePose."""
    found: list[Sighting] = []

    def follow(pictures: Any, follower: Any) -> Iterator[Sighting]:
        list(pictures)
        yield from found

    reader = SimpleNamespace(__enter__=None)
    monkeypatch.setattr(chosen, "follow_people", follow)
    monkeypatch.setattr("infinitedance_cli.stages.capture.landmarks.LandmarkReader", lambda details: _Reader())
    detector = SimpleNamespace(create=lambda: SimpleNamespace(detect=reader))
    monkeypatch.setattr(chosen.plugins, "load", lambda kind, name: detector)
    return found


class _Reader:
    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def test_the_largest_is_left_to_the_research_code(tmp_path: Path) -> None:
    assert list(chosen.chosen_people(tmp_path / "not-opened.mp4", CaptureConfig())) == [None]


def test_others_are_followed_and_have_a_box_in_every_frame(tmp_path: Path, seen: list[Sighting]) -> None:
    video = write_video(tmp_path / "shot.mp4", constant(30, 3.0), _picture)
    seen += [_sighting(range(10, 70), 100), _sighting(range(0, 20), 300)]  # the second is gone too soon
    (person,) = chosen.chosen_people(video, CaptureConfig(person="all"))
    assert person is not None
    assert (person.first, person.end, person.boxes.shape) == (10, 70, (90, 4))
    assert person.boxes[[0, 10, 40, 69, 89], 0] == pytest.approx([110, 110, 140, 169, 169])


def test_nobody_is_said(tmp_path: Path, seen: list[Sighting]) -> None:
    video = write_video(tmp_path / "shot.mp4", constant(30, 1.4), _picture)
    with pytest.raises(StageFailed, match=r"nobody is seen for 1 s or more \(--person 2\)"):
        list(chosen.chosen_people(video, CaptureConfig(person="2")))


def test_boxes_are_written_as_gvhmr_keeps_them(tmp_path: Path) -> None:
    boxes = np.array([[100.0, 50, 200, 350], [0, 0, 300, 200]])  # one is high, one is wide
    chosen.write_boxes(tmp_path / "preprocess" / "bbx.pt", chosen.Chosen(boxes, 0, 2))
    found = load_tensors(tmp_path / "preprocess" / "bbx.pt")
    assert found["bbx_xyxy"].tolist() == boxes.tolist()
    assert found["bbx_xys"] == pytest.approx(np.array([[150, 200, 1.2 * 300], [150, 100, 1.2 * 300 / 0.75]]))
