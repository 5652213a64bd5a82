"""Runs GVHMR's demo on one video; runs under the interpreter of GVHMR's environment.

    run_demo.py VIDEO OUTPUT_ROOT static|moving

The demo leaves OUTPUT_ROOT/<video's stem>/hmr4d_results.pt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import research_code

DEMO = "tools/demo/demo.py"


def work() -> None:
    """Run the demo without its previews."""
    video, output_root, camera = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    research_code.require_gpu()
    folder = output_root / video.stem
    folder.mkdir(parents=True, exist_ok=True)  # boxes of the person to follow may lie there already
    # The demo draws no preview that is there already: half of its time, and the licensed SMPL body, are saved.
    for preview in ("1_incam.mp4", "2_global.mp4", f"{video.stem}_3_incam_global_horiz.mp4"):
        (folder / preview).touch()
    arguments = [DEMO, "--video", str(video), "--output_root", str(output_root)]
    research_code.run(arguments + ["-s"] * (camera == "static"), folder / "hmr4d_results.pt")


if __name__ == "__main__":
    research_code.main(work)
