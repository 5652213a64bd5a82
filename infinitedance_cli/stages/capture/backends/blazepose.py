"""BlazePose's landmarks on the CPU, and a body fitted to them: the default backend."""

from __future__ import annotations

from infinitedance_cli.stages.capture.backend import PictureBackend
from infinitedance_cli.stages.capture.config import CaptureConfig


def create(config: CaptureConfig) -> PictureBackend:
    """The backend; raises MissingResource when LiteRT or the models are missing and cannot be fetched."""
    from importlib.util import find_spec

    from infinitedance_cli.plugins import missing_library

    if find_spec("ai_edge_litert") is None:
        raise missing_library("ai_edge_litert", "the capture backend 'blazepose'")
    from infinitedance_cli.stages.capture.backends._blazepose import BlazePose

    return BlazePose(config)
