"""What becomes of segments that were added: when they are joined, when they get lists, when training is advised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from infinitedance_cli.models.dance_index.folder import FolderIndex, OpenSegment
from infinitedance_cli.models.dance_index.manifest import Manifest, Parameters, SegmentEntry
from infinitedance_cli.models.dance_index.recall import TARGET, probes_of, recall, tuned
from infinitedance_cli.models.dance_index.searchers import chosen_parameters, empty_copy, spread_of
from infinitedance_cli.models.dance_index.segment import SEARCHER

Merge = Callable[[Sequence[SegmentEntry], Parameters, OpenSegment | None], FolderIndex]

_FEW_ENTRIES = 5_000
"""So many added entries are compared one by one before they get lists or a graph of their own."""
_MOST_SEGMENTS = 8
_REMOVED_SHARE = 0.2
"""Of a segment that lost more of its clips than this, the rest is written anew."""
_DRIFT, _GROWTH = 1.5, 4.0
"""Training is advised when added entries lie so much farther from the centres, or there are so many times as many."""
_SAMPLE = 2_000


def settled(index: FolderIndex, merge: Merge, *, retrain: bool) -> FolderIndex:
    """Join what was added, as far as a search needs it; with `retrain`, make one segment of everything, trained anew.

    An index without lists gets them, or a graph, once it is too large to compare every entry.
    """
    wanted = chosen_parameters(len(index), index.manifest.dimension, index.manifest.kind)
    entries = index.manifest.segments
    based = [entry for entry in entries if entry.parameters.kind != "exact"]
    outgrown = wanted.kind == "lists" and any(entry.parameters.kind == "graph" for entry in based)
    if retrain or outgrown or (wanted.kind != "exact" and not based):
        return merge(entries, wanted, None)
    if not based:
        return merge(entries, Parameters(), None) if len(entries) > 1 or _has_holes(entries[0]) else index
    index = _settle_added(index, merge)
    return _settle_grown(index, merge)


def _settle_added(index: FolderIndex, merge: Merge) -> FolderIndex:
    """One segment of all that has no searcher yet; with one, where it is large enough."""
    loose = [entry for entry in index.manifest.segments if entry.parameters.kind == "exact"]
    if not loose:
        return index
    base = _base(index)
    windows = sum(entry.windows for entry in loose)
    if windows > _FEW_ENTRIES:
        return merge(loose, base.entry.parameters, base if base.entry.parameters.kind == "lists" else None)
    return merge(loose, Parameters(), None) if len(loose) > 1 or _has_holes(loose[0]) else index


def _settle_grown(index: FolderIndex, merge: Merge) -> FolderIndex:
    """Few segments, and none with many holes; centres and codes stay as they are."""
    for entry in index.manifest.segments:
        if entry.parameters.kind != "exact" and _has_holes(entry):
            like = _base(index)
            index = merge([entry], entry.parameters, like if entry.parameters.kind == "lists" else None)
    base = _base(index)
    added = [entry for entry in index.manifest.segments if entry is not base.entry]
    if len(added) < _MOST_SEGMENTS:
        return index
    if sum(entry.windows for entry in added) > base.entry.windows / 2:
        added = list(index.manifest.segments)
    return merge(added, base.entry.parameters, base if base.entry.parameters.kind == "lists" else None)


def _base(index: FolderIndex) -> OpenSegment:
    """The largest segment that has a searcher."""
    based = [segment for segment in index.segments if segment.entry.parameters.kind != "exact"]
    return max(based, key=lambda segment: segment.entry.windows)


def _has_holes(entry: SegmentEntry) -> bool:
    return len(entry.removed) > _REMOVED_SHARE * entry.clips


def with_recall(index: FolderIndex) -> Manifest:
    """The manifest with searches tuned where they were not, and recall as it is measured then."""
    probes = probes_of(index)
    entries = []
    for number, segment in enumerate(index.segments):
        parameters = segment.entry.parameters
        if parameters.tuned or parameters.kind == "exact":
            entries.append(segment.entry)
        else:
            entries.append(replace(segment.entry, parameters=tuned(segment, number, probes)))
    manifest = replace(index.manifest, segments=tuple(entries))
    for segment, entry in zip(index.segments, entries, strict=True):
        segment.entry = entry
    return replace(manifest, recall=recall(index), filtered_recall=recall(index, filtered=True))


def advice(index: FolderIndex) -> list[str]:
    """Why the index should be trained anew; empty where it should not."""
    reasons = []
    manifest = index.manifest
    for name, figure in (("", manifest.recall), (" within a genre", manifest.filtered_recall)):
        if figure < TARGET:
            reasons.append(f"recall@10{name} is {figure:.3f}, below {TARGET}")
    lists = [segment for segment in index.segments if segment.entry.parameters.kind == "lists"]
    if not lists:
        return reasons
    trained_on = lists[0].entry.parameters.trained_on
    if len(index) > _GROWTH * trained_on:
        reasons.append(f"{len(index)} windows are there, {trained_on} were when it was trained")
    if (drift := drift_of(lists)) > _DRIFT:
        reasons.append(f"what was added lies {drift:.1f} times as far from the centres of the lists")
    return reasons


def drift_of(lists: Sequence[OpenSegment]) -> float:
    """Mean squared distance of added entries from the centres of their lists, over that of those trained on."""
    added = [segment for segment in lists[1:] if segment.entry.windows]
    if not added or not lists[0].entry.parameters.spread:
        return 1.0
    random, trained = np.random.default_rng(0), empty_copy(lists[0].folder / SEARCHER)
    rows = []
    for segment in added:
        count = min(segment.entry.windows, max(1, _SAMPLE // len(added)))
        rows.append(segment.vectors[np.sort(random.choice(segment.entry.windows, count, replace=False))])
    return spread_of(trained, np.concatenate(rows).astype(np.float32)) / lists[0].entry.parameters.spread
