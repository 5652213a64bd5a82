"""A server on this machine that answers as huggingface.co does, and breaks off, stalls or lies when it is told to."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest

_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_SMALL = 1000
"""Files from so many bytes on are in large file storage, with a SHA-256; the others are git's."""


class Hub:
    """One repository: `commits` by their hashes, each the files by path; `branches` name commits.

    `asked` lists (method, path, range). `stop_after` bytes of a file's answer the connection breaks, `stall_after` it
    hangs; `down` answers 503 to everything; `lies` says of a path what it does not contain.
    """

    def __init__(self, name: str = "owner/model") -> None:
        self.name = name
        self.commits: dict[str, dict[str, bytes]] = {}
        self.branches: dict[str, str] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.stop_after: int | None = None
        self.stall_after: int | None = None
        self.down = False
        self.lies: dict[str, bytes] = {}
        self.address = ""
        self._released = threading.Event()

    def commit(self, files: Mapping[str, bytes], branch: str = "main") -> str:
        """Put files on a branch; returns the commit."""
        digest = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[digest] = dict(files)
        self.branches[branch] = digest
        return digest

    def environment(self) -> dict[str, str]:
        """What the hub's client has to be told to come here; for other processes."""
        return dict.fromkeys(_PROXIES, "") | {
            "HF_ENDPOINT": self.address,
            "HF_HUB_OFFLINE": "",
            "no_proxy": "127.0.0.1",
        }

    def fetched(self, path: str) -> list[tuple[str, str]]:
        """Commit and range of every request for a file."""
        found = [(re.search(r"/resolve/([0-9a-f]+)/(.+)$", asked), wanted) for _, asked, wanted in self.asked]
        return [(match[1], wanted) for match, wanted in found if match and match[2] == path]

    @property
    def listings(self) -> int:
        """How often it was asked what a revision is; the client asks for things of its own under /api/ as well."""
        return sum(path.startswith("/api/models/") for _, path, _ in self.asked)

    def answer(self, handler: _Handler, *, body: bool) -> None:
        """One request."""
        path, wanted = unquote(handler.path.partition("?")[0]), handler.headers.get("Range", "")
        self.asked.append((handler.command, path, wanted))
        listing = re.fullmatch(rf"/api/models/{self.name}/revision/(.+)", path)
        file = re.fullmatch(rf"/{self.name}/resolve/([^/]+)/(.+)", path)
        if self.down:
            handler.send_error(503)
        elif listing:
            self._list(handler, listing[1])
        elif file:
            self._send(handler, file[1], file[2], wanted, body=body)
        else:
            _refuse(handler, "RepoNotFound", 401)

    def _list(self, handler: _Handler, revision: str) -> None:
        commit = self.branches.get(revision, revision)
        if commit not in self.commits:
            _refuse(handler, "RevisionNotFound")
            return
        siblings = [_sibling(path, content) for path, content in self.commits[commit].items()]
        _send(handler, json.dumps({"id": self.name, "sha": commit, "siblings": siblings}).encode())

    def _send(self, handler: _Handler, revision: str, path: str, wanted: str, *, body: bool) -> None:
        commit = self.branches.get(revision, revision)
        if commit not in self.commits:
            _refuse(handler, "RevisionNotFound")
            return
        if path not in self.commits[commit]:
            _refuse(handler, "EntryNotFound")
            return
        content = self.commits[commit][path]
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        handler.send_response(206 if wanted else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        if wanted:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        handler.send_header("X-Repo-Commit", commit)
        handler.end_headers()
        if body:
            self._pour(handler, self.lies.get(path, content)[start:])

    def _pour(self, handler: _Handler, content: bytes) -> None:
        large = len(content) >= _SMALL
        if large and self.stall_after is not None:
            handler.wfile.write(content[: self.stall_after])
            handler.wfile.flush()
            self._released.wait(60)
        elif large and self.stop_after is not None:
            handler.wfile.write(content[: self.stop_after])
            self.down = True  # the client would go on at once
        else:
            handler.wfile.write(content)

    def release(self) -> None:
        """Let go of stalled connections."""
        self._released.set()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.hub.answer(self, body=False)

    def do_GET(self) -> None:
        try:
            self.hub.answer(self, body=True)
        except ConnectionError:  # the other process was killed
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _sibling(path: str, content: bytes) -> dict[str, object]:
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    facts: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": blob}
    if len(content) >= _SMALL:
        sha256 = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
    return facts


def _send(handler: _Handler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def _refuse(handler: _Handler, code: str, status: int = 404) -> None:
    handler.send_response(status)
    handler.send_header("X-Error-Code", code)
    handler.send_header("X-Error-Message", "not here")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Answer on a port of this machine until the block ends."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.release()
            server.shutdown()
            thread.join()


def point_to(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send the hub's client of this process there."""
    for name, value in hub.environment().items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)


def wait_for(folder: Path, found: Callable[[Path], bool]) -> Path:
    """The first file of the folder for which `found` holds, waited for."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for path in folder.rglob("*"):
            try:
                if path.is_file() and found(path):
                    return path
            except FileNotFoundError:
                continue
        time.sleep(0.05)
    raise AssertionError(f"nothing came in {folder}")


def packed(entries: dict[str, bytes | tarfile.TarInfo]) -> bytes:
    """A tar.gz with files, or with whatever a TarInfo says."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in entries.items():
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                tar.addfile(content)
    return file.getvalue()
