"""YOLOv8 by ultralytics: finds small people and many of them. Both it and its weights are under the AGPL-3.0."""

from __future__ import annotations

from infinitedance_cli.stages.capture.detectors import PersonDetector


def create() -> PersonDetector:
    """The detector, with your own weights where `idance models add yolov8-own` brought them, otherwise yolov8n.

    Raises MissingResource when ultralytics is not installed or the weights are not here and cannot be fetched.
    """
    from importlib.util import find_spec

    from infinitedance_cli import weights
    from infinitedance_cli.plugins import missing_library

    if find_spec("ultralytics") is None:
        raise missing_library("ultralytics", "the detector 'yolo'")
    from infinitedance_cli.stages.capture.detectors._yolo_network import YoloDetector

    own = weights.find("yolov8-own")
    return YoloDetector(weights.folder(own) if weights.state(own) is weights.State.READY else weights.require("yolov8"))
