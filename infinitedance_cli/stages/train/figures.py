"""The figures of a training run: means between evaluations, and the file that they are written to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FIGURES = "figures.jsonl"


class Mean:
    """Means of named numbers."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, values: Mapping[str, float]) -> None:
        """Count one more set of values."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means, and begin anew."""
        means = {name: value / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Append one evaluation to the folder's file."""
    with (folder / FIGURES).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read_records(folder: Path) -> list[dict[str, Any]]:
    """The evaluations of the folder's file; a line that was cut is left out."""
    path = folder / FIGURES
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def forget_after(folder: Path, step: int) -> None:
    """Leave out evaluations after `step`, at which a killed run goes on: they will come again."""
    records = read_records(folder)
    if any(record["step"] > step for record in records):
        lines = [json.dumps(record) + "\n" for record in records if record["step"] <= step]
        temporary = folder / f".{FIGURES}"
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(folder / FIGURES)


def table_row(name: str, record: Mapping[str, Any]) -> str:
    """An evaluation as a line for people."""
    row = [f"{name} step {record['step']:>6}", f"{record['seconds']:>7.0f} s"]
    return "  ".join([*row, cells("train", record["train"]), cells("held_out", record["held_out"])])


def cells(part: str, values: Mapping[str, float]) -> str:
    """Named numbers, four digits each."""
    return "  ".join(f"{part} {key} {value:.4g}" for key, value in values.items())
