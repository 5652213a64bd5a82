"""Find and load what can be plugged in: motion formats, music encoders, body models and the engines of stages.

A built-in plug-in of a kind is a module or package in the folder of that kind; names that start with `_` are helpers.
Other packages offer theirs as entry points of the group `idance.<kind>`::

    [project.entry-points."idance.music"]
    loudness = "idance_loudness.encoder"

A plug-in's name is its module's (or entry point's) name with `-` for `_`. Listing imports nothing, so a broken plug-in
is still listed; it fails with the reason only when it is loaded. What a plug-in of each kind must offer is written in
the docstring of the kind's folder, and `infinitedance_cli.testing` checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from infinitedance_cli.errors import MissingResource, UsageError

_PACKAGE_FOLDER = Path(__file__).parent

KINDS: Mapping[str, str] = {
    "format": "infinitedance_cli.formats",
    "music": "infinitedance_cli.music.encoders",
    "body": "infinitedance_cli.body.models",
    "capture": "infinitedance_cli.stages.capture.backends",
    "detector": "infinitedance_cli.stages.capture.detectors",
    "physics": "infinitedance_cli.stages.imitate.engines",
    "renderer": "infinitedance_cli.stages.render.renderers",
    "weights": "infinitedance_cli.weights.catalogue",
}
"""Every kind of plug-in and the package whose modules are its built-in ones."""

EXTRAS: Mapping[str, str] = {
    "fsspec": "cluster",
    "librosa": "infinitedance",
    "mamba_ssm": "mamba",
    "mujoco_warp": "warp",
    "ray": "cluster",
    "smplx": "smplx",
    "ultralytics": "yolo",
    "warp": "warp",
}
"""Import names of optional libraries and the extra of this package that installs each."""

PACKAGES: Mapping[tuple[str, str], str] = {
    ("capture", "gemx"): "idance-gemx",
    ("capture", "gvhmr"): "idance-gvhmr",
    ("capture", "smplestx"): "idance-smplestx",
    ("physics", "isaacgym"): "idance-isaacgym",
}
"""Kind and name of our plug-ins that are packages of their own, in `plugins/`."""

# What importing a module of somebody else's can raise; none of it is a bug of ours.
_IMPORT_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Plugin:
    """One plug-in that was found: its `kind` and `name`, where it is (`target`, "module" or "module:attribute"), and
    which installed `package` brings it."""

    kind: str
    name: str
    target: str
    package: str

    def __str__(self) -> str:
        return f"{self.target} (from {self.package})"


def find(kind: str) -> dict[str, Plugin]:
    """All plug-ins of a kind by name, sorted, built-in or from entry points, without importing any.

    Raises UsageError when the kind is unknown or two plug-ins claim one name.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no plug-in kind '{kind}'; the kinds are {', '.join(KINDS)}")
    found: dict[str, Plugin] = {}
    for plugin in [*_built_in(kind), *_installed(kind)]:
        other = found.get(plugin.name)
        if other is not None:
            raise UsageError(
                f"two plug-ins claim the {kind} name '{plugin.name}': {other} and {plugin}; uninstall one of them"
            )
        found[plugin.name] = plugin
    return dict(sorted(found.items()))


def names(kind: str) -> tuple[str, ...]:
    """The sorted names of all plug-ins of a kind; nothing is imported. Raises UsageError as `find` does."""
    return tuple(find(kind))


def load(kind: str, name: str) -> Any:
    """Import one plug-in: the module of a built-in one, or whatever the entry point names.

    Raises UsageError when there is no such name (and lists the names), MissingResource when it is in a package that is
    not installed, or cannot be imported.
    """
    found = find(kind)
    plugin = found.get(_normal(name))
    package = PACKAGES.get((kind, _normal(name)))
    if plugin is None and package is not None:
        raise MissingResource(
            f"the {kind} plug-in '{name}' is a package of its own, which is not installed; "
            f"run: pip install {package} (in a checkout of the source: pip install ./plugins/{package})"
        )
    if plugin is None:
        close = get_close_matches(_normal(name), found, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        known = ", ".join(found) or "none is installed"
        raise UsageError(f"there is no {kind} plug-in '{name}'; {hint}known: {known}")
    module_name, _, attribute = plugin.target.partition(":")
    try:
        loaded: Any = import_module(module_name)
        for part in filter(None, attribute.split(".")):
            loaded = getattr(loaded, part)
    except _IMPORT_FAILURES as error:
        raise _broken(plugin, error) from error
    return loaded


def missing_library(module: str, purpose: str) -> MissingResource:
    """The error for an optional library that is not installed, with the line that installs it."""
    extra = EXTRAS.get(module)
    requirement = f"'infinitedance-cli[{extra}]'" if extra else module
    return MissingResource(f"{purpose} needs {module}, which is not installed; run: pip install {requirement}")


def _broken(plugin: Plugin, error: Exception) -> MissingResource:
    label = f"the {plugin.kind} plug-in '{plugin.name}'"
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        return missing_library(str(error.name), label)
    reason = " ".join(str(error).split()) or "no reason given"
    return MissingResource(
        f"{label}, {plugin}, cannot be loaded: {type(error).__name__}: {reason}; "
        f"install what it needs or uninstall {plugin.package}"
    )


def _normal(name: str) -> str:
    return name.replace("_", "-").lower()


def _built_in(kind: str) -> list[Plugin]:
    package = KINDS[kind]
    folder = _PACKAGE_FOLDER.joinpath(*package.split(".")[1:])
    if not folder.is_dir():
        return []
    stems = [
        path.stem
        for path in sorted(folder.iterdir())
        if not path.name.startswith((".", "_")) and (path.suffix == ".py" or (path / "__init__.py").is_file())
    ]
    return [Plugin(kind, _normal(stem), f"{package}.{stem}", "infinitedance-cli") for stem in stems]


def _installed(kind: str) -> list[Plugin]:
    # A package that is installed twice on the path (editable and plain) shows up twice with the same target.
    points = {(point.name, point.value): point for point in metadata.entry_points(group=f"idance.{kind}")}
    return [
        Plugin(kind, _normal(name), value, point.dist.name if point.dist else "an unknown package")
        for (name, value), point in points.items()
    ]
