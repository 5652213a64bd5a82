"""Music: how exact the beats are, how fast songs are analysed, and how much memory long ones take.

    python -m tests.benchmarks.bench_music [SONGS]

Prints three tables:

*Known beats*: the example songs and, of every style of `music.compose`, songs at seeds that nothing was tuned on. F is
the F-measure of the tracked beats within 70 ms, *offset* the median distance of tracked from exact beats.
*Real songs*: every sound file of the folder SONGS, each analysed in a process of its own; *steady* is the share of
inter-beat intervals within 4 % of the median of the eight around them, *time* is from process start to features.
*Long*: the songs of the folder one after the other as Opus, ten minutes and an hour of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import numpy as np

from infinitedance_cli.music.compose import STYLE_NAMES, compose
from infinitedance_cli.music.rhythm import Rhythm
from infinitedance_cli.music.song import analyse_song, song_from_audio
from tests.music.sounds import matched

EXAMPLES = Path(__file__).parents[2] / "examples" / "songs"
SEEDS = range(1000, 1004)
SUFFIXES = (".ogg", ".mp3", ".wav", ".flac", ".m4a", ".opus")

_ONE_SONG = """
import json, sys, time
start = time.perf_counter()
from infinitedance_cli.music.features import encode_song, load_encoder
from infinitedance_cli.music.song import analyse_song
song = analyse_song(sys.argv[1])
features = encode_song(song, load_encoder())
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps(dict(seconds=time.perf_counter() - start, rows=len(features), duration=song.duration_s,
    megabytes=int(status["VmHWM"].split()[0]) / 1024, beats=song.rhythm.beats.tolist(),
    tempo=song.rhythm.tempo_bpm, confidence=song.rhythm.confidence, meter=song.rhythm.meter)))
"""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path, nargs="?", help="folder of real songs")
    folder = parser.parse_args().songs
    known_beats()
    if folder is not None:
        paths = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)
        real_songs(paths)
        long_songs(paths)


def known_beats() -> None:
    """Accuracy where the beats are exact."""
    say(f"{'known beats':24s} {'bpm':>6s} {'found':>6s} {'F':>5s} {'offset ms':>9s} {'bars F':>6s}")
    for record in json.loads((EXAMPLES / "songs.json").read_text()):
        found = analyse_song(EXAMPLES / record["file"]).rhythm
        row(record["file"], np.array(record["beats"]), np.array(record["downbeats"]), record["bpm"], found)
    for style in STYLE_NAMES:
        results = []
        for seed in SEEDS:
            sound, known = compose(style, duration=30.0, seed=seed)
            results.append(score(known.beats, known.downbeats, song_from_audio(sound, 24_000).rhythm))
        mean = np.nanmean(np.array(results), axis=0)
        say(f"{style + f', {len(SEEDS)} songs':24s} {'':6s} {'':6s} {mean[0]:5.2f} {mean[1]:9.1f} {mean[2]:6.2f}")


def score(beats: np.ndarray, downbeats: np.ndarray, found: Rhythm) -> tuple[float, float, float]:
    """F of beats, median offset in milliseconds (NaN if nothing was found at the beats), F of downbeats."""
    gaps = (found.beats[:, None] - beats[None]) if len(found.beats) else np.zeros((0, 1))
    nearest = gaps[np.arange(len(gaps)), np.abs(gaps).argmin(axis=1)]
    near = nearest[np.abs(nearest) < 0.07]
    offset = float(np.median(near)) * 1000 if len(near) else float("nan")
    return matched(beats, found.beats), offset, matched(downbeats, found.downbeats)


def row(name: str, beats: np.ndarray, downbeats: np.ndarray, bpm: float, found: Rhythm) -> None:
    """Prints one song."""
    accuracy, offset, bars = score(beats, downbeats, found)
    say(f"{name:24s} {bpm:6.1f} {found.tempo_bpm:6.1f} {accuracy:5.2f} {offset:9.1f} {bars:6.2f}")


def real_songs(paths: list[Path]) -> None:
    """Steadiness of the beat, time and memory, one process a song."""
    say(f"\n{'real songs':34s} {'s':>6s} {'bpm':>6s} {'conf':>5s} {'meter':>5s} {'steady':>6s} {'time':>6s} {'MB':>5s}")
    total_time = total_length = 0.0
    for path in paths:
        one = analysed(path)
        beats = np.array(one["beats"])
        say(
            f"{path.name[:34]:34s} {one['duration']:6.1f} {one['tempo']:6.1f} {one['confidence']:5.2f} "
            f"{one['meter']:5d} {steadiness(beats):6.2f} {one['seconds']:6.2f} {one['megabytes']:5.0f}"
        )
        total_time, total_length = total_time + one["seconds"], total_length + one["duration"]
    say(f"{'seconds a minute of sound':34s} {60 * total_time / max(total_length, 1e-9):6.2f}")


def steadiness(beats: np.ndarray) -> float:
    """Share of intervals within 4 % of the median of the eight around them."""
    if len(beats) < 10:
        return float("nan")
    steps = np.diff(beats)
    local = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(steps, 4, mode="edge"), 9), axis=1)
    return float(np.mean(np.abs(steps / local - 1) < 0.04))


def long_songs(paths: list[Path]) -> None:
    """Time and memory of ten minutes and of an hour."""
    say(f"\n{'long':12s} {'s':>8s} {'rows':>8s} {'beats':>6s} {'time s':>7s} {'MB':>5s}")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (10, 60):
            path = Path(folder) / "long.ogg"
            join(paths, path, minutes * 60.0)
            one = analysed(path)
            say(
                f"{minutes:3d} minutes  {one['duration']:8.1f} {one['rows']:8d} {len(one['beats']):6d} "
                f"{one['seconds']:7.2f} {one['megabytes']:5.0f}"
            )


def join(paths: list[Path], target: Path, seconds: float) -> None:
    """Plays the songs one after the other, again and again, into an Opus file of that length."""
    left = round(seconds * 48_000)
    with av.open(str(target), "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=48_000, layout="stereo")
        resampler = av.AudioResampler(format="flt", layout="stereo", rate=48_000, frame_size=960)
        for path in cycle(paths):
            with av.open(str(path)) as container:
                for frame in container.decode(audio=0):
                    frame.pts = None
                    for piece in resampler.resample(frame):
                        if left > 0:
                            piece.pts = None
                            out.mux(stream.encode(piece))
                            left -= piece.samples
            if left <= 0:
                break
        out.mux(stream.encode(None))


def analysed(path: Path) -> dict[str, Any]:
    """Analyses a song in a fresh process."""
    done = subprocess.run([sys.executable, "-c", _ONE_SONG, str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def say(line: str) -> None:
    """One line of the table."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
