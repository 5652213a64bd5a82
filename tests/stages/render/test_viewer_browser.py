"""The page in a real browser, opened from disk: it plays, shows the right frame, and follows keys and timeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.body.mesh import load_open_body, skin
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.kinematics import forward_kinematics, sample_positions, sample_rotations
from infinitedance_cli.stages.render.config import RenderConfig
from infinitedance_cli.stages.render.viewer.page import write_page
from tests.stages.render.chromium import NO_SHADOW, PROGRAM, READY, Chromium, needs_chromium
from tests.stages.render.dances import FPS, three_dances

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def dances(tmp_path_factory: pytest.TempPathFactory) -> list[MotionClip]:
    return three_dances(tmp_path_factory.mktemp("songs"))


@pytest.fixture(scope="module")
def tab(dances: list[MotionClip], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A tab with a page of all the dances, opened from disk."""
    folder = tmp_path_factory.mktemp("page")
    write_page(dances, folder / "out.html", RenderConfig())
    assert PROGRAM is not None
    with Chromium(PROGRAM, folder / "profile", (240, 320)) as opened:
        opened.open((folder / "out.html").as_uri())
        opened.wait(READY)
        opened.evaluate(f"{NO_SHADOW}, 0")
        yield opened
        assert opened.complaints() == []


@pytest.fixture(autouse=True)
def _at_the_beginning(tab: Chromium) -> None:
    tab.evaluate(
        "idance.controls.choose(0).then(() => { const { player } = idance;"
        " player.pause(); player.setLoop(false); player.setRate(1); player.seek(0); })"
    )


def drawn(tab: Chromium) -> dict[str, Any]:
    """What the next picture shows."""
    picture = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    return json.loads(tab.evaluate(f"{picture}.then(() => JSON.stringify(idance.player.drawn))"))


def press(tab: Chromium, key: str, shift: bool = False) -> float:
    """Presses a key; returns the time that is shown then."""
    event = f"new KeyboardEvent('keydown', {{ key: {json.dumps(key)}, shiftKey: {json.dumps(shift)} }})"
    tab.evaluate(f"window.dispatchEvent({event}), 0")
    return float(drawn(tab)["time"])


def bones(tab: Chromium) -> NDArray[np.float64]:
    """World positions of the body's joints as the page draws them."""
    return np.array(tab.evaluate("idance.dancer.bones.map((bone) => bone.matrixWorld.elements.slice(12, 15))"))


def test_nothing_but_the_page_itself_is_asked_for(tab: Chromium) -> None:
    schemes = {address.split(":")[0] for address in tab.requests()}
    assert schemes <= {"file", "blob", "data"}
    assert sum(address.startswith("file:") for address in tab.requests()) == 1


@pytest.mark.parametrize("frame", [0, 1, 47, 83, 119])
def test_seeking_lands_on_the_frame(tab: Chromium, dances: list[MotionClip], frame: int) -> None:
    tab.evaluate(f"idance.player.seek({frame / FPS!r})")
    assert drawn(tab)["frame"] == frame
    np.testing.assert_allclose(bones(tab), dances[0].joint_positions()[frame], atol=1e-3)


def test_every_frame_can_be_reached_by_its_time(tab: Chromium) -> None:
    frames = tab.evaluate(
        "Array.from({ length: idance.player.take.frames }, (_, k) => {"
        " idance.player.seek(k / 30); return idance.player.take.frameAt(idance.player.time); })"
    )
    assert frames == list(range(120))


def test_between_frames_the_pose_is_between(tab: Chromium, dances: list[MotionClip]) -> None:
    tab.evaluate(f"idance.player.seek({40.5 / FPS!r})")
    assert drawn(tab)["frame"] == 40
    clip, moment = dances[0], np.array([40.5])
    root = sample_positions(clip.root_position, moment)
    positions, _ = forward_kinematics(clip.skeleton, root, sample_rotations(clip.joint_rotation, moment))
    np.testing.assert_allclose(bones(tab), positions[0], atol=1e-3)


def test_the_skin_follows_the_bones(tab: Chromium, dances: list[MotionClip]) -> None:
    tab.evaluate(f"idance.player.seek({47 / FPS!r})")
    drawn(tab)
    vertices = [0, 1000, 5000, 9000, 13000]
    shown = tab.evaluate(
        f"{vertices}.map((index) => idance.dancer.mesh.getVertexPosition(index, idance.dancer.place.clone()).toArray())"
    )
    clip = dances[0]
    expected = skin(load_open_body(), clip.root_position[47:48], clip.joint_rotation[47:48])[0, vertices]
    np.testing.assert_allclose(shown, expected, atol=2e-3)


def test_planted_feet_are_marked_where_they_stand(tab: Chromium, dances: list[MotionClip]) -> None:
    clip = dances[0]
    assert clip.contacts is not None
    for frame in (3, 5, 20):
        tab.evaluate(f"idance.player.seek({frame / FPS!r})")
        drawn(tab)
        marks = tab.evaluate(
            "idance.dancer.marks.children.map((mark) => [mark.visible, mark.position.x, mark.position.z])"
        )
        assert [mark[0] for mark in marks] == clip.contacts.planted[frame].tolist()
        feet = clip.joint_positions()[frame, [7, 10, 8, 11]][:, [0, 2]]
        for (visible, *place), foot in zip(marks, feet, strict=True):
            assert not visible or np.abs(np.array(place) - foot).max() < 1e-3


