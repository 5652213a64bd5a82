from __future__ import annotations

import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from infinitedance_cli.errors import BadInput
from infinitedance_cli.weights import ModelSource, UserFolder
from infinitedance_cli.weights.take import take
from tests.weights.conftest import CONTENTS

MEMBERS = sorted(CONTENTS)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def unpacked(folder: Path, *, flat: bool) -> Path:
    for member, content in CONTENTS.items():
        path = folder / (Path(member).name if flat else f"above/{member}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def check(target: Path) -> None:
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        Path(member).name: content for member, content in CONTENTS.items()
    }


@pytest.mark.parametrize("flat", [True, False])
def test_from_a_folder_with_or_without_the_paths_of_the_origin(
    source: ModelSource, target: Path, tmp_path: Path, flat: bool
) -> None:
    take(source, unpacked(tmp_path / "given", flat=flat), target)
    check(target)


def test_from_a_wheel(source: ModelSource, target: Path, wheel: Path) -> None:
    take(source, wheel, target)
    check(target)


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w"])
def test_from_a_tar(source: ModelSource, target: Path, tmp_path: Path, mode: str) -> None:
    path = tmp_path / {"w:gz": "given.tgz", "w:xz": "given.tar.xz", "w": "given.tar"}[mode]
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(unpacked(tmp_path / "given", flat=False), "package")
    take(source, path, target)
    check(target)


def test_a_model_of_one_file_is_taken_under_any_name(source: ModelSource, target: Path, tmp_path: Path) -> None:
    single = replace(source, files=source.files[1:])
    (tmp_path / "download(1)").write_bytes(CONTENTS["tiny/weights/small.bin"])
    take(single, tmp_path / "download(1)", target)
    assert [path.name for path in target.iterdir()] == ["small.bin"]


def test_open_files_keep_their_paths(source: ModelSource, target: Path, tmp_path: Path) -> None:
    open_files = replace(source, files=(), origin=UserFolder("get it"))
    take(open_files, unpacked(tmp_path / "given", flat=False), target)
    assert (target / "above" / MEMBERS[0]).read_bytes() == CONTENTS[MEMBERS[0]]


def test_an_archive_writes_nothing_outside(source: ModelSource, target: Path, tmp_path: Path) -> None:
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.bin", b"x")
    with pytest.raises(BadInput, match="outside"):
        take(replace(source, files=()), path, target)
    assert not (tmp_path / "outside.bin").exists()


def test_what_is_not_there_or_not_whole_is_named(source: ModelSource, target: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        take(source, tmp_path / "nothing", target)
    given = unpacked(tmp_path / "given", flat=True)
    (given / "small.bin").unlink()
    with pytest.raises(BadInput, match=r"it has no tiny/weights/small\.bin"):
        take(source, given, target)
    (given / "small.bin").write_bytes(b"smal")
    with pytest.raises(BadInput, match="has 4 bytes; expected 5"):
        take(source, given, target)
    (tmp_path / "cut.tgz").write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(BadInput, match="no whole archive"):
        take(source, tmp_path / "cut.tgz", target)
