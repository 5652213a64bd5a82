"""Who is who: people are found, told apart and followed through the pictures of one shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from infinitedance_cli.stages.capture.background import Background
from infinitedance_cli.stages.capture.boxes import Box, area, centre, centre_distance, height, overlap
from infinitedance_cli.stages.capture.config import PersonsConfig
from infinitedance_cli.stages.capture.landmarks.reader import Following
from infinitedance_cli.stages.capture.landmarks.records import Detection, PersonLandmarks, Picture
from infinitedance_cli.stages.capture.video import TimedPicture

ALL, LARGEST, CENTER = "all", "largest", "center"

_REACH = 0.5
"""Share of the last box's height within which the middle of somebody lost may turn up again."""
_SIZES = (0.4, 2.5)
"""Height against the last box of somebody who may be the one that was lost."""
_JUMP = 0.6
"""Share of the box's height that the hips do not move from one picture to the next."""
_SAME_POSE, _SAME_PICTURES = 0.12, 6
"""Two people whose landmarks lie this close, in box heights, for so many pictures are one person, followed twice."""
_HIPS = (23, 24)


class Reader(Protocol):
    """What reads the landmarks; `LandmarkReader` is one."""

    def begin(
        self, picture: Picture, where: Detection | Following
    ) -> tuple[Callable[[], PersonLandmarks], Following | None]:
        """The landmarks of the person who is `where`, as soon as they are asked for, and where to look next."""
        ...


Detect = Callable[[Picture], tuple[Detection, ...]]


@dataclass(eq=False)
class Sighting:
    """One person for as long as they were followed: `rows` at `times_s` of the video, in pixels of the picture given.

    `background`, for a moving camera: homographies (3, 3) from the first picture of the shot to that of each row.
    """

    number: int
    times_s: list[float] = field(default_factory=list)
    rows: list[PersonLandmarks] = field(default_factory=list)
    background: list[np.ndarray] = field(default_factory=list)
    where: Detection | Following | None = None
    pending: Callable[[], PersonLandmarks] | None = None
    coming: Callable[[], PersonLandmarks] | None = None
    last_box: Box = field(default_factory=lambda: np.zeros(4, np.float32))
    last_seen_s: float = 0.0
    doubled: int = 0

    @property
    def seconds(self) -> float:
        """From the first to the last picture."""
        return self.times_s[-1] - self.times_s[0] if self.times_s else 0.0

    def drop_last(self, count: int) -> None:
        """Forget the last rows."""
        keep = max(len(self.rows) - count, 0)
        del self.times_s[keep:], self.rows[keep:], self.background[keep:]


