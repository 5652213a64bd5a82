"""What the doctor found, as records, as JSON and as a table for a terminal."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Status(enum.Enum):
    """`OK` usable; `MISSING` a default of some command does not work; `OPTIONAL` absent, and nobody needs to care;
    `BROKEN` installed and cannot be loaded."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One line of the report: in `section`, the thing called `name`, its `detail`, and what to do (`remedy`)."""

    section: str
    name: str
    status: Status
    detail: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """All findings, in the order in which they are shown."""

    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What keeps a default of some command from working."""
        return tuple(finding for finding in self.findings if finding.status is Status.MISSING)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON-ready values; `schema` grows by one when a field changes its meaning."""
        findings = [{**dataclasses.asdict(finding), "status": finding.status.value} for finding in self.findings]
        return {"schema": 1, "complete": not self.missing, "findings": findings}

    def to_text(self) -> str:
        """The report as aligned lines, a blank line and a heading before each section."""
        width = max(len(finding.name) for finding in self.findings)
        lines: list[str] = []
        section = ""
        for finding in self.findings:
            if finding.section != section:
                section = finding.section
                lines += ["", section] if lines else [section]
            lines += _lines(finding, width)
        return "\n".join(lines) + "\n"


_MARKS = {Status.OK: "ok", Status.MISSING: "MISSING", Status.OPTIONAL: "-", Status.BROKEN: "BROKEN"}


def _lines(finding: Finding, width: int) -> Iterable[str]:
    yield f"  {_MARKS[finding.status]:<8}{finding.name:<{width}}  {finding.detail}".rstrip()
    if finding.remedy:
        yield f"  {'':<8}{'':<{width}}  -> {finding.remedy}"
