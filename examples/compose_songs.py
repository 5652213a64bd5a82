"""Composes the example songs: six styles and tempi, with their exact beats in songs.json.

    python examples/compose_songs.py [FOLDER]

The songs are made by `infinitedance_cli.music.compose` from seeds, so they carry nobody's rights but ours; they and
songs.json are dedicated to the public domain (CC0 1.0).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from infinitedance_cli.music.compose import compose_parts, mix

SAMPLE_RATE = 48_000
BITS_A_SECOND = 64_000


@dataclass(frozen=True)
class Order:
    """One song to compose."""

    file: str
    title: str
    style: str
    bpm: float
    bars: int
    seed: int


ORDERS = (
    Order("house_124.ogg", "Glass Arcade", "house", 124.0, 16, 0),
    Order("hiphop_92.ogg", "Corner Store", "hiphop", 92.0, 12, 4),
    Order("pop_112.ogg", "Paper Lanterns", "pop", 112.0, 16, 4),
    Order("breakbeat_105.ogg", "Loose Bolts", "breakbeat", 105.0, 14, 2),
    Order("jazz_138.ogg", "Late Tram", "jazz", 138.0, 20, 6),
    Order("waltz_108.ogg", "Winter Garden", "waltz", 108.0, 18, 5),
)


def main(folder: Path) -> None:
    """Writes every song and songs.json."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for order in ORDERS:
        song = compose_parts(
            order.style, order.bpm, bars=order.bars, seed=order.seed, whole=True, sample_rate=SAMPLE_RATE
        )
        write_opus(folder / order.file, mix(song, stereo=True, ceiling=0.77), order.title)
        rhythm = song.rhythm
        records.append(
            {
                "file": order.file,
                "title": order.title,
                "genre": order.style,
                "bpm": order.bpm,
                "meter": rhythm.meter,
                "duration_s": round(rhythm.duration_s, 6),
                "beats": [round(float(time), 6) for time in rhythm.beats],
                "downbeats": [round(float(time), 6) for time in rhythm.downbeats],
                "sections": [
                    {"name": part.name, "first_bar": part.first_bar, "bars": part.bars} for part in song.sections
                ],
                "license": "CC0-1.0",
            }
        )
        sys.stderr.write(f"{order.file}: {rhythm.duration_s:.1f} s\n")
    (folder / "songs.json").write_text(as_json(records), encoding="utf-8")


def as_json(records: list[dict[str, object]]) -> str:
    """Indented JSON with lists of numbers on one line."""
    lines = [
        "  {\n" + ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()) + "\n  }"
        for record in records
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def write_opus(path: Path, sound: np.ndarray, title: str) -> None:
    """Encodes (2, N) float32 at 48 kHz as Opus in Ogg; the same sound gives the same bytes."""
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        container.metadata["title"] = title
        container.metadata["license"] = "CC0-1.0"
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        stream.bit_rate = BITS_A_SECOND
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE, frame_size=960)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "songs")
