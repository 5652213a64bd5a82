"""Archives are unpacked whole or not at all."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights.unpack import unpack


def packed(kind: str) -> bytes:
    """Two files, of which the second cannot be compressed."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{kind}") as tar:
        for name, content in (("dances/a.npy", b"a" * 700), ("dances/b.npy", os.urandom(500))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_cut_archive_is_refused_wherever_it_was_cut(tmp_path: Path, kind: str) -> None:
    whole, archive = packed(kind), tmp_path / "dances.tar"
    archive.write_bytes(whole)
    unpack(archive, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out" / "dances").iterdir()) == ["a.npy", "b.npy"]
    for length in range(7, len(whole), 11):
        archive.write_bytes(whole[:length])
        with pytest.raises(BadInput, match="dances.tar: it is no whole archive"):
            unpack(archive, tmp_path / "cut")
    assert not (tmp_path / "cut").exists() or not list((tmp_path / "cut").iterdir())


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "dances.tar"
    archive.write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(BadInput, match="it is no whole archive"):
        unpack(archive, tmp_path / "out")