class PersonFollower:
    """Follows the people of one shot, or the one that is wanted; `add` each picture, then `finish`."""

    def __init__(
        self, reader: Reader, detect: Detect, *, person: str, config: PersonsConfig, gap_s: float, longest_s: float
    ) -> None:
        self._reader, self._detect = reader, detect
        self._person, self._config, self._gap_s, self._longest_s = person, config, gap_s, longest_s
        self._followed: list[Sighting] = []
        self._count = 0
        self._age = 0
        self._before: tuple[float, np.ndarray | None] | None = None

    @property
    def boxes(self) -> list[Box]:
        """Where the people were last."""
        return [someone.last_box for someone in self._followed]

    def add(self, picture: TimedPicture, background: np.ndarray | None = None) -> Iterator[Sighting]:
        """Follow everybody into the next picture; yields those who have been out of sight for too long."""
        # The body of this picture is read while other threads still read the hands and faces of the one before.
        for someone in self._followed:
            if someone.where is not None:
                self._begin(someone, picture, someone.where)
        self._collect()
        if self._must_look():
            self._look(picture)
        for someone in self._followed:
            someone.pending, someone.coming = someone.coming, None
        self._age += 1
        self._before = (picture.time_s, background)
        yield from self._ended(picture.time_s)

    def finish(self) -> Iterator[Sighting]:
        """Everybody who is still followed: the shot is over."""
        self._collect()
        for someone in self._followed:
            if someone.rows:
                yield someone
        self._followed = []

    def _begin(self, someone: Sighting, picture: TimedPicture, where: Detection | Following) -> None:
        pending, someone.where = self._reader.begin(picture.pixels, where)
        someone.coming = pending if someone.where is not None else None

    def _collect(self) -> None:
        """Take the landmarks of the picture before; who was lost in it is not followed into this one either."""
        for someone in self._followed:
            if someone.pending is not None and self._before is not None:
                landmarks, someone.pending = someone.pending(), None
                self._take(someone, landmarks, *self._before)
        self._separate()
        for someone in self._followed:
            if someone.where is None:
                someone.coming = None

    def _take(self, someone: Sighting, row: PersonLandmarks, time_s: float, background: np.ndarray | None) -> None:
        if row.score < self._config.least_score or not np.isfinite(row.box).all() or _jumped(someone, row, time_s):
            someone.where = None
            return
        someone.times_s.append(time_s)
        someone.rows.append(row)
        if background is not None:
            someone.background.append(background)
        someone.last_box, someone.last_seen_s = row.box, time_s

    def _separate(self) -> None:
        """Two followers on one person: the one that came later lets go and forgets the pictures since."""
        for index, later in enumerate(self._followed):
            doubled = any(_same_pose(earlier, later) for earlier in self._followed[:index])
            later.doubled = later.doubled + 1 if doubled else 0
            if later.doubled >= _SAME_PICTURES:
                later.drop_last(later.doubled)
                later.where, later.doubled = None, 0
                if later.rows:
                    later.last_box, later.last_seen_s = later.rows[-1].box, later.times_s[-1]

    def _must_look(self) -> bool:
        if any(someone.where is None for someone in self._followed):
            return True
        if not self._followed:
            return self._age % 2 == 0
        wanted = self._config.most if self._person == ALL else 1
        return len(self._followed) < wanted and self._age % self._config.detect_every == 0

    def _look(self, picture: TimedPicture) -> None:
        """Find again who was lost, then those who are new and wanted."""
        found = [seen for seen in self._detect(picture.pixels) if seen.score >= self._config.least_score]
        taken = [someone.last_box for someone in self._followed if someone.where is not None]
        free = [seen for seen in found if all(overlap(seen.box, box) < self._config.least_overlap for box in taken)]
        for someone in self._followed:
            if someone.where is None:
                again = _most_like(someone.last_box, free, self._config.least_overlap)
                if again is not None:
                    free.remove(again)
                    self._begin(someone, picture, again)
        for new in self._wanted(free, found, picture):
            self._count += 1
            someone = Sighting(self._count, last_box=new.box, last_seen_s=picture.time_s)
            self._begin(someone, picture, new)
            if someone.where is not None:
                self._followed.append(someone)

    def _wanted(self, free: list[Detection], found: list[Detection], picture: TimedPicture) -> list[Detection]:
        if self._person == ALL:
            room = self._config.most - len(self._followed)
            return sorted(free, key=lambda seen: -area(seen.box))[:room] if room > 0 else []
        if self._followed or not found:
            return []
        if self._person == LARGEST:
            return [max(found, key=lambda seen: area(seen.box))]
        if self._person == CENTER:
            middle = picture.pixels.shape[1] / 2
            return [min(found, key=lambda seen: abs(float(centre(seen.box)[0]) - middle))]
        in_order = sorted(found, key=lambda seen: float(centre(seen.box)[0]))
        return in_order[int(self._person) - 1 : int(self._person)]

    def _ended(self, time_s: float) -> Iterator[Sighting]:
        for someone in list(self._followed):
            if someone.where is None and time_s - someone.last_seen_s > self._gap_s:
                self._followed.remove(someone)
                if someone.rows:
                    yield someone
            elif someone.seconds >= self._longest_s:
                yield Sighting(someone.number, someone.times_s, someone.rows, someone.background)
                someone.times_s, someone.rows, someone.background = [], [], []


def follow_people(
    pictures: Iterable[TimedPicture], follower: PersonFollower, background: Background | None = None
) -> Iterator[Sighting]:
    """Everybody who is wanted in the pictures of one shot, each when they are gone or the shot is over.

    `background` follows a moving camera; None: it stands still.
    """
    for picture in pictures:
        motion = None if background is None else background.add(picture.pixels, follower.boxes)
        yield from follower.add(picture, motion)
    yield from follower.finish()


def _jumped(someone: Sighting, row: PersonLandmarks, time_s: float) -> bool:
    """Whether the hips are where nobody gets to in one picture: then it is somebody else."""
    if not someone.rows or time_s - someone.times_s[-1] > 0.1:
        return False
    before, now = (landmarks.body_image[list(_HIPS)].mean(axis=0) for landmarks in (someone.rows[-1], row))
    moved = float(np.linalg.norm(now - before))
    return bool(moved > _JUMP * max(height(someone.last_box), height(row.box)))


def _same_pose(one: Sighting, other: Sighting) -> bool:
    if not one.rows or not other.rows or one.times_s[-1] != other.times_s[-1]:
        return False
    apart = np.linalg.norm(one.rows[-1].body_image - other.rows[-1].body_image, axis=-1)
    return bool(np.nanmean(apart) < _SAME_POSE * height(one.last_box))


def _most_like(box: Box, found: list[Detection], least_overlap: float) -> Detection | None:
    """Who of `found` may be the one that was last seen in `box`; None: nobody."""
    fitting = [
        seen
        for seen in found
        if overlap(seen.box, box) >= least_overlap
        or (
            centre_distance(seen.box, box) < _REACH * height(box)
            and _SIZES[0] < height(seen.box) / max(height(box), 1.0) < _SIZES[1]
        )
    ]
    return min(fitting, key=lambda seen: centre_distance(seen.box, box), default=None)
