from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from infinitedance_cli.stages.capture.boxes import overlap
from infinitedance_cli.stages.capture.config import PersonsConfig
from infinitedance_cli.stages.capture.landmarks.records import Detection, PersonLandmarks
from infinitedance_cli.stages.capture.persons import PersonFollower, Sighting, follow_people
from infinitedance_cli.stages.capture.video import TimedPicture
from tests.stages.capture.test_timeline import person

Where = Callable[[int], tuple[float, float] | None]


@dataclass(frozen=True)
class Actor:
    """Somebody who is at `where(frame)`: x of the middle and height in pixels, or None out of sight."""

    name: str
    where: Where

    def box(self, frame: int) -> np.ndarray | None:
        place = self.where(frame)
        if place is None:
            return None
        x, height = place
        return np.array([x - height / 4, 300 - height, x + height / 4, 300], np.float32)


class Stage:
    """Detector and reader over scripted people; the frame stands in the picture's first pixel."""

    def __init__(self, *actors: Actor) -> None:
        self.actors = actors
        self.looks = 0

    def picture(self, frame: int) -> TimedPicture:
        pixels = np.zeros((300, 640, 3), np.uint8)
        pixels[0, 0] = frame // 256, frame % 256, 0
        return TimedPicture(frame / 30, pixels)

    @staticmethod
    def _frame(pixels: np.ndarray) -> int:
        return int(pixels[0, 0, 0]) * 256 + int(pixels[0, 0, 1])

    def detect(self, pixels: np.ndarray) -> tuple[Detection, ...]:
        self.looks += 1
        boxes = [actor.box(self._frame(pixels)) for actor in self.actors]
        return tuple(Detection(box, 0.9) for box in boxes if box is not None)

    def begin(self, pixels: np.ndarray, where: Any) -> tuple[Callable[[], PersonLandmarks], Any]:
        """Whoever is nearest to where one looks, as a real reader does."""
        frame = self._frame(pixels)
        here = [(actor, box) for actor in self.actors if (box := actor.box(frame)) is not None]
        near = [(actor, box) for actor, box in here if overlap(box, where.box) > 0.1]
        if not near:
            return lambda: person(np.nan, score=0.0), None
        _, box = max(near, key=lambda pair: overlap(pair[1], where.box))
        points = np.stack([np.linspace(box[0], box[2], 33), np.linspace(box[1], box[3], 33)], axis=1)
        row = replace(person(0.0), box=box, body_image=points.astype(np.float32))
        return lambda: row, Detection(box, 0.9)


def followed(stage: Stage, frames: int, person: str = "largest", gap_s: float = 0.5, **options: Any) -> list[Sighting]:
    follower = PersonFollower(
        stage,
        stage.detect,
        person=person,
        config=PersonsConfig(**options),
        gap_s=gap_s,
        longest_s=options.pop("x", 600.0),
    )
    return list(follow_people((stage.picture(frame) for frame in range(frames)), follower))


def heights(sighting: Sighting) -> set[int]:
    return {round(float(row.box[3] - row.box[1])) for row in sighting.rows}


def stand(x: float, height: float) -> Where:
    return lambda frame: (x, height)


CROWD = (Actor("left", stand(100, 150)), Actor("middle", stand(310, 120)), Actor("right", stand(500, 200)))


def test_the_one_who_is_wanted_is_followed() -> None:
    for wanted, height in (("largest", 200), ("center", 120), ("1", 150), ("2", 120), ("3", 200)):
        (seen,) = followed(Stage(*CROWD), 60, wanted)
        assert heights(seen) == {height} and len(seen.rows) == 60, wanted
    assert followed(Stage(*CROWD), 60, "4") == []


def test_all_are_followed_each_once() -> None:
    seen = followed(Stage(*CROWD), 60, "all")
    assert sorted(height for one in seen for height in heights(one)) == [120, 150, 200]
    assert all(len(one.rows) == 60 for one in seen)
    assert len(followed(Stage(*CROWD), 60, "all", most=2)) == 2


def test_somebody_who_comes_later_is_found() -> None:
    late = Actor("late", lambda frame: (450, 140) if frame >= 40 else None)
    seen = followed(Stage(Actor("first", stand(100, 200)), late), 100, "all")
    assert [len(one.rows) for one in seen] == [100, 55], "at the next look after frame 40"


def test_one_person_is_looked_for_once() -> None:
    stage = Stage(Actor("only", lambda frame: (100 + 3 * frame, 150)))
    (seen,) = followed(stage, 100)
    assert len(seen.rows) == 100 and stage.looks == 1


def test_a_short_absence_is_one_sighting_and_a_long_one_two() -> None:
    def away(frames: int) -> Actor:
        return Actor("blinking", lambda frame: None if 30 <= frame < 30 + frames else (200, 150))

    (seen,) = followed(Stage(away(14)), 90)
    assert len(seen.rows) == 76 and seen.times_s[30] - seen.times_s[29] > 0.4
    first, second = followed(Stage(away(20)), 90)
    assert (len(first.rows), len(second.rows)) == (30, 40)
    assert first.times_s[-1] < 1.0 < second.times_s[0]


def test_a_jump_to_somebody_else_is_no_movement() -> None:
    """The one who was followed vanishes, and another stands far away: that is another person."""
    one = Actor("one", lambda frame: (100, 150) if frame < 30 else None)
    other = Actor("other", lambda frame: (500, 140) if frame >= 30 else None)
    first, second = followed(Stage(one, other), 90)
    assert heights(first) == {150} and heights(second) == {140}


def test_two_who_meet_are_not_followed_twice() -> None:
    """Where one hides behind the other, both are taken for one; afterwards each is there again."""
    still = Actor("still", stand(300, 200))
    passing = Actor("passing", lambda frame: None if 40 <= frame < 60 else (100 + 4 * frame, 190))
    seen = followed(Stage(still, passing), 120, "all")
    long = [one for one in seen if len(one.rows) >= 30]
    assert {200} in [heights(one) for one in long]
    for one in seen:
        stretch = [time_s for time_s, row in zip(one.times_s, one.rows, strict=True) if row.box[3] - row.box[1] == 200]
        assert len(stretch) in (0, 120) or len(stretch) < 10, "somebody follows the one who stands, too"


def test_a_long_shot_comes_in_pieces() -> None:
    stage = Stage(Actor("only", stand(200, 150)))
    follower = PersonFollower(stage, stage.detect, person="largest", config=PersonsConfig(), gap_s=0.5, longest_s=2.0)
    pieces = list(follow_people((stage.picture(frame) for frame in range(150)), follower))
    assert [len(piece.rows) for piece in pieces] == [61, 61, 28]
    assert len({time_s for piece in pieces for time_s in piece.times_s}) == 150


def test_an_empty_stage_has_nobody() -> None:
    assert followed(Stage(), 40) == []
