from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from infinitedance_cli.stream.codec import encode
from infinitedance_cli.stream.ports import read_clips
from tests.conftest import RunIdance
from tests.models.tiny_bundle import danced_clip
from tests.stages.conftest import Idance


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.h5"
    path.write_bytes(encode(danced_clip(60, 0, joints=55)) + encode(danced_clip(41, 1)))
    return path


def test_there_and_back_through_files(tmp_path: Path, source: Path, tiny_bundle: Path, idance: Idance) -> None:
    tokenizer = ("--tokenizer", tiny_bundle)
    made = idance("tokenize", source, "-o", tmp_path / "tokens.h5", *tokenizer)
    assert (made.code, len(made.lines)) == (0, 1), made.lines
    decoded = idance("tokenize", tmp_path / "tokens.h5", "--decode", "-o", tmp_path / "back.h5", *tokenizer)
    assert decoded.code == 0, decoded.lines
    before, after = (list(read_clips([str(path)])) for path in (tmp_path / "tokens.h5", tmp_path / "back.h5"))
    assert [(clip.clip_id, clip.frames, clip.skeleton.joint_count) for clip in after] == [
        ("wandering-0", 60, 55),
        ("wandering-1", 41, 22),
    ]
    for one, other in zip(before, after, strict=True):
        assert one.tokens is not None and other.tokens is not None
        np.testing.assert_array_equal(one.tokens.codes, other.tokens.codes)


def test_in_a_pipe(source: Path, tiny_bundle: Path, run_idance: RunIdance) -> None:
    with open(source, "rb") as stream:
        result = run_idance("tokenize", "--tokenizer", tiny_bundle / "tokenizer.safetensors", stdin=stream)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.count(b"\x89HDF\r\n\x1a\n") == 2


def test_statistics(source: Path, tiny_bundle: Path, idance: Idance) -> None:
    options = ("tokenize", source, "--stats", "--tokenizer", tiny_bundle)
    table, plain = idance(*options), idance(*options, "--json")
    assert table.code == plain.code == 0
    found = json.loads(plain.output)
    assert found["all"]["frames"] == 101 and len(found["layers"]) == 3
    assert table.output.splitlines()[-1].split()[:2] == ["all", "101"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--stats", "--decode"), 2, "leave out --decode"),
        (("--stats", "-o", "out.h5"), 2, "leave out --output"),
        (("--json", "-o", "out.h5"), 2, "--json is a form of --stats"),
        (("-o", "out.xyz"), 2, "known: "),
        (("-o", "out.h5", "--tokenizer", "none.safetensors"), 4, "there is no file none.safetensors"),
        (("-o", "out.h5", "--device", "gpu"), 2, "unknown device 'gpu'"),
        (("-o", "out.h5", "--decode"), 3, "it has no tokens to decode"),
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
    result = idance("tokenize", source, "--tokenizer", tiny_bundle, *options)
    assert (result.code, len(result.lines)) == (code, 1), result.lines
    assert message in result.lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["in.h5"]


def test_another_network_in_place_of_the_tokenizer(source: Path, tiny_bundle: Path, idance: Idance) -> None:
    result = idance("tokenize", source, "--stats", "--tokenizer", tiny_bundle / "retriever.safetensors")
    assert result.code == 3 and "holds a Retriever; expected a Tokenizer" in result.lines[0]
