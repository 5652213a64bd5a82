"""BlazePose's own detector: the default; made for one or two people who fill much of the picture."""

from __future__ import annotations

from infinitedance_cli.stages.capture.detectors import PersonDetector


def create() -> PersonDetector:
    """The detector; raises MissingResource when its model is not here and cannot be fetched."""
    from infinitedance_cli import weights
    from infinitedance_cli.stages.capture.landmarks.body import BodyDetector

    return BodyDetector(weights.require("blazepose"))