def test_the_picture_is_of_the_time_that_the_sound_says(tab: Chromium) -> None:
    tab.evaluate("idance.player.play()")
    tab.wait("idance.player.time > 0.3")
    offsets = tab.evaluate(
        "new Promise((done) => { const found = []; const look = () => { const { drawn, time } = idance.player;"
        " found.push(drawn.time - drawn.sound); time > 2.5 ? done(found) : requestAnimationFrame(look); }; look(); })"
    )
    assert len(offsets) > 3
    assert np.abs(offsets).max() < 0.04


def test_playing_ends_at_the_last_frame_and_begins_anew(tab: Chromium) -> None:
    tab.evaluate("idance.player.seek(3.8), idance.player.play()")
    tab.wait("!idance.player.playing")
    assert drawn(tab)["frame"] == 119
    tab.evaluate("idance.player.play()")
    assert tab.wait("idance.player.playing && idance.player.time < 3 && idance.player.time > 0.05")


def test_keys_move_by_beats_bars_and_frames(tab: Chromium) -> None:
    assert press(tab, "ArrowRight") == 0.5
    assert press(tab, "ArrowRight") == 1.0
    assert press(tab, "ArrowLeft") == 0.5
    assert press(tab, "]") == 2.0
    assert press(tab, "ArrowLeft", shift=True) == 0.0
    assert press(tab, ".") == pytest.approx(1 / 30)
    assert press(tab, "End") == 4.0
    assert press(tab, ",") == pytest.approx(118 / 30)


def test_a_looped_bar_repeats(tab: Chromium) -> None:
    tab.evaluate("idance.player.seek(3.6), idance.player.setLoop(true), idance.player.play()")
    assert tab.evaluate("idance.player.loop") == [2, 4]
    tab.wait("idance.player.time < 3")
    tab.wait("idance.player.time > 2.3 && idance.player.time < 3.5")
    assert tab.evaluate("idance.player.playing && !idance.player.clock.audio.paused")


def test_the_timeline_seeks_and_sticks_to_beats(tab: Chromium) -> None:
    box = tab.evaluate(
        "(({ left, top, width }) => [left, top, width])(document.getElementById('timeline').getBoundingClientRect())"
    )
    for kind, part in (("mousePressed", 0.1), ("mouseMoved", 0.3), ("mouseReleased", 0.3)):
        x, y = box[0] + box[2] * part, box[1] + 10
        tab.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
    assert drawn(tab)["time"] == pytest.approx(1.2, abs=0.02)
    assert tab.evaluate("[idance.player.timeline.snapped(1.2, false), idance.player.timeline.snapped(1.2, true)]") == [
        1.2,
        1,
    ]


def test_takes_change_without_losing_the_time(tab: Chromium, dances: list[MotionClip]) -> None:
    tab.evaluate("idance.player.seek(1.0)")
    sound = "idance.player.clock.audio.src"
    before = tab.evaluate(sound)
    tab.evaluate("idance.controls.choose(1)")
    assert (drawn(tab)["frame"], tab.evaluate(sound)) == (30, before)
    np.testing.assert_allclose(bones(tab), dances[1].joint_positions()[30], atol=1e-3)
    tab.evaluate("idance.controls.choose(2)")
    assert tab.evaluate("document.getElementById('name').textContent") == "silent"
    np.testing.assert_allclose(bones(tab)[:22], dances[2].joint_positions()[30], atol=1e-3)


def test_without_a_song_time_runs_all_the_same(tab: Chromium) -> None:
    tab.evaluate("idance.controls.choose(2).then(() => { idance.player.setRate(2); return idance.player.play(); })")
    passed = tab.evaluate(
        "new Promise((done) => { const from = [performance.now(), idance.player.clock.read(performance.now())];"
        " setTimeout(() => { const now = performance.now(), time = idance.player.clock.read(now);"
        " done((time - from[1]) / ((now - from[0]) / 1000)); }, 600); })"
    )
    assert passed == pytest.approx(2, rel=0.02)


def test_slow_motion_keeps_the_sound(tab: Chromium) -> None:
    tab.evaluate("idance.player.setRate(0.5), idance.player.play()")
    assert tab.evaluate("[idance.player.clock.audio.playbackRate, idance.player.clock.audio.preservesPitch]") == [
        0.5,
        True,
    ]


@pytest.mark.parametrize(("length", "lead"), [(88200, 0), (79 * 1152, 1105), (79 * 1152 - 529, 576), (80 * 1152, 2257)])
def test_what_a_decoder_left_of_the_delay_is_cut(tab: Chromium, length: int, lead: int) -> None:
    """Nothing (Chrome), all (Safari), what its decoder did not cut (Firefox), all and the packet of the note."""
    info = {"samples": 88200, "packets": 79, "delay": 1105}
    assert tab.evaluate(f"idance.leadOf({length}, {json.dumps(info)})") == lead
