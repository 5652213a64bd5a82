"""Starts `run_model.py` in the checkout and says in one line what it lacks: start.py VIDEO RESULT.npz MODEL."""

from __future__ import annotations

import sys
from pathlib import Path

import research_code


def work() -> None:
    """Run the model over the video."""
    research_code.require_gpu()
    script = str(Path(__file__).with_name("run_model.py"))
    research_code.run([script, *sys.argv[1:]], Path(sys.argv[2]), name="SMPLest-X")


if __name__ == "__main__":
    research_code.main(work)
