from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.stages.conftest import Idance
from tests.stages.dataset.sets import clip, written


def test_the_card_sums_up_licences_and_steps(tmp_path: Path, idance: Idance) -> None:
    ours = replace(clip("a", licence="CC BY 4.0", name="G1 Moves", credit="experientialtech"), provenance=())
    theirs = replace(
        clip("b", seed=1, frames=120),
        provenance=({"stage": "capture"}, {"stage": "generate", "licences": ["CC BY-NC 4.0", "MIT | BSD"]}),
    )
    source = written(tmp_path / "one.h5", ours, theirs)
    ended = idance("dataset", "card", source, "--title", "Ours")
    assert ended.code == 0
    lines = ended.output.splitlines()
    assert lines[0] == "# Ours"
    assert "| CC BY 4.0 | 1 | 0.0 min |" in lines
    assert "| unknown | 1 | 0.1 min |" in lines
    assert "**1 clips say no licence.** Do not pass them on before you know it." in lines
    assert "| CC BY-NC 4.0 | 1 | 0.1 min |" in lines and "| MIT \\| BSD | 1 | 0.1 min |" in lines
    assert "- G1 Moves: experientialtech" in lines
    assert "| generate | 1 | 0.1 min |" in lines
    assert "## Splits" not in lines


def test_the_card_goes_to_a_file(tmp_path: Path, idance: Idance) -> None:
    source = written(tmp_path / "one.h5", clip("a", split="train"))
    assert idance("dataset", "card", source, "-o", tmp_path / "README.md").code == 0
    text = (tmp_path / "README.md").read_text()
    assert "## Splits\n\n| part | clips | length |" in text and "| train | 1 |" in text
    assert idance("dataset", "card", source, "-o", tmp_path / "README.md").code == 2
