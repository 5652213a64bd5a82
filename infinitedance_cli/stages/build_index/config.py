"""Settings of `idance build-index`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge


@dataclass(frozen=True)
class BuildIndexConfig:
    """`tokenizer` and `retriever` are trained files, folders that hold them, or "starter".

    A window begins every `stride` steps of the tokeniser and is as long as the retriever's (a clip that is shorter is
    one window, repeated). `split` takes only clips whose /dataset group names this split ("": all; a clip without one
    counts as train); `genres_only` only clips whose label is a genre of dance. `batch_size` windows are
    embedded at once; `device` as `--device` says. `kind` of search of an index in a folder: exact, graph (HNSW) or
    lists (IVF-PQ); auto chooses by the number of windows: exact up to 50,000, a graph up to 200,000, lists beyond.
    """

    tokenizer: str = "starter"
    retriever: str = "starter"
    stride: Annotated[int, Ge(1)] = 8
    split: str = ""
    genres_only: bool = False
    kind: Literal["auto", "exact", "graph", "lists"] = "auto"
    batch_size: Annotated[int, Ge(1)] = 256
    device: str = "auto"
