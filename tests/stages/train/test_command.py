from __future__ import annotations

import json
from pathlib import Path

import pytest

from infinitedance_cli.models.checkpoint import read_description
from infinitedance_cli.stream.codec import encode
from tests.conftest import RunIdance
from tests.models.tiny_bundle import STEPS, danced_clip
from tests.stages.conftest import Idance


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    path = tmp_path / "clips.h5"
    path.write_bytes(encode(danced_clip(seed=0, joints=55)) + encode(danced_clip(seed=1)))
    return path


def parts(bundle: Path, *names: str) -> list[str]:
    return [text for name in names for text in (f"--{name}", str(bundle / f"{name}.safetensors"))]


@pytest.mark.parametrize("network", ["tokenizer", "retriever", "choreographer"])
def test_smoke(tmp_path: Path, clips: Path, tiny_bundle: Path, run_idance: RunIdance, network: str) -> None:
    """Each network is trained on one clip, evaluated and exported by the real command."""
    before = {"tokenizer": (), "retriever": ("tokenizer",), "choreographer": ("tokenizer", "retriever", "index")}
    options = parts(tiny_bundle, *before[network])
    if network == "choreographer":
        options += ["--set", f"recipe.model.steps={STEPS}"]
    result = run_idance("train", network, clips, "-o", tmp_path / "out", "--smoke", *options)
    assert (result.returncode, result.stdout) == (0, b""), result.stderr.decode()
    assert read_description(tmp_path / "out" / f"{network}.safetensors").kind.lower() == network
    figures = (tmp_path / "out" / "figures.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in figures] == [6, 12]


def test_settings_and_their_mistakes(idance: Idance) -> None:
    shown = idance("train", "retriever", "--steps", "77", "--set", "loop.batch_size=8", "--print-config")
    assert shown.code == 0 and "steps: 77" in shown.output and "batch_size: 8" in shown.output
    wrong = idance("train", "tokenizer", "--set", "loop.batchsize=8", "--print-config")
    assert (wrong.code, len(wrong.lines)) == (2, 1) and "loop.batch_size" in wrong.lines[0]


def test_no_clip_to_train_on(tmp_path: Path, idance: Idance) -> None:
    (tmp_path / "short.h5").write_bytes(encode(danced_clip(20)))
    result = idance("train", "tokenizer", tmp_path / "short.h5", "-o", tmp_path / "out")
    assert (result.code, len(result.lines)) == (3, 1)
    assert "nothing to train on" in result.lines[0] and not (tmp_path / "out").exists()
