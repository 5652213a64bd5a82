"""The landmarks of people in pictures, by the BlazePose models."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from infinitedance_cli.stages.capture.landmarks import body as bodies
from infinitedance_cli.stages.capture.landmarks import face as faces
from infinitedance_cli.stages.capture.landmarks import geometry, hands
from infinitedance_cli.stages.capture.landmarks.body import BodyDetector, BodyNetwork, BodyReading
from infinitedance_cli.stages.capture.landmarks.face import FaceNetworks, FaceReading
from infinitedance_cli.stages.capture.landmarks.hands import HandNetworks, HandReading
from infinitedance_cli.stages.capture.landmarks.records import (
    FACE_LANDMARKS,
    HAND_LANDMARKS,
    Detection,
    FloatArray,
    PersonLandmarks,
    Picture,
    Region,
)

BodyModel = Literal["full", "heavy"]
Reading = TypeVar("Reading")
Pending = Callable[[], PersonLandmarks]


LOOK_AGAIN_EVERY = 3
"""A hand or face that was looked for twice in vain is looked for in every third picture only."""


@dataclass(frozen=True, eq=False)
class Sight(Generic[Reading]):
    """A hand or a face in one picture: what was read of it, None where it is not seen, and for how many pictures it has
    not been."""

    reading: Reading | None = None
    unseen: int = 0

    @property
    def worth_a_look(self) -> bool:
        """Whether to look for it in the next picture."""
        return self.unseen < 2 or self.unseen % LOOK_AGAIN_EVERY == 0

    def then(self, reading: Reading | None) -> Sight[Reading]:
        """The sight in the next picture."""
        return Sight(reading, 0 if reading is not None else self.unseen + 1)


@dataclass(frozen=True, eq=False)
class Details:
    """Both hands and the face of one picture, while they are being read."""

    left: Future[Sight[HandReading]]
    right: Future[Sight[HandReading]]
    face: Future[Sight[FaceReading]]


def _nothing() -> Details:
    """No hand and no face."""
    nothing: Future[Sight[Any]] = Future()
    nothing.set_result(Sight())
    return Details(nothing, nothing, nothing)


@dataclass(frozen=True, eq=False)
class Following:
    """Where to look for a person in the next picture. Made by a `LandmarkReader`, and of use only to the same one."""

    region: Region
    details: Details = field(default_factory=_nothing)


class LandmarkReader:
    """Finds people and follows them from picture to picture. One reader serves any number of people and shots.

    The body is read by the caller's thread, each hand and the face by another, all at the same time. `model` is the
    network of the body: "full", or "heavy", which is slower and no closer on drawn dancers. Raises MissingResource
    where models are missing and cannot be fetched. Close it, or use it in a `with`.
    """

    def __init__(self, model: BodyModel = "full", *, details: bool = True) -> None:
        from infinitedance_cli import weights

        folder = weights.require("blazepose")
        path = weights.require("blazepose-heavy") / "pose_landmark_heavy.tflite" if model == "heavy" else None
        self._detector = BodyDetector(folder)
        self._body = BodyNetwork(path or folder / "pose_landmark_full.tflite")
        self._details = DetailReader(folder) if details else None

    def __enter__(self) -> LandmarkReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the other threads once they have read what they were given."""
        if self._details is not None:
            self._details.close()

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Everybody whom BlazePose's own detector finds, the surest first; nobody is an empty tuple."""
        return self._detector.detect(picture)

    def follow(self, picture: Picture, where: Detection | Following) -> tuple[PersonLandmarks, Following | None]:
        """The landmarks of the person who is `where`, and where to look for them in the next picture.

        None instead when the person was lost: all landmarks are then NaN, and the score is below a half.
        """
        landmarks, following = self.begin(picture, where)
        return landmarks(), following

    def begin(self, picture: Picture, where: Detection | Following) -> tuple[Pending, Following | None]:
        """As `follow`, with hands and face still being read by other threads while the caller goes on.

        Call the returned function for the landmarks; it waits until they are there. One picture later is soon enough::

            pending, where = reader.begin(picture, where)
        """
        body, before = self._read_body(picture, where)
        if body.presence < bodies.LEAST_PRESENCE:
            lost = _assemble(body, _nothing(), seen=False)
            return lambda: lost, None
        region = geometry.steadied(where.region, body.next_region) if where.region else body.next_region
        if self._details is None:
            return lambda: _assemble(body, _nothing()), Following(region)
        details = self._details.begin(picture, body, before)
        return lambda: _assemble(body, details), Following(region, details)

    def _read_body(self, picture: Picture, where: Detection | Following) -> tuple[BodyReading, Details]:
        if isinstance(where, Following):
            return self._body.read(picture, where.region), where.details
        if where.region is not None:
            return self._body.read(picture, where.region), _nothing()
        # A box says neither where the hips are nor how the body is turned; a first look does.
        first = self._body.read(picture, bodies.region_of_box(where.box))
        found = first.presence >= bodies.LEAST_PRESENCE
        return self._body.read(picture, first.next_region) if found else first, _nothing()


