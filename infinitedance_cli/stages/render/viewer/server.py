"""`idance render --live`: the viewer for a folder, served to this machine only.

Addresses: `/` the page, `/takes.json` the list (`version`, `takes`), `/takes/KEY` a pack, `/songs/KEY` an MP3 whose
header `X-Song` says how its samples lie. Keys are made up by `folder`: no address names a file.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import BadInput, IdanceError, UsageError
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.viewer.folder import TakeFolder
from infinitedance_cli.stages.render.viewer.page import build_page

logger = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
SCAN_SECONDS = 1.0


def serve(
    folder: Path, config: RenderConfig, *, port: int = 0, on_ready: Callable[[ViewerServer], None] | None = None
) -> None:
    """Serves the takes of `folder` until interrupted; says the address on stderr.

    `port` 0 lets the system choose; `on_ready` is called with the server once it listens.
    Raises BadInput when `folder` is no folder that can be read, UsageError when the port is taken; KeyboardInterrupt
    passes through.
    """
    check_folder(folder)
    server = open_server(folder, config, port)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(server.takes, stop), daemon=True)
    try:
        logger.info("%s is shown at %s until Ctrl-C", folder, server.url)
        watcher.start()
        if on_ready is not None:
            on_ready(server)
        server.serve_forever(poll_interval=0.2)
    finally:
        stop.set()
        server.server_close()


def check_folder(folder: Path) -> None:
    """Raises BadInput unless `folder` is a folder that can be read."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "no such folder"
        raise BadInput(f"--live {folder}: {what}; name the folder in which takes arrive")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadInput(f"--live {folder}: cannot be read; check its permissions")


def open_server(folder: Path, config: RenderConfig, port: int = 0) -> ViewerServer:
    """A server that listens, not yet serving. Raises UsageError when the port is taken or forbidden."""
    try:
        return ViewerServer(TakeFolder(folder, config), port)
    except OSError as error:
        raise UsageError(f"--port {port}: cannot be opened ({error.strerror}); choose another, or 0 for any") from error


class ViewerServer(ThreadingHTTPServer):
    """Answers for one folder, on the loopback address only."""

    daemon_threads = True

    def __init__(self, takes: TakeFolder, port: int) -> None:
        self.takes = takes
        super().__init__((ADDRESS, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves in the middle of an answer is nothing to report."""
        logger.debug("the answer to %s was cut short", client_address, exc_info=True)


def _watch(takes: TakeFolder, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            takes.scan()
        except OSError as error:
            logger.warning("the folder cannot be read (%s); looking again", error.strerror)
            stop.wait(4 * SCAN_SECONDS)
        stop.wait(SCAN_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:  # noqa: N802 - the name is the base class's
        """Answers one request."""
        if self.headers.get("Host") not in self._own_names():
            # Another site's name that was made to point here must not read the user's dances.
            self._answer(HTTPStatus.FORBIDDEN, b"this is not the address of the viewer")
            return
        try:
            self._route(self.path.partition("?")[0])
        except KeyError:
            self._answer(HTTPStatus.NOT_FOUND, b"there is no such take or song any more")
        except (IdanceError, OSError) as error:
            if isinstance(error, ConnectionError):
                raise
            logger.warning("%s", error)
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, str(error).encode())

    def _own_names(self) -> tuple[str, str]:
        port = self.server.server_port
        return f"{ADDRESS}:{port}", f"localhost:{port}"

    def _route(self, path: str) -> None:
        takes = self.server.takes
        kind, _, key = path.removeprefix("/").partition("/")
        if path == "/":
            self._answer(HTTPStatus.OK, _page(), "text/html; charset=utf-8")
        elif path == "/takes.json":
            listed = {"version": takes.version, "takes": takes.entries}
            self._answer(HTTPStatus.OK, json.dumps(listed).encode(), "application/json")
        elif kind == "takes":
            self._answer(HTTPStatus.OK, takes.pack(key), "application/octet-stream")
        elif kind == "songs":
            song = takes.song(key)
            self._answer(HTTPStatus.OK, song.data, "audio/mpeg", song.describe())
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there is nothing at this address")

    def _answer(
        self,
        status: HTTPStatus,
        body: bytes,
        kind: str = "text/plain; charset=utf-8",
        song: dict[str, Any] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if song is not None:
            self.send_header("X-Song", json.dumps(song))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Requests are told only under --verbose."""
        logger.debug(format, *args)


@cache
def _page() -> bytes:
    return build_page({"live": True, "takes": []}, {}, "idance").encode()
