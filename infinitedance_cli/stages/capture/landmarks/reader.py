"""The landmarks of people in pictures, by the BlazePose models."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from infinitedance_cli.stages.capture.landmarks import body as bodies
from infinitedance_cli.stages.capture.landmarks import face as faces
from infinitedance_cli.stages.capture.landmarks import hands
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
Pending = Callable[[], PersonLandmarks]


@dataclass(frozen=True, eq=False)
class Details:
    """Both hands and the face of one picture, as far as they were seen."""

    hands: tuple[HandReading | None, HandReading | None] = (None, None)
    face: FaceReading | None = None


@dataclass(frozen=True, eq=False)
class Following:
    """Where to look for a person in the next picture. Made by a `LandmarkReader`, and of use only to the same one."""

    region: Region
    details: Future[Details] | None = None


class LandmarkReader:
    """Finds people and follows them from picture to picture. One reader serves any number of people and shots.

    The body is read by the caller's thread, hands and face by another one, each on one core. `model` is the network of
    the body: "full", or the slower and somewhat surer "heavy". Raises MissingResource where models are missing and
    cannot be fetched. Close it, or use it in a `with`.
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
        """Stop the second thread once it has read what it was given."""
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
        """As `follow`, with hands and face still being read by another thread while the caller goes on.

        Call the returned function for the landmarks; it waits until they are there. One picture later is soon enough::

            pending, where = reader.begin(picture, where)
        """
        body, before = self._read_body(picture, where)
        if body.presence < bodies.LEAST_PRESENCE:
            lost = _assemble(body, Details(), seen=False)
            return lambda: lost, None
        if self._details is None:
            return lambda: _assemble(body, Details()), Following(body.next_region)
        details = self._details.begin(picture, body, before)
        return lambda: _assemble(body, details.result()), Following(body.next_region, details)

    def _read_body(self, picture: Picture, where: Detection | Following) -> tuple[BodyReading, Future[Details] | None]:
        if isinstance(where, Following):
            return self._body.read(picture, where.region), where.details
        if where.region is not None:
            return self._body.read(picture, where.region), None
        # A box says neither where the hips are nor how the body is turned; a first look does.
        first = self._body.read(picture, bodies.region_of_box(where.box))
        return (self._body.read(picture, first.next_region) if first.presence >= bodies.LEAST_PRESENCE else first), None


class DetailReader:
    """Hands and faces, read in a thread of their own, one picture after another."""

    def __init__(self, folder: Path) -> None:
        self._hands = HandNetworks(folder)
        self._face = FaceNetworks(folder)
        self._thread = ThreadPoolExecutor(1, "idance-details")

    def close(self) -> None:
        """Wait for what was begun and end the thread."""
        self._thread.shutdown()

    def begin(self, picture: Picture, body: BodyReading, before: Future[Details] | None) -> Future[Details]:
        """Read hands and face of the body; `before` is what this returned for the previous picture."""
        return self._thread.submit(self._read, picture, body, before)

    def _read(self, picture: Picture, body: BodyReading, before: Future[Details] | None) -> Details:
        previous = before.result() if before is not None else Details()
        left, right = (self._hand(picture, body, side, previous.hands[side]) for side in (0, 1))
        return Details((left, right), self._read_face(picture, body, previous.face))

    def _hand(self, picture: Picture, body: BodyReading, side: int, before: HandReading | None) -> HandReading | None:
        expected = hands.expected_region(body.image, body.visibility, side)
        if expected is None:
            return None
        reading = self._hands.read(picture, expected, before)
        return reading if reading.score >= hands.LEAST_SCORE else None

    def _read_face(self, picture: Picture, body: BodyReading, before: FaceReading | None) -> FaceReading | None:
        expected = faces.expected_region(body.image)
        reading = self._face.read(picture, expected, before) if expected is not None else None
        return reading if reading is not None and reading.score >= faces.LEAST_SCORE else None


def _assemble(body: BodyReading, details: Details, *, seen: bool = True) -> PersonLandmarks:
    image, world, visibility = body.image, body.world, body.visibility
    if not seen:
        image, world, visibility = np.full_like(image, np.nan), np.full_like(world, np.nan), np.zeros_like(visibility)
    hand_image = [hand.image if hand else _unseen(HAND_LANDMARKS, 2) for hand in details.hands]
    hand_world = [hand.world if hand else _unseen(HAND_LANDMARKS, 3) for hand in details.hands]
    return PersonLandmarks(
        box=np.concatenate([image.min(axis=0), image.max(axis=0)]),
        score=body.presence,
        body_image=image,
        body_world=world,
        body_visibility=visibility,
        hand_image=np.stack(hand_image),
        hand_world=np.stack(hand_world),
        hand_score=np.array([hand.score if hand else 0.0 for hand in details.hands], np.float32),
        face_image=details.face.image if details.face else _unseen(FACE_LANDMARKS, 3),
        face_score=details.face.score if details.face else 0.0,
    )


def _unseen(landmarks: int, axes: int) -> FloatArray:
    return np.full((landmarks, axes), np.nan, np.float32)
