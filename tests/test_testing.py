"""Every plug-in conforms to its kind, and the checks catch what they are for."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from infinitedance_cli import plugins, weights
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.testing import check_format, check_music_encoder, example_clip
from tests.models.released.tiny_muq import write_muq


@pytest.mark.parametrize("name", plugins.names("format"))
def test_every_format_conforms(name: str, tmp_path: Path) -> None:
    check_format(name, tmp_path)


@pytest.mark.parametrize("name", plugins.names("music"))
def test_every_music_encoder_conforms(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "muq":  # its published weights are the user's to bring: small random ones in their files
        monkeypatch.setenv("IDANCE_CACHE", str(tmp_path / "cache"))
        write_muq(tmp_path / "muq")
        weights.add(weights.find("muq"), tmp_path / "muq")
    check_music_encoder(name)


def test_the_example_clip_stands_on_the_floor_and_moves() -> None:
    positions = example_clip().joint_positions()
    assert positions[0, :, 1].min() == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(positions[1:] - positions[:-1], axis=-1).max() < 0.1  # smooth: under 3 m/s
    moved = np.linalg.norm(positions - positions[:1], axis=-1).max(axis=0)
    assert moved.min() > 0.05


def text_format(**changes: Any) -> types.ModuleType:
    """A small correct format (JSON), with parts replaced."""

    def write(clip: MotionClip, file: BinaryIO) -> None:
        values = [clip.fps, clip.root_position.tolist(), clip.joint_rotation.tolist()]
        file.write(json.dumps(values).encode())

    def read(path: Path) -> Iterator[MotionClip]:
        try:
            fps, root, rotations = json.loads(path.read_bytes())
        except ValueError as error:
            raise BadInput(f"{path} is not JSON") from error
        yield MotionClip("read", default_skeleton(), fps, np.float32(root), np.float32(rotations))

    module = types.ModuleType("text_format")
    vars(module).update(EXTENSIONS=(".txt",), DESCRIPTION="Numbers as text.", read=read, write=write)
    vars(module).update(changes)
    return module


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[types.ModuleType], None]:
    def run(module: types.ModuleType) -> None:
        monkeypatch.setattr(plugins, "load", lambda kind, name: module)
        check_format("text", tmp_path)

    return run


def test_a_correct_format_passes(check: Callable[[types.ModuleType], None]) -> None:
    check(text_format())


def reads_anything(path: Path) -> Iterator[MotionClip]:
    yield example_clip()


def reads_nothing_of_it(path: Path) -> Iterator[MotionClip]:
    raise BadInput("no")


def writes_by_the_clock(clip: MotionClip, file: BinaryIO) -> None:
    file.write(str(id(file)).encode())


def reads_half_speed(path: Path) -> Iterator[MotionClip]:
    for clip in text_format().read(path):
        yield MotionClip(clip.clip_id, clip.skeleton, clip.fps / 2, clip.root_position, clip.joint_rotation)


def reads_sideways(path: Path) -> Iterator[MotionClip]:
    for clip in text_format().read(path):
        yield MotionClip(clip.clip_id, clip.skeleton, clip.fps, clip.root_position[:, ::-1], clip.joint_rotation)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"EXTENSIONS": ".txt"}, "expected a tuple"),
        ({"EXTENSIONS": (".TXT",)}, "is not like"),
        ({"DESCRIPTION": "two\nlines"}, "expected one line"),
        ({"read": reads_anything}, "expected BadInput"),
        ({"read": reads_nothing_of_it}, "does not name the file"),
        ({"write": writes_by_the_clock}, "different bytes"),
        ({"read": reads_half_speed}, "30.0 fps were written and 15.0 were read"),
        ({"read": reads_sideways}, "body joints moved"),
        ({"matches": lambda path: True}, "matches takes"),
        ({"matches": lambda path: False}, "matches does not know"),
    ],
)
def test_each_rule_is_checked(check: Callable[[types.ModuleType], None], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(text_format(**changes))


class Encoder:
    """A correct encoder: loudness, in one column."""

    name = "loud"
    rate_hz = 25.0
    dimension = 1

    def encode(self, song: Any) -> np.ndarray:
        rows = int(np.ceil(song.duration_s * 25 - 1e-6))
        mean = np.mean(np.abs(np.concatenate(list(song.audio(22_050)))))
        return np.full((rows, 1), mean, np.float32)


class Random(Encoder):
    def encode(self, song: Any) -> np.ndarray:
        return super().encode(song) + np.random.default_rng().normal(size=(1, 1)).astype(np.float32)


class Deaf(Encoder):
    def encode(self, song: Any) -> np.ndarray:
        return np.zeros_like(super().encode(song))


class Fast(Encoder):
    rate_hz = 30.0


class Nameless(Encoder):
    name = "something else"


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (Encoder, None),
        (Random, "two runs over one song"),
        (Deaf, "the same features"),
        (Fast, "expected 25.0"),
        (Nameless, "expected its plug-in name"),
    ],
)
def test_the_music_rules_are_checked(
    monkeypatch: pytest.MonkeyPatch, encoder: type[Encoder], message: str | None
) -> None:
    monkeypatch.setattr(plugins, "load", lambda kind, name: types.SimpleNamespace(create=encoder))
    if message is None:
        check_music_encoder("loud")
        return
    with pytest.raises(AssertionError, match=message):
        check_music_encoder("loud")
