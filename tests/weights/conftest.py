"""A cache of one's own, a tiny model, and the places that it can come from."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infinitedance_cli.weights import Licence, ModelFile, ModelSource, Wheel

CONTENTS = {"tiny/weights/large.bin": b"large" * 1000, "tiny/weights/small.bin": b"small"}
FREE = Licence("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", "use freely")
WHEEL = Wheel("tiny-models==1.0", python="3.11", platform="manylinux_2_28_x86_64", size=900)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test's own cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("IDANCE_CACHE", str(folder))
    return folder


@pytest.fixture
def source() -> ModelSource:
    """A model of two files that come in a wheel."""
    files = tuple(
        ModelFile(Path(member).name, hashlib.sha256(content).hexdigest(), len(content), member)
        for member, content in CONTENTS.items()
    )
    return ModelSource("tiny", "tests", files, FREE, WHEEL)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that holds the model, in a folder of its own, as pip wants it."""
    return make_wheel(tmp_path / "index", CONTENTS)


def make_wheel(folder: Path, contents: dict[str, bytes], name: str = "tiny_models-1.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-cp311-cp311-{WHEEL.platform}.whl"
    info = f"{name}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in contents.items():
            archive.writestr(member, content)
        project, version = name.split("-")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: cp311-cp311-{WHEEL.platform}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def from_index(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set the user's pip to an index that is this folder and nothing else."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def with_convert(source: ModelSource, function: str) -> ModelSource:
    return replace(source, convert=f"{__name__}:{function}")


def join_files(fetched: Path, target: Path) -> None:
    """A conversion: all files one after another."""
    (target / "joined.bin").write_bytes(b"".join(path.read_bytes() for path in sorted(fetched.iterdir())))
