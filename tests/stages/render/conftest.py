"""Fixtures of the renderer's tests."""

from __future__ import annotations

from tests.stages.render.scenes import context, needs_drawing

__all__ = ["context", "needs_drawing"]
