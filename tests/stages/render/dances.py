"""Small dances and songs whose every figure is known."""

from __future__ import annotations

import hashlib
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np

from infinitedance_cli.motion import rotation
from infinitedance_cli.motion.clip import FootContacts, Labels, MotionClip, MusicTrack
from infinitedance_cli.motion.contact import FOOT_LABELS
from infinitedance_cli.motion.skeleton import default_skeleton

FPS = 30.0
SONG_RATE = 44_100


def make_dance(clip_id: str = "dance", seconds: float = 4, joints: int = 55, song: Path | None = None) -> MotionClip:
    """A body that walks along +X, turns once about y in 4 s and waves; beats each half second, bars of two seconds."""
    frames = round(seconds * FPS)
    time = np.arange(frames) / FPS
    angles = np.zeros((frames, joints, 3))
    angles[:, 0, 1] = 2 * np.pi * time / 4
    for joint in range(1, joints):
        angles[:, joint] = 0.4 * np.sin(2 * np.pi * time[:, None] * (0.5 + joint % 3) + joint + np.arange(3))
    root = np.stack((0.3 * time, 0.95 + 0.03 * np.sin(9 * time), 0.1 * np.cos(time)), axis=1)
    planted = np.stack([(np.arange(frames) // (5 + column)) % 2 == 0 for column in range(4)], axis=1)
    digest = hashlib.sha256(song.read_bytes()).hexdigest() if song else ""
    return MotionClip(
        clip_id=clip_id,
        skeleton=default_skeleton(joints),
        fps=FPS,
        root_position=root.astype(np.float32),
        joint_rotation=rotation.from_axis_angle(angles).astype(np.float32),
        contacts=FootContacts(planted, FOOT_LABELS),
        music=MusicTrack(
            sha256=digest,
            path=str(song or ""),
            beats=np.arange(0, seconds, 0.5),
            downbeats=np.arange(0, seconds, 2.0),
            tempo_bpm=120.0,
        ),
        labels=Labels("test"),
    )


def write_clicks(path: Path, seconds: float = 4, every: float = 0.5) -> Path:
    """A stereo WAV that is silent but for clicks of 1.4 ms, the first after `every` seconds."""
    samples = np.zeros((round(seconds * SONG_RATE), 2))
    click = 0.9 * np.cos(np.pi * np.arange(60) / 4)
    for second in np.arange(every, seconds - 0.01, every):
        start = round(second * SONG_RATE)
        samples[start : start + 60] = click[:, None]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SONG_RATE)
        file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
    return path


def three_dances(folder: Path) -> list[MotionClip]:
    """Two takes to one song of clicks, and one of 22 joints without a song."""
    song = write_clicks(folder / "clicks.wav")
    other = replace(make_dance("other", seconds=3, song=song), contacts=None)
    return [make_dance("first", song=song), other, make_dance("silent", joints=22)]
