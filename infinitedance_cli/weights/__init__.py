"""Models that do not come with this package: where they are from, under which licence, and where they lie.

`require(name)` gives the folder of a model and fetches it first where that needs no consent. Nothing is fetched twice,
nothing is used whose hash is not the expected one, and once fetched no network is needed. The models are plug-ins of
the kind "weights" (see `infinitedance_cli.weights.catalogue`); `idance models` is the command line of this package.
"""

from infinitedance_cli.weights.source import (
    Download,
    HubRepository,
    Licence,
    ModelFile,
    ModelSource,
    Origin,
    UserFolder,
    Wheel,
)
from infinitedance_cli.weights.store import State, add, cache_folder, find, folder, names, remove, require, state

__all__ = [
    "Download",
    "HubRepository",
    "Licence",
    "ModelFile",
    "ModelSource",
    "Origin",
    "State",
    "UserFolder",
    "Wheel",
    "add",
    "cache_folder",
    "find",
    "folder",
    "names",
    "remove",
    "require",
    "state",
]
