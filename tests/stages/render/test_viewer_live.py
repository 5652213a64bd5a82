"""The live viewer in a real browser: takes that arrive, and the sound itself against the picture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.viewer.server import ViewerServer, open_server
from infinitedance_cli.stream.ports import write_clips
from tests.stages.render.chromium import NO_SHADOW, PROGRAM, READY, Chromium, needs_chromium
from tests.stages.render.dances import three_dances

pytestmark = needs_chromium

# Where sound leaves the page: each moment at which silence ends, in seconds of the audio device.
LISTEN = """(async () => {
  const code = `registerProcessor("onsets", class extends AudioWorkletProcessor {
    process([input]) {
      (input[0] || []).forEach((value, index) => {
        if (Math.abs(value) < 0.3) return;
        const at = currentTime + index / sampleRate;
        if (!(at - this.last < 0.2)) this.port.postMessage(at);
        this.last = at;
      });
      return true;
    }
  });`;
  const context = new AudioContext({ sampleRate: 48000 });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const ear = new AudioWorkletNode(context, "onsets");
  context.createMediaElementSource(idance.player.clock.audio).connect(ear).connect(context.destination);
  window.heard = [];
  window.seen = [];
  ear.port.onmessage = ({ data }) => heard.push(data);
  await context.resume();
  const look = () => {
    if (idance.player.playing) seen.push([context.currentTime, idance.player.drawn.time]);
    requestAnimationFrame(look);
  };
  look();
})()"""


@pytest.fixture
def dances(tmp_path_factory: pytest.TempPathFactory) -> list[MotionClip]:
    return three_dances(tmp_path_factory.mktemp("songs"))


@contextmanager
def live(folder: Path) -> Iterator[ViewerServer]:
    """The live viewer of a folder; the test scans it."""
    server = open_server(folder, RenderConfig())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_heard_belongs_to_what_is_seen(dances: list[MotionClip], tmp_path: Path) -> None:
    """The sound itself, sample by sample, against the pictures; the live server gives the page an address for it."""
    write_clips(dances[:1], str(tmp_path / "take.h5"))
    assert PROGRAM is not None
    with live(tmp_path) as server, Chromium(PROGRAM, tmp_path / "profile", (160, 120)) as tab:
        server.takes.scan()
        tab.send("Page.setBypassCSP", enabled=True)  # for the ear, which the page itself would not let in
        tab.open(server.url)
        tab.wait(READY)
        tab.evaluate(LISTEN)
        tab.evaluate(f"{NO_SHADOW}, 0")
        tab.evaluate("idance.player.play()")
        tab.wait("idance.player.time > 1.8")
        tab.evaluate("idance.player.seek(0.25)")
        tab.wait("idance.player.time > 1.8")
        heard, seen = tab.evaluate("[heard, seen]")
    device, shown = np.array(seen).T
    assert len(heard) >= 6  # at 0.5, 1 and 1.5 s, twice
    # Where the seek lies between two pictures there is nothing to compare a click with.
    after = np.clip(np.searchsorted(device, heard), 1, len(device) - 1)
    steady = np.abs((shown[after] - shown[after - 1]) - (device[after] - device[after - 1])) < 0.2
    clicks = np.interp(heard, device, shown)[steady]
    assert len(clicks) >= 4
    assert np.abs(clicks - np.round(clicks * 2) / 2).max() < 0.04


def test_live_takes_appear_as_they_arrive(dances: list[MotionClip], tmp_path: Path) -> None:
    assert PROGRAM is not None
    with live(tmp_path) as server, Chromium(PROGRAM, tmp_path / "profile", (160, 120)) as tab:
        tab.open(server.url)
        tab.wait("document.getElementById('notice').textContent.startsWith('No takes yet')")
        for number, clip in enumerate(dances[:2]):
            write_clips([clip], str(tmp_path / f"take{number}.h5"))
            server.takes.scan()
            tab.wait(f"idance.player.take && document.querySelectorAll('#takes button').length === {number + 1}")
        assert tab.evaluate(
            "[idance.player.take.id, document.querySelector('#takes .new').firstChild.textContent]"
        ) == [
            "first",
            "take1",
        ]
        write_clips([dances[2]], str(tmp_path / "take0.h5"), force=True)
        server.takes.scan()
        tab.wait("idance.player.take.id === 'silent'")
        assert tab.complaints() == []
