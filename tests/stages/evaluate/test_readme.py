"""The page that documents figures and schema names what there is."""

from __future__ import annotations

import json
from pathlib import Path

from infinitedance_cli.stages import evaluate
from infinitedance_cli.stages.evaluate.figures import FIGURES
from infinitedance_cli.stages.evaluate.protocols import PROTOCOLS
from infinitedance_cli.stages.evaluate.report import SCHEMA_VERSION, as_json
from tests.stages.evaluate.test_stage import dancing, evaluated

PAGE = (Path(evaluate.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_every_figure_protocol_and_key_is_documented() -> None:
    keys = json.loads(as_json(evaluated([dancing()])))
    for name in (*FIGURES, *PROTOCOLS, *keys):
        assert f"`{name}`" in PAGE, name
    assert f"schema version {SCHEMA_VERSION}" in PAGE
