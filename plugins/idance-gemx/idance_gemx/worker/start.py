"""Runs GEM-X's demo, or asks its body model for a person's proportions; under the interpreter of GEM-X's environment.

start.py demo VIDEO OUTPUT_ROOT static|moving SCRIPT      leaves hpe_results.pt below OUTPUT_ROOT/<video's stem>
start.py rest IDENTITY.npz JOINTS.npy                     see rest_joints.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import research_code


def work() -> None:
    """Do what the first argument says."""
    if sys.argv[1] == "rest":
        script = str(Path(__file__).with_name("rest_joints.py"))
        research_code.run([script, *sys.argv[2:]], Path(sys.argv[3]), name="the body model of GEM-X")
        return
    video, output_root, camera, script = sys.argv[2:6]
    if "onnx" not in script:
        research_code.require_gpu()
    folder = Path(output_root) / Path(video).stem
    arguments = [script, "--video", video, "--output_root", output_root, *["-s"] * (camera == "static")]
    # Its documentation and its configuration name different folders.
    research_code.run(arguments, folder / "hpe_results.pt", folder / "preprocess" / "hpe_results.pt")


if __name__ == "__main__":
    research_code.main(work)
