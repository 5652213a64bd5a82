"""The drawing context: OpenGL without a display."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.plugins import missing_library

if TYPE_CHECKING:
    import moderngl

logger = logging.getLogger(__name__)

_PACKAGES = "apt install libegl1 libegl-mesa0 libgl1-mesa-dri (Fedora: dnf install mesa-libEGL mesa-dri-drivers)"


@contextmanager
def drawing_context() -> Iterator[moderngl.Context]:
    """An OpenGL 3.3 context that needs no display, and no GPU where Mesa's software rasteriser is installed.

    Raises MissingResource, one line with the packages to install, where there is none.
    """
    try:
        import moderngl
    except ImportError as error:
        raise missing_library("moderngl", "drawing") from error
    backend: dict[str, Any] = {"backend": "egl"} if sys.platform.startswith("linux") else {}
    try:
        context = moderngl.create_context(standalone=True, require=330, **backend)
    except Exception as error:  # noqa: BLE001 - glcontext raises the base class itself, and nothing else of its own
        if type(error) is not Exception and not isinstance(error, moderngl.Error | ValueError | ImportError):
            raise
        reason = " ".join(str(error).split())
        raise MissingResource(
            f"drawing needs OpenGL through EGL, which is not there ({reason}); run: {_PACKAGES}"
        ) from error
    logger.debug("drawing with %s", context.info["GL_RENDERER"])
    try:
        yield context
    finally:
        context.release()
