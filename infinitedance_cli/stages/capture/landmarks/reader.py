"""The landmarks of people in pictures, by the BlazePose models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from infinitedance_cli.stages.capture.landmarks.records import Detection, Following, PersonLandmarks, Picture

BodyModel = Literal["full", "heavy"]
Pending = Callable[[], PersonLandmarks]


class LandmarkReader:
    """Finds people and follows them from picture to picture. One reader serves any number of people and shots."""

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Everybody whom BlazePose's own detector finds, the surest first; none is an empty tuple."""
        raise NotImplementedError

    def follow(self, picture: Picture, where: Detection | Following) -> tuple[PersonLandmarks, Following | None]:
        """The landmarks of the person who is `where`, and where to look for them in the next picture.

        None instead when the person was lost; the landmarks are then NaN, or of what else is there, with a low score.
        """
        landmarks, following = self.begin(picture, where)
        return landmarks(), following

    def begin(self, picture: Picture, where: Detection | Following) -> tuple[Pending, Following | None]:
        """As `follow`, with hands and face still being read by another thread while the caller goes on.

        Call the returned function for the landmarks; it waits until they are there. One picture later is soon enough::

            pending, where = reader.begin(picture, where)
        """
        raise NotImplementedError
