"""The command line of `idance doctor`."""

from __future__ import annotations

import json

import typer

from infinitedance_cli import options
from infinitedance_cli.errors import MissingResource


def command(as_json: options.Json = False) -> None:
    """Show what is installed, what is missing and the exact line that brings it.

    Uses no network. Exits with 4 when something that a default needs is missing.
    """
    from infinitedance_cli.stages.doctor.stage import examine

    report = examine()
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else report.to_text(), nl=as_json)
    if report.missing:
        listed = ", ".join(finding.name for finding in report.missing)
        raise MissingResource(f"missing: {listed}; the lines that bring them are above")
