"""`idance generate --stream`: time to the first two seconds, memory over the length of a song, seams, and the price.

python -m tests.benchmarks.bench_stream [--model starter] [--seconds 32] [--minutes 10 60]

The price is measured twice: for whole dances (other codes are drawn, for the song is heard otherwise), and for the same
codes finished in pieces and as a whole, which shows what finishing in pieces costs by itself. Processor time stands
beside time, for machines that do other things.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.models.bundle import Bundle
from infinitedance_cli.motion.beats import beat_gap
from infinitedance_cli.motion.clip import MotionClip
from infinitedance_cli.stages.evaluate.metrics.feet import foot_sliding
from infinitedance_cli.stages.evaluate.metrics.smoothness import JOIN_FRAMES, jerk, jitter
from infinitedance_cli.stages.generate.config import GenerateConfig
from infinitedance_cli.stages.generate.finish import decode_codes, finish
from infinitedance_cli.stages.generate.stage import generate
from infinitedance_cli.stages.generate.streamed_config import StreamedConfig
from infinitedance_cli.stages.generate.streaming import load_bundle, stream_dance
from infinitedance_cli.stream.dance_pieces import join_pieces
from tests.benchmarks.bench_generate import STANDING_TOE
from tests.benchmarks.bench_speed import apart, long_song
from tests.conftest import REPOSITORY

WARM_TARGET_S = 1.5
SONGS = sorted((REPOSITORY / "examples" / "songs").glob("*.ogg"))

Joints = NDArray[np.float32]


@dataclass(frozen=True)
class Dance:
    """Joints (T, 22, 3) of a dance and its song's beats (B,), frames."""

    joints: Joints
    beats: NDArray[np.float64]

    @classmethod
    def of(cls, clip: MotionClip) -> Dance:
        """That of a clip."""
        assert clip.music is not None
        return cls(clip.joint_positions()[:, :22], clip.music.beats * clip.fps)

    def figures(self) -> tuple[float, float, float, float]:
        """Beat gap, jitter, foot sliding by LODGE's test and strict."""
        feet = foot_sliding(self.joints, STANDING_TOE)
        return beat_gap(self.joints, self.beats), jitter(self.joints), feet.lodge, feet.strict


def warm(bundle: Bundle, config: StreamedConfig) -> Iterator[tuple[str, float, float]]:
    """Seconds and processor seconds to the first piece of every song, with the model loaded and once used."""
    next(stream_dance(str(SONGS[-1]), config, bundle))
    for song in SONGS:
        started, busy = time.perf_counter(), time.process_time()
        pieces = stream_dance(str(song), config, bundle)
        next(pieces)
        yield song.stem, time.perf_counter() - started, time.process_time() - busy
        pieces.close()


def command(song: str, model: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "infinitedance_cli", "generate", song, "--stream", "-q", "-m", model, "-o", "-"]


