from __future__ import annotations

import re
import subprocess
import sys

import pytest

from infinitedance_cli import errors
from tests.conftest import REPOSITORY
from tests.readme import README

TEXT = README.read_text(encoding="utf-8")


def test_help_texts_and_formats_are_those_of_now() -> None:
    code = "from tests.readme import README, regenerated; t = README.read_text(); print(regenerated(t) == t)"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout == "True\n", "README.md is out of date; run: nox -s readme"


@pytest.mark.parametrize(
    "error", [errors.UsageError, errors.BadInput, errors.MissingResource, errors.StageFailed, errors.ThresholdCrossed]
)
def test_every_exit_code_is_told(error: type[errors.IdanceError]) -> None:
    assert re.search(rf"^\| {error.exit_code} \|", TEXT, re.MULTILINE)


def test_the_test_command_is_the_one_of_continuous_integration() -> None:
    last = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    commands = re.findall(r"^```sh\n(.*?)\n```", TEXT, re.MULTILINE | re.DOTALL)
    assert commands[1].endswith(f"&& {last}")
