from __future__ import annotations

from pathlib import Path

import pytest

from infinitedance_cli.models.dance_index import load_index
from infinitedance_cli.stream.codec import encode
from tests.models.tiny_bundle import danced_clip
from tests.stages.conftest import Idance


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.h5"
    path.write_bytes(b"".join(encode(danced_clip(80, seed)) for seed in range(3)))
    return path


def test_an_index_is_written_once(tmp_path: Path, source: Path, tiny_bundle: Path, idance: Idance) -> None:
    command = ("build-index", source, "--tokenizer", tiny_bundle, "--retriever", tiny_bundle, "-o", tmp_path / "i.st")
    result = idance(*command, "--stride", "2")
    assert (result.code, len(result.lines)) == (0, 1), result.lines
    assert "9 windows of 3 clips; genres: breaking, hip-hop, salsa" in result.lines[0]
    index = load_index(tmp_path / "i.st")
    assert len(index) == 9 and index.details["stride_steps"] == 2
    again = idance(*command)
    assert (again.code, len(again.lines)) == (2, 1) and "give --force" in again.lines[0]
    assert len(load_index(tmp_path / "i.st")) == 9
    assert idance(*command, "--stride", "1", "--force").code == 0
    assert len(load_index(tmp_path / "i.st")) == 12


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("-o", "none/i.st"), 2, "there is no folder none"),
        (("-o", "."), 2, "holds other files"),
        (("-o", "none/index"), 2, "there is no folder none"),
        (("-o", "in.h5"), 2, "give --force"),
        (("-o", "index", "--split", "test"), 3, "nothing to index"),
        (("-o", "index", "--add"), 4, "index: no such index; build it first"),
        (("-o", "index", "--kind", "tree"), 2, "kind"),
        (("-o", "i.st", "--retriever", "none"), 4, "retriever none: there is no file none"),
        (("-o", "i.st", "--split", "test"), 3, "nothing to index"),
        (("-o", "i.st", "--set", "stride=0"), 2, "stride"),
    ],
)
def test_mistakes(
    tmp_path: Path,
    source: Path,
    tiny_bundle: Path,
    idance: Idance,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = idance("build-index", source, "--tokenizer", tiny_bundle, "--retriever", tiny_bundle, *options)
    assert result.code == code and message in result.lines[-1], result.lines
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


@pytest.fixture
def more(tmp_path: Path) -> Path:
    path = tmp_path / "more.h5"
    path.write_bytes(b"".join(encode(danced_clip(80, seed)) for seed in (2, 3)))
    return path


@pytest.mark.parametrize("name", ["index", "index.safetensors"])
def test_an_index_grows(tmp_path: Path, source: Path, more: Path, tiny_bundle: Path, idance: Idance, name: str) -> None:
    """Clips come in once, by whichever command; others go out; another retriever has no part in it."""
    output = tmp_path / name
    networks = ("--tokenizer", tiny_bundle, "--retriever", tiny_bundle, "--stride", "2", "-o", output)
    assert idance("build-index", source, *networks).code == 0
    added = idance("build-index", "--add", more, *networks)
    assert added.code == 0 and "1 clips left out: the index has them" in added.lines[0], added.lines
    assert "12 windows of 4 clips" in added.lines[1]
    again = idance("build-index", "--add", source, more, *networks)
    assert again.code == 0 and "5 clips left out" in again.lines[0] and "12 windows of 4 clips" in again.lines[1]
    gone = idance("build-index", "--remove", load_index(output).clips[1].clip_id, *networks)
    assert gone.code == 0 and "9 windows of 3 clips" in gone.lines[0], gone.lines
    other = idance("build-index", "--add", more, "--tokenizer", tiny_bundle, "-o", output)
    assert (other.code, len(other.lines)) == (3, 1) and "retriever" in other.lines[0], other.lines
    assert len(load_index(output)) == 9


def test_a_damaged_index_is_one_line(tmp_path: Path, source: Path, tiny_bundle: Path, idance: Idance) -> None:
    networks = ("--tokenizer", tiny_bundle, "--retriever", tiny_bundle, "-o", tmp_path / "index")
    assert idance("build-index", source, *networks).code == 0
    (codes,) = (tmp_path / "index").glob("segment-*/codes.npy")
    codes.write_bytes(codes.read_bytes()[:-1])
    result = idance("build-index", "--add", source, *networks)
    assert (result.code, len(result.lines)) == (3, 1) and "the index is cut; build it again" in result.lines[0]
    assert idance("build-index", source, *networks, "--force").code == 0
    assert len(load_index(tmp_path / "index")) > 0
