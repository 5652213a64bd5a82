"""The live viewer over HTTP: what it answers, what it refuses, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput, UsageError
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.viewer.pack import pack_take
from infinitedance_cli.stages.render.viewer.server import ViewerServer, check_folder, open_server
from infinitedance_cli.stream.ports import write_clips
from tests.conftest import REPOSITORY
from tests.stages.render.dances import make_dance, write_clicks


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ViewerServer]:
    """A server of a folder with one take and its song, and a secret beside the folder."""
    folder = tmp_path / "takes"
    folder.mkdir()
    (tmp_path / "secret.h5").write_text("secret")
    write_clips([make_dance("take", song=write_clicks(folder / "song.wav"))], str(folder / "take.h5"))
    running = open_server(folder, RenderConfig())
    running.takes.scan()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def ask(server: ViewerServer, path: str, host: str | None = None) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{server.server_port}"})
    answer = connection.getresponse()
    result = answer.status, answer.read(), dict(answer.getheaders())
    connection.close()
    return result


def test_it_answers_with_page_list_take_and_song(server: ViewerServer) -> None:
    status, page, headers = ask(server, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"connect-src 'self'" in page
    (take,) = json.loads(ask(server, "/takes.json")[1])["takes"]
    assert (take["name"], take["frames"]) == ("take", 120)
    clip = make_dance("take", song=server.takes._folder / "song.wav")
    assert ask(server, f"/takes/{take['key']}")[:2] == (200, pack_take(clip))
    status, song, headers = ask(server, f"/songs/{take['song']['key']}")
    assert (status, headers["Content-Type"], len(song) > 10_000) == (200, "audio/mpeg", True)
    assert json.loads(headers["X-Song"])["samples"] == 4 * 48_000


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.h5",
        "/takes/../../secret.h5",
        "/takes/take.h5",
        "/takes/%2e%2e%2fsecret.h5",
        "/songs/song.wav",
        "//etc",
    ],
)
def test_addresses_are_no_files(server: ViewerServer, path: str) -> None:
    status, body, _ = ask(server, path)
    assert status == 404
    assert b"secret" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1"])
def test_another_name_for_this_machine_is_refused(server: ViewerServer, host: str) -> None:
    assert ask(server, "/takes.json", host)[0] == 403


def test_it_listens_on_the_loopback_address_only(server: ViewerServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_take_that_is_gone_is_said_to_be(server: ViewerServer) -> None:
    (take,) = server.takes.entries
    (server.takes._folder / "take.h5").unlink()
    status, body, _ = ask(server, f"/takes/{take['key']}")
    assert status == 422
    assert b"take.h5" in body


def test_a_port_in_use_is_an_error_of_one_line(server: ViewerServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"--port {server.server_port}: cannot be opened"):
        open_server(tmp_path, RenderConfig(), server.server_port)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "take.h5").write_text("")
    with pytest.raises(BadInput, match="is not a folder"):
        check_folder(tmp_path / "take.h5")


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infinitedance_cli", "render", "--live", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        port = int(line.split("http://127.0.0.1:")[1].split("/")[0])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/takes.json")
        assert json.loads(connection.getresponse().read())["takes"] == []
        connection.close()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert output == b""
    assert errors.decode().splitlines() == ["idance render: error: interrupted"]
