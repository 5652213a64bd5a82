"""The published model from the hub, by the catalogue's own paths, into what `idance generate` reads."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infinitedance_cli import weights
from infinitedance_cli.models.bundle_files import is_released
from infinitedance_cli.models.released.bundle import ReleasedBundle
from infinitedance_cli.weights import ModelSource
from tests.models.released.tiny_release import CHOREOGRAPHER, write_release
from tests.weights.hub import Hub, point_to, serve


@pytest.fixture
def source() -> ModelSource:
    """The catalogue's, which would want room for dances of 100 hours."""
    published = weights.find("infinitedance")
    return replace(published, files=tuple(replace(file, unpacked=0) for file in published.files))


@pytest.fixture
def hub(source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("IDANCE_CACHE", str(tmp_path / "cache"))
    release = write_release(tmp_path / "release")
    served = Hub("huuuuuuuuu/InfiniteDance")
    served.commit({file.source_name: _content(release, Path(file.source_name)) for file in source.files})
    with serve(served):
        point_to(served, monkeypatch)
        yield served


def _content(release: Path, published: Path) -> bytes:
    if not published.name.endswith(".tar.gz"):
        pattern = "retrievalnet_*.ckpt" if published.suffix == ".ckpt" else f"{published.parent.name}/{published.name}"
        found = [*release.rglob(pattern), *release.rglob(published.name)]
        return found[0].read_bytes()
    (folder,) = release.rglob(published.name.removesuffix(".tar.gz"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder, folder.name)
    return packed.getvalue()


def test_what_was_downloaded_dances_and_what_was_converted_is_gone(source: ModelSource, hub: Hub) -> None:
    folder = weights.add(source)
    assert is_released(folder)
    bundle = ReleasedBundle(folder)
    assert bundle.choreographer(torch.device("cpu"), torch.float32).config == CHOREOGRAPHER
    assert bundle.dances.known_styles == (0, 1)
    data = folder.with_name(f"{folder.name}.data")
    assert bundle.dances.features.is_relative_to(data.resolve())
    assert bundle.dances.reference(["gTiny_b@192_576"], 10, 384).shape == (384, 264)
    assert bundle.dances.opening(["gTiny_b@192_576"], 20) is not None
    left = {path.suffix for path in data.rglob("*") if path.is_file()}
    assert left == {".npy"}, "neither checkpoints nor archives"
    weights.remove(source)
    assert not data.exists()
