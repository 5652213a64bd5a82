"""Conformance checks for plug-ins, to be called from their authors' tests.

In the test folder of a plug-in package::

    from infinitedance_cli.testing import check_format

    def test_it_is_a_motion_format(tmp_path):
        check_format("usd", tmp_path)

Each check loads the plug-in by its kind and name, as a command would, and raises AssertionError with the rule that is
broken. What a kind must offer is written in `infinitedance_cli.formats` and `infinitedance_cli.music.encoders`. Our own
tests run these checks over every plug-in that they find.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli import plugins
from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.motion.skeleton import BODY_JOINT_COUNT, default_skeleton

if TYPE_CHECKING:
    from infinitedance_cli.music.song import Song

ROUND_TRIP_MEAN_M = 0.01
"""How far body joints may be from where they were, on average, after writing and reading: formats of bare positions
are read by inverse kinematics."""

MUSIC_RATE_HZ = 25.0
"""Rows a second that every music encoder gives, so that one choreographer can be trained on any of them."""


def example_clip(frames: int = 40, fps: float = 30.0, joints: int = 55) -> MotionClip:
    """A smooth dance of the default skeleton, all or its first joints, from the origin on the floor, facing +Z."""
    skeleton = default_skeleton(joints)
    time = np.arange(frames) / fps
    axis_angles = np.zeros((frames, skeleton.joint_count, 3))
    for name, axis, size, hertz in [
        ("left_shoulder", 2, -0.9, 0.5),
        ("right_shoulder", 2, 0.9, 0.5),
        ("left_elbow", 1, -0.6, 1.0),
        ("right_elbow", 1, 0.6, 1.0),
        ("left_hip", 0, -0.3, 0.5),
        ("left_knee", 0, 0.5, 0.5),
        ("spine2", 1, 0.2, 1.0),
        ("head", 0, 0.2, 2.0),
    ]:
        axis_angles[:, skeleton.index(name), axis] = size * (1 - np.cos(2 * np.pi * hertz * time)) / 2
    axis_angles[:, 0, 1] = 0.4 * time
    root = np.zeros((frames, 3))
    root[:, 0], root[:, 2] = 0.2 * np.sin(time), 0.3 * time
    root[:, 1] = -skeleton.rest_positions()[:, 1].min() + skeleton.offsets[0, 1]
    rotations = rotation.from_axis_angle(axis_angles)
    return MotionClip("example", skeleton, fps, root.astype(np.float32), rotations.astype(np.float32))


def check_format(name: str, folder: Path) -> None:
    """A motion format declares itself, writes the same bytes twice, reads back what it wrote, and refuses the rest.

    `folder` is an empty folder for files. Raises AssertionError.
    """
    module = plugins.load("format", name)
    _check_declaration(module)
    endings = getattr(module, "READ_EXTENSIONS", module.EXTENSIONS)
    written = _check_writing(module) if hasattr(module, "write") else None
    if hasattr(module, "read"):
        for ending in endings:
            _check_refusals(module, folder / f"foreign{ending}")
        if written is not None and module.EXTENSIONS[0] in endings:
            _check_round_trip(module, folder / f"example{module.EXTENSIONS[0]}", written)


def check_music_encoder(name: str) -> None:
    """A music encoder has its rate, covers any song from start to end, is finite, and gives the same rows twice.

    Raises AssertionError.
    """
    from infinitedance_cli.music.features import encode_song, load_encoder

    encoder = load_encoder(name)
    assert encoder.name == name, f"the encoder calls itself {encoder.name!r}; expected its plug-in name {name!r}"
    assert encoder.rate_hz == MUSIC_RATE_HZ, f"it gives {encoder.rate_hz} rows a second; expected {MUSIC_RATE_HZ}"
    encoded = {}
    for label, song in _example_songs():
        features = encode_song(song, encoder)  # raises on a wrong shape and on values that are not finite
        assert encoder.encode(song).dtype == np.float32, f"{label}: it gives {features.dtype}; expected float32"
        again = encode_song(song, load_encoder(name))
        assert np.array_equal(features, again), f"{label}: two runs over one song give different features"
        encoded[label] = features
    clicks, chord = encoded["clicks"], encoded["chord"]
    rows = min(len(clicks), len(chord))
    assert not np.allclose(clicks[:rows], chord[:rows]), "clicks and a chord give the same features"


def check_renderer(name: str, folder: Path, joints: int = 55) -> None:
    """A style of drawing describes itself and gives a figure that can be drawn, with the clip's joints where they are.

    `folder` holds what the style needs, such as a licensed body; the figure's clip has `joints` joints. Raises
    AssertionError.
    """
    from infinitedance_cli.stages.render.figure import joint_matrices

    renderer = plugins.load("renderer", name)
    assert renderer.DESCRIPTION and "\n" not in renderer.DESCRIPTION, "DESCRIPTION is not one line"
    clip = example_clip(joints=joints)
    figure = renderer.figure(clip, folder)
    count = len(figure.vertices)
    assert figure.vertices.shape == figure.normals.shape == (count, 3), "vertices and normals are not (V, 3) both"
    assert np.allclose(np.linalg.norm(figure.normals, axis=1), 1, atol=1e-4), "normals are not of unit length"
    for part in ("joint_indices", "joint_weights", "colours"):
        assert getattr(figure, part).shape == (count, 4), f"{part} is not (V, 4)"
    assert 0 <= figure.faces.min() and figure.faces.max() < count, "a face names a vertex that is not there"
    assert figure.joint_indices.max() < len(figure.rest_positions) <= 256, "a vertex hangs on a joint that is not there"
    assert np.allclose(figure.joint_weights.sum(axis=1), 1, atol=1e-5), "weights of a vertex do not add up to 1"
    assert 0 <= figure.colours.min() and figure.colours.max() <= 1, "colours leave 0..1"
    matrices = joint_matrices(figure, clip)
    carried = np.einsum("tjab,jb->tja", matrices[..., :3], figure.rest_positions) + matrices[..., 3]
    assert np.allclose(carried[:, :joints], clip.joint_positions(), atol=1e-5), "joints are not where the clip has them"


def _check_declaration(module: ModuleType) -> None:
    for attribute in ("EXTENSIONS", "READ_EXTENSIONS"):
        endings = getattr(module, attribute, module.EXTENSIONS)
        assert isinstance(endings, tuple), f"{attribute} is {endings!r}; expected a tuple of file name endings"
        for ending in endings:
            assert ending.startswith(".") and ending == ending.lower(), f"{attribute}: {ending!r} is not like '.bvh'"
    description = module.DESCRIPTION
    assert description and "\n" not in description, f"DESCRIPTION is {description!r}; expected one line"
    assert hasattr(module, "read") or hasattr(module, "write"), "it has neither read nor write"


def _check_writing(module: Any) -> bytes:
    first, second = io.BytesIO(), io.BytesIO()
    module.write(example_clip(), first)
    module.write(example_clip(), second)
    assert first.getvalue(), "write wrote nothing"
    assert first.getvalue() == second.getvalue(), "write gives different bytes for one clip"
    assert not first.closed, "write closed the file that it was given"
    return first.getvalue()


def _check_round_trip(module: Any, path: Path, written: bytes) -> None:
    expected = example_clip()
    path.write_bytes(written)
    if hasattr(module, "matches"):
        assert module.matches(path), f"matches does not know {path.name}, which write wrote"
    clips = list(module.read(path))
    assert len(clips) == 1, f"one clip was written and {len(clips)} were read"
    clip: MotionClip = clips[0]
    missing = expected.frames - clip.frames  # velocities, which some formats hold, have one frame less
    assert missing in (0, 1), f"{expected.frames} frames were written and {clip.frames} were read"
    assert abs(clip.fps - expected.fps) < 1e-3, f"{expected.fps} fps were written and {clip.fps} were read"
    distance = np.linalg.norm(_body(clip) - _body(expected)[: clip.frames], axis=-1)
    assert distance.mean() <= ROUND_TRIP_MEAN_M, f"body joints moved by {distance.mean():.4f} m, written and read"


def _body(clip: MotionClip) -> NDArray[np.float32]:
    return clip.joint_positions()[:, :BODY_JOINT_COUNT]


def _check_refusals(module: Any, path: Path) -> None:
    """Neither an empty file nor one of another kind is read, and the error names the path."""
    for content in (b"", b"this is no motion\n", bytes(range(256)) * 8):
        path.write_bytes(content)
        if hasattr(module, "matches"):
            assert not module.matches(path), f"matches takes {content[:18]!r} for its own"
        try:
            read = list(module.read(path))
        except BadInput as error:
            assert "\n" not in str(error), f"the message about {content[:18]!r} has several lines"
            assert path.name in str(error), f"the message about {content[:18]!r} does not name the file: {error}"
        else:
            raise AssertionError(f"{content[:18]!r} was read as {len(read)} clips; expected BadInput")


def _example_songs() -> Iterator[tuple[str, Song]]:
    """Songs of lengths that do not fit the rate: clicks at 120 BPM, a chord, silence, less than one row."""
    from infinitedance_cli.music.song import song_from_audio

    rate = 22_050
    time = np.arange(int(4.33 * rate)) / rate
    clicks = np.where(time % 0.5 < 0.02, np.sin(2 * np.pi * 1000 * time), 0.0)
    chord = sum(0.2 * np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))
    sounds = {"clicks": clicks, "chord": chord, "silence": np.zeros(rate), "a moment": clicks[: rate // 50]}
    for label, sound in sounds.items():
        yield label, song_from_audio(np.asarray(sound, np.float32), rate)


def make_checkout(
    worker: str, folder: Path, files: Mapping[str, str], *, gpu: bool = True, options: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A checkout of research code as a worker finds it, for tests: `files` by their path, text each, in `folder`.

    Returns the environment variables under which the worker runs this code with this interpreter. There, `torch` is a
    stand-in that says whether there is a `gpu`, and modules of the folder `modules` of `files` are on the path.
    """
    stand_in = f"class cuda:\n    @staticmethod\n    def is_available():\n        return {gpu}\n"
    for path, text in {"modules/torch.py": stand_in, **files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    settings = {
        "python": sys.executable,
        "repository": str(folder),
        "environment": {"PYTHONPATH": str(folder / "modules")},
        "options": dict(options or {}),
    }
    workers = folder / ".config" / "idance" / "workers.yaml"
    workers.parent.mkdir(parents=True)
    workers.write_text(json.dumps({worker: settings}), encoding="utf-8")
    return {"XDG_CONFIG_HOME": str(folder / ".config")}
