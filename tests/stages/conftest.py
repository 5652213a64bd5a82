"""Fixtures of the stages' tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Ended:
    """Exit code of a command, the lines on its stderr, and its stdout."""

    code: int
    lines: list[str]
    output: str


Idance = Callable[..., Ended]


@pytest.fixture
def idance(capsys: pytest.CaptureFixture[str]) -> Idance:
    """Run `idance` in this process, without the seconds that importing torch takes."""
    from typer.main import get_command

    from infinitedance_cli.cli import app

    def run(*arguments: str | Path) -> Ended:
        with pytest.raises(SystemExit) as ended:
            get_command(app).main([str(argument) for argument in arguments], prog_name="idance")
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.err.splitlines(), captured.out)

    return run


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four files of a generator, random and tiny; see `tests.models.tiny_bundle`. Do not write."""
    from tests.models.tiny_bundle import write_tiny_bundle

    return write_tiny_bundle(tmp_path_factory.mktemp("tiny_bundle"))
