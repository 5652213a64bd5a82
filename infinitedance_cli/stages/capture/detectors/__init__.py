"""Person detectors, plug-ins of the kind "detector", found by listing this folder or as entry points `idance.detector`.

A detector is a module with `create() -> PersonDetector`. Importing it must be cheap; `create` raises `MissingResource`
with the line that installs or fetches what is missing. Pictures are (H, W, 3) uint8 RGB, upright.
"""

from __future__ import annotations

from typing import Protocol

from infinitedance_cli.stages.capture.landmarks.records import Detection, Picture


class PersonDetector(Protocol):
    """Finds the people in one picture."""

    def detect(self, picture: Picture) -> tuple[Detection, ...]:
        """Everybody in the picture with box and score 0–1, the surest first; nobody is an empty tuple."""
        ...
