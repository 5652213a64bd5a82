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
        (("-o", "."), 2, "is a folder"),
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
