"""Speed of `idance capture` on one person at 720p, hands and face, as a user waits for it: start-up included.

    python -m tests.benchmarks.bench_capture_speed DATA

The first 150 pictures of `sports2d_demo.mp4`, forwards and backwards twice: 20 s of one person.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av

_SIZE, _FPS, _PICTURES = (1280, 720), 30, 150


def main() -> None:
    """Print pictures a second and processor time a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    source = parser.parse_args().data / "videos" / "sports2d_demo.mp4"
    with tempfile.TemporaryDirectory() as folder:
        video, clip = Path(folder) / "video.mp4", Path(folder) / "clip.h5"
        pictures = _write(source, video)
        started, used = time.perf_counter(), _processor_s()
        subprocess.run([sys.executable, "-m", "infinitedance_cli", "capture", "--quiet", video, "-o", clip], check=True)
        seconds, used = time.perf_counter() - started, _processor_s() - used
    print(f"{pictures / seconds:.1f} pictures/s, {1000 * used / pictures:.0f} ms of processor time a picture")


def _write(source: Path, target: Path) -> int:
    with av.open(str(source)) as file:
        pictures = [picture.reformat(*_SIZE, format="yuv420p") for picture in islice(file.decode(video=0), _PICTURES)]
    sequence = 2 * [*pictures, *reversed(pictures)]
    with av.open(str(target), "w") as file:
        stream = file.add_stream("libx264", rate=_FPS, options={"crf": "18"})
        stream.width, stream.height = _SIZE
        for number, picture in enumerate(sequence):
            copy = av.VideoFrame.from_ndarray(picture.to_ndarray(), format="yuv420p")
            copy.pts, copy.time_base = number, Fraction(1, _FPS)
            file.mux(stream.encode(copy))
        file.mux(stream.encode(None))
    return len(sequence)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
