"""Where the user keeps the interpreters, repositories and checkpoints of workers.

A file for the user, `$XDG_CONFIG_HOME/idance/workers.yaml` (`~/.config/idance/workers.yaml`)::

    isaacgym:
      python: ~/miniconda3/envs/isaac/bin/python
      repository: ~/PHC
      checkpoints: ~/PHC/output/HumanoidIm
      environment: {CUDA_VISIBLE_DEVICES: "0"}

Environment variables `IDANCE_<NAME>_PYTHON`, `…_REPOSITORY` and `…_CHECKPOINTS` win over it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infinitedance_cli import config
from infinitedance_cli.errors import ConfigError

FILE_NAME = "workers.yaml"


@dataclass(frozen=True)
class WorkerSettings:
    """`python` is the interpreter, `repository` the research code, `checkpoints` a folder or file of weights; empty
    where the user named none. `environment` variables are set for the worker; `options` are the worker's own."""

    python: str = ""
    repository: str = ""
    checkpoints: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def workers_file() -> Path:
    """The user's file of workers, whether it is there or not."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / "idance" / FILE_NAME


def variable(worker: str, setting: str) -> str:
    """The environment variable of a setting: IDANCE_ISAACGYM_PYTHON."""
    return f"IDANCE_{worker}_{setting}".upper().replace("-", "_")


def configured_workers() -> tuple[str, ...]:
    """The workers that the user's file names, sorted. Raises ConfigError when it cannot be read."""
    path = workers_file()
    return tuple(sorted(_read(path))) if path.exists() else ()


def worker_settings(worker: str) -> WorkerSettings:
    """What the user says of one worker; paths are expanded (`~`, relative ones from the file's folder).

    Raises ConfigError when the file cannot be read or holds a setting that does not exist.
    """
    path = workers_file()
    found = _from_file(path, worker) if path.exists() else WorkerSettings()
    paths: dict[str, Any] = {}
    for setting in ("python", "repository", "checkpoints"):
        override = os.environ.get(variable(worker, setting), "")
        paths[setting] = _expanded(override, Path()) or _expanded(getattr(found, setting), path.parent)
    return replace(found, **paths)


def _from_file(path: Path, worker: str) -> WorkerSettings:
    entry = _read(path).get(worker)
    if entry is None:
        return WorkerSettings()
    if not isinstance(entry, dict):
        raise ConfigError(f"{path}: found {entry!r}; expected a mapping such as {worker}: {{python: /path/to/python}}")
    return config.from_dict(WorkerSettings, entry, dict.fromkeys(entry, f"{path}, {worker}"))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); expected YAML with one entry for each worker") from error
    workers = config.parse_yaml(text, str(path)) or {}
    if not isinstance(workers, dict):
        raise ConfigError(
            f"{path}: found {workers!r}; expected one entry for each worker, such as gvhmr: {{python: …}}"
        )
    return workers


def _expanded(text: str, folder: Path) -> str:
    """An absolute path; symbolic links stay, because the interpreter of a virtual environment is one."""
    return os.path.abspath(folder / Path(text).expanduser()) if text else ""