def cold(model: str) -> float:
    """Seconds from the start of the command to the first byte of the first piece."""
    started = time.perf_counter()
    with subprocess.Popen(command(str(SONGS[0]), model), stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        took = time.perf_counter() - started
        process.kill()
    return took


def memory(seconds: float, model: str) -> tuple[float, float]:
    """Peak memory, MB, and seconds of dancing a song of this length that comes in by a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.mp3"
        apart(long_song, song, seconds)
        started = time.perf_counter()
        with open(song, "rb") as source, open(os.devnull, "wb") as sink:
            line = [*command("-", model), "--genre", "hip-hop"]
            with subprocess.Popen(line, stdin=source, stdout=sink, cwd=REPOSITORY) as process:
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"idance generate failed with exit code {process.returncode}")
        return usage.ru_maxrss / 1024, time.perf_counter() - started


def seam_ratio(dances: Sequence[Dance], every: int) -> float:
    """95th percentile of the jerk within 3 frames of every join, over that of the other frames, of all dances."""
    near, rest = [], []
    for dance in dances:
        values = jerk(dance.joints).mean(axis=-1)
        place = (np.arange(len(values)) + 2.0) % every
        close = (np.minimum(place, every - place) <= JOIN_FRAMES) & (np.arange(len(values)) > every / 2)
        near.append(values[close])
        rest.append(values[~close])
    return float(np.percentile(np.concatenate(near), 95) / np.percentile(np.concatenate(rest), 95))


def step_ratio(dances: Sequence[Dance], every: int) -> float:
    """Mean distance of the joints from the last frame of a piece to the first of the next, over that of any frames."""
    steps = [np.linalg.norm(np.diff(dance.joints, axis=0), axis=-1).mean(axis=1) for dance in dances]
    return float(np.concatenate([step[every - 1 :: every] for step in steps]).mean() / np.concatenate(steps).mean())


def price(bundle: Bundle, config: StreamedConfig, base: GenerateConfig) -> Iterator[tuple[str, ...]]:
    """A row for whole dances, streamed ones, and streamed codes finished as a whole; then one for each kind of seam."""
    whole, streamed, same = [], [], []
    for song in SONGS:
        (clip,) = generate(str(song), base)
        whole.append(Dance.of(clip))
        genre = clip.labels.genre if clip.labels is not None else "auto"
        (clip,) = join_pieces(stream_dance(str(song), replace(config, genre=genre), bundle))
        streamed.append(Dance.of(clip))
        assert clip.tokens is not None and clip.music is not None
        again = decode_codes(bundle.tokenizer, clip.tokens.codes, clip.frames, "again")
        again = finish(again, clip.music.beats, config.finish)
        same.append(Dance.of(replace(again, music=clip.music)))
    for name, dances in (("offline", whole), ("streamed", streamed), ("streamed codes, finished as a whole", same)):
        gap, shake, lodge, strict = np.mean([dance.figures() for dance in dances], axis=0)
        yield name, f"{gap:.3f}", f"{shake:.2f}", f"{lodge:.2%} / {strict:.2%}"
    piece, planted = 4 * config.stream.piece_steps, config.stream.overlap.planted
    for name, ratio, every in (
        ("jerk at joins of pieces (≤ 1.25)", seam_ratio, piece),
        ("jerk where planting goes on (≤ 1.25)", seam_ratio, planted),
        ("step of the joints over a join", step_ratio, piece),
    ):
        yield name, f"{ratio(streamed, every):.2f}", f"the same frames of offline dances {ratio(whole, every):.2f}"


def main() -> None:
    """Print the figures; exit code 1 where the first piece is late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--seconds", type=float, default=32.0, help="of each song that are danced for the price")
    parser.add_argument("--minutes", type=float, nargs="*", default=[10.0, 60.0], help="songs whose memory is measured")
    arguments = parser.parse_args()
    bundle, config = load_bundle(arguments.model), StreamedConfig(model=arguments.model)
    print(f"load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    first = list(warm(bundle, config))
    for name, seconds, busy in first:
        print(f"first piece warm (≤ {WARM_TARGET_S} s)  {name:20s} {seconds:.2f} s, processor {busy:.2f} s")
    print(f"first piece cold  {cold(arguments.model):.2f} s", flush=True)
    for row in price(
        bundle,
        replace(config, duration=arguments.seconds),
        GenerateConfig(model=arguments.model, duration=arguments.seconds),
    ):
        print("  ".join(f"{cell:40s}" if number == 0 else cell for number, cell in enumerate(row)), flush=True)
    for minutes in arguments.minutes:
        peak, took = memory(60 * minutes, arguments.model)
        print(f"{minutes:g} minutes of song: {peak:.0f} MB, {60 * minutes / took:.1f} × real time", flush=True)
    sys.exit(float(np.median([seconds for _, seconds, _ in first])) > WARM_TARGET_S)


if __name__ == "__main__":
    main()
