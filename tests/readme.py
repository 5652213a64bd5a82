"""The parts of README.md that are generated: `nox -s readme` writes them, `tests/test_readme.py` compares them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from tests.conftest import REPOSITORY

README = REPOSITORY / "README.md"


def help_texts() -> str:
    """What `--help` prints for `idance`, each command and each sub-command, 80 columns wide, as Markdown."""
    from infinitedance_cli.cli import app, available_commands, get_command

    os.environ["COLUMNS"] = "80"
    group: Any = get_command(app)
    with group.make_context("idance", [], resilient_parsing=True) as context:
        parts = [_section("idance", group.get_help(context))]
        for name in available_commands():
            parts += _command(group.get_command(context, name), f"idance {name}", context)
    return "\n".join(parts)


def _command(command: Any, name: str, parent: Any) -> list[str]:
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=parent)
    parts = [_section(name, command.get_help(context))]
    for inner, subcommand in getattr(command, "commands", {}).items():
        parts += _command(subcommand, f"{name} {inner}", context)
    return parts


def _section(name: str, text: str) -> str:
    return f"### `{name} --help`\n\n```text\n{text.strip()}\n```\n"


def formats_table() -> str:
    """One row for each motion format: endings, whether it is read and written, what it is."""
    from infinitedance_cli import plugins

    rows = ["| endings | read | write | |", "|---|---|---|---|"]
    for name in plugins.names("format"):
        module = plugins.load("format", name)
        if not (hasattr(module, "read") or hasattr(module, "write")):
            continue
        endings = " ".join(f"`{ending}`" for ending in module.EXTENSIONS)
        can = ["yes" if hasattr(module, verb) else "" for verb in ("read", "write")]
        rows.append(f"| {endings} | {can[0]} | {can[1]} | {module.DESCRIPTION} |")
    return "\n".join(rows) + "\n"


BLOCKS: Mapping[str, Callable[[], str]] = {"formats": formats_table, "help": help_texts}
"""What stands between `<!-- NAME: written by nox -s readme -->` and `<!-- NAME: end -->`."""


def regenerated(document: str) -> str:
    """The document with each block replaced by what it should say now."""
    for name, text in BLOCKS.items():
        begin, end = f"<!-- {name}: written by `nox -s readme` -->", f"<!-- {name}: end -->"
        before, found, rest = document.partition(begin)
        _, closed, after = rest.partition(end)
        assert found and closed, f"README.md has lost its marks {begin} and {end}"
        document = f"{before}{begin}\n\n{text()}\n{end}{after}"
    return document


if __name__ == "__main__":
    README.write_text(regenerated(README.read_text(encoding="utf-8")), encoding="utf-8")
