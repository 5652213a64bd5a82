"""Clips whose pictures can be worked out by hand, songs with clicks at known times, and a drawing context."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from infinitedance_cli.errors import MissingResource
from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import MotionClip, MusicTrack
from infinitedance_cli.motion.skeleton import default_skeleton
from infinitedance_cli.stages.render.context import drawing_context

FPS = 30.0


def standing_clip(frames: int = 6, joints: int = 55, height: float = 0.0, clip_id: str = "standing") -> MotionClip:
    """The rest pose (a T-pose that faces +Z) over the origin, `height` metres above where it stands on the floor."""
    skeleton = default_skeleton(joints)
    root = np.tile(skeleton.offsets[0] + np.float32([0, height, 0]), (frames, 1)).astype(np.float32)
    return MotionClip(clip_id, skeleton, FPS, root, rotation.identity(frames, joints).astype(np.float32))


def walking_clip(frames: int = 90, speed: float = 1.0) -> MotionClip:
    """The rest pose that glides along +X at `speed` m/s, its pelvis trembling by a centimetre."""
    clip = standing_clip(frames)
    path = clip.root_position.copy()
    path[:, 0] = np.arange(frames) / FPS * speed
    path[:, [0, 2]] += np.random.default_rng(0).normal(scale=0.01, size=(frames, 2)).astype(np.float32)
    return replace(clip, root_position=path, clip_id="walking")


def with_song(clip: MotionClip, path: str | Path, *, start: float = 0.0, beats: tuple[float, ...] = ()) -> MotionClip:
    """The clip as the generator leaves it: danced to the song at `path` from second `start` on."""
    track = MusicTrack(path=str(path), beats=np.array(beats), downbeats=np.array(beats[::4]), tempo_bpm=120.0)
    return replace(clip, music=track, provenance=({"stage": "generate", "config": {"start": start}},))


def write_clicks(path: Path, times: tuple[float, ...], seconds: float = 4.0, rate: int = 44_100) -> Path:
    """A stereo WAV that clicks on its left channel at `times`; the right one is silent."""
    sound = np.zeros((round(seconds * rate), 2), np.int16)
    for time in times:
        first = round(time * rate)
        sound[first : first + 30, 0] = 30_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())
    return path


def read_video(path: Path) -> tuple[list[float], list[NDArray[np.uint8]], NDArray[np.float32] | None]:
    """Times in seconds and pictures (h, w, 3) of a video, and its sound (2, N) at 48 kHz from time 0 on."""
    import av

    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
        times, pictures = [float(frame.time) for frame in decoded], [f.to_ndarray(format="rgb24") for f in decoded]
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return times, pictures, None
        blocks: list[Any] = list(container.decode(audio=0))
    assert blocks[0].time == 0
    return times, pictures, np.concatenate([block.to_ndarray() for block in blocks], axis=1)


@pytest.fixture(scope="session")
def context() -> Iterator[Any]:
    """A drawing context; where the machine has no OpenGL these tests are skipped and say so."""
    try:
        with drawing_context() as made:
            yield made
    except MissingResource as error:
        pytest.skip(str(error))


@pytest.fixture
def needs_drawing(context: Any) -> None:
    """For tests that draw in another process, or through the command."""
