from __future__ import annotations

import hashlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from infinitedance_cli import weights
from infinitedance_cli.errors import MissingResource
from infinitedance_cli.weights import Download, HubRepository, ModelFile, ModelSource, State, pip
from tests.weights.conftest import WHEEL, from_index

CONTENT = bytes(range(256)) * 40
REVISION = "0123456789abcdef0123456789abcdef01234567"


class _Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT at every address, by ranges too; `stop_after` bytes it hangs up."""

    asked: ClassVar[list[tuple[str, str, str]]] = []
    stop_after: ClassVar[int | None] = None

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        wanted = self.headers.get("Range", "")
        self.asked.append((self.command, self.path, wanted))
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if body:
            self.wfile.write(CONTENT[start : type(self).stop_after])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(_Server, "asked", [])
    monkeypatch.setattr(_Server, "stop_after", None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def single(source: ModelSource) -> ModelSource:
    return replace(source, files=(ModelFile("net.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)),))


def test_a_download_goes_on_where_it_broke_off(
    single: ModelSource, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replace(single, origin=Download(f"{address}/net.bin"))
    monkeypatch.setattr(_Server, "stop_after", 5000)
    with pytest.raises(MissingResource, match="ended after 5000 of 10240 bytes; run it again"):
        weights.add(source)
    assert weights.state(source) is State.ABSENT
    monkeypatch.setattr(_Server, "stop_after", None)
    assert (weights.add(source) / "net.bin").read_bytes() == CONTENT
    assert [asked[2] for asked in _Server.asked] == ["", "bytes=5000-"]


def test_what_the_address_does_not_have_is_said_with_the_way_round(single: ModelSource, address: str) -> None:
    source = replace(single, origin=Download(f"{address}/missing"))
    with pytest.raises(MissingResource, match=r"the server answers 404.*then here: idance models add tiny --from FILE"):
        weights.add(source)


def test_a_server_that_is_not_there(single: ModelSource) -> None:
    with pytest.raises(MissingResource, match="127.0.0.1:9/net.bin, 0.0 MB: .*refused"):
        weights.add(replace(single, origin=Download("http://127.0.0.1:9/net.bin")))


def test_a_hub_repository_is_fetched_at_its_revision(
    single: ModelSource, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    source = replace(single, origin=HubRepository("owner/model", REVISION))
    folder = weights.add(source)
    assert (folder / "net.bin").read_bytes() == CONTENT
    files = {path for _, path, _ in _Server.asked if "/resolve/" in path}
    assert files == {f"/owner/model/resolve/{REVISION}/net.bin"}
    assert sorted(path.name for path in folder.iterdir()) == ["idance-model.json", "net.bin"]


def test_what_the_hub_does_not_have_is_said_with_the_way_round(
    single: ModelSource, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(MissingResource) as caught:
        weights.add(replace(single, origin=HubRepository("owner/missing", REVISION)))
    message = str(caught.value)
    assert "\n" not in message
    assert "net.bin (0.0 MB)" in message and "huggingface.co/owner/missing at 0123456789ab" in message
    assert "idance models add tiny --from FOLDER" in message


def test_an_index_that_cannot_be_reached_is_told_from_one_without_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_index(monkeypatch, tmp_path)
    monkeypatch.delenv("PIP_NO_INDEX")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(pip.Failed, match="cannot reach the package index"):
        pip.download(WHEEL, tmp_path / "down")


def test_without_a_pip_the_one_of_the_standard_library_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    ensurepip = pytest.importorskip("ensurepip")
    if not list((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")):
        pytest.skip("this Python comes without a bundled pip")
    from importlib.util import find_spec

    monkeypatch.setattr(pip, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    said = subprocess.run([*pip._pip(), "--version"], capture_output=True, text=True, check=True).stdout
    assert "_bundled" in said
    monkeypatch.setattr(pip, "find_spec", lambda name: None)
    with pytest.raises(pip.Failed, match="this environment has no pip"):
        pip._pip()