class DetailReader:
    """Both hands and the face, each read in a thread of its own, one picture after another."""

    def __init__(self, folder: Path) -> None:
        self._hands = (HandNetworks(folder), HandNetworks(folder))
        self._face = FaceNetworks(folder)
        self._threads = [ThreadPoolExecutor(1, f"idance-{part}") for part in ("left", "right", "face")]

    def close(self) -> None:
        """Wait for what was begun and end the threads."""
        for thread in self._threads:
            thread.shutdown()

    def begin(self, picture: Picture, body: BodyReading, before: Details) -> Details:
        """Read hands and face of the body; `before` is what this returned for the previous picture."""
        left, right, face = self._threads
        return Details(
            left.submit(self._hand, picture, body, 0, before.left),
            right.submit(self._hand, picture, body, 1, before.right),
            face.submit(self._read_face, picture, body, before.face),
        )

    def _hand(
        self, picture: Picture, body: BodyReading, side: int, earlier: Future[Sight[HandReading]]
    ) -> Sight[HandReading]:
        before = earlier.result()
        expected = hands.expected_region(body.image, body.visibility, side)
        if expected is None or not before.worth_a_look:
            return before.then(None)
        reading = self._hands[side].read(picture, expected, before.reading)
        return before.then(reading if reading.score >= hands.LEAST_SCORE else None)

    def _read_face(
        self, picture: Picture, body: BodyReading, earlier: Future[Sight[FaceReading]]
    ) -> Sight[FaceReading]:
        before = earlier.result()
        expected = faces.expected_region(body.image)
        if expected is None or not before.worth_a_look:
            return before.then(None)
        reading = self._face.read(picture, expected, before.reading)
        return before.then(reading if reading is not None and reading.score >= faces.LEAST_SCORE else None)


def _assemble(body: BodyReading, details: Details, *, seen: bool = True) -> PersonLandmarks:
    image, world, visibility = body.image, body.world, body.visibility
    if not seen:
        image, world, visibility = np.full_like(image, np.nan), np.full_like(world, np.nan), np.zeros_like(visibility)
    read_hands, face = (details.left.result().reading, details.right.result().reading), details.face.result().reading
    hand_image = [hand.image if hand else _unseen(HAND_LANDMARKS, 2) for hand in read_hands]
    hand_world = [hand.world if hand else _unseen(HAND_LANDMARKS, 3) for hand in read_hands]
    return PersonLandmarks(
        box=np.concatenate([image.min(axis=0), image.max(axis=0)]),
        score=body.presence,
        body_image=image,
        body_world=world,
        body_visibility=visibility,
        hand_image=np.stack(hand_image),
        hand_world=np.stack(hand_world),
        hand_score=np.array([hand.score if hand else 0.0 for hand in read_hands], np.float32),
        face_image=face.image if face else _unseen(FACE_LANDMARKS, 3),
        face_score=face.score if face else 0.0,
    )


def _unseen(landmarks: int, axes: int) -> FloatArray:
    return np.full((landmarks, axes), np.nan, np.float32)
