"""What a listing tells of a clip without its motion: length, genre, song, origin, licence and figures of quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from infinitedance_cli.motion.clip import Attributes, MotionClip

CAPTURE, PHYSICS, DATASET = "capture", "physics", "dataset"
_FIGURES = {
    CAPTURE: (
        "reprojection_px",
        "visible_share",
        "hands_share",
        "face_share",
        "filled_frames",
        "jitter_m_s3",
        "foot_slide_cm_s",
        "floor_penetration_cm",
        "longest_still_s",
    ),
    PHYSICS: ("root_wrench_bw", "root_wrench_max_bw", "energy_j", "falls"),
}


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """One clip of a listing; texts are empty where nothing is known.

    `song` is the SHA-256 of its music, or its name where only that is known; `source` tells the video or recording that
    it was taken from; `performer` the dancer; `collection` the data set that it belongs to, `split` the part of that
    set's published split. `licence` is that of the motion, `model_licences` those of the models that made it; `stages`
    are the commands that it went through, `figures` the figures of quality that it carries. `made_from` tells a run
    that goes on which input a clip was made from; see `infinitedance_cli.engine.outputs`.
    """

    clip_id: str
    frames: int
    fps: float
    genre: str = ""
    song: str = ""
    source: str = ""
    performer: str = ""
    collection: str = ""
    licence: str = ""
    credit: str = ""
    split: str = ""
    model_licences: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    made_from: str = ""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.fps


def facts_of(clip: MotionClip) -> ClipFacts:
    """What a clip says of itself, in its sections, in `/capture`, `/physics` and `/dataset` and in its provenance."""
    capture, given = _attributes(clip, CAPTURE), _attributes(clip, DATASET)
    song = "" if clip.music is None else clip.music.sha256 or PurePosixPath(clip.music.path).name
    return ClipFacts(
        clip_id=clip.clip_id,
        frames=clip.frames,
        fps=clip.fps,
        genre="" if clip.labels is None else clip.labels.genre,
        song=song,
        source=_first(given.get("recording"), capture.get("video_sha256"), _read_hash(clip)),
        performer=_first(given.get("performer"), capture.get("performer")),
        collection=_first(given.get("name"), given.get("source"), "captured from video" if capture else ""),
        licence=_first(given.get("licence"), given.get("license"), capture.get("license")),
        credit=_first(given.get("credit")),
        split=_first(given.get("split")),
        model_licences=tuple(dict.fromkeys(_model_licences(clip))),
        stages=tuple(dict.fromkeys(str(record.get("stage", "")) for record in clip.provenance)),
        figures=_figures(clip),
    )


def to_texts(facts: ClipFacts) -> dict[str, Any]:
    """All of the facts but the numbers of frames, as JSON-ready values; what is empty is left out."""
    values = {name: getattr(facts, name) for name in _TEXTS}
    return {name: value for name, value in values.items() if value}


def from_texts(texts: Mapping[str, Any], frames: int, fps: float) -> ClipFacts:
    """The inverse of `to_texts`; what a later version added is passed over. Raises KeyError without a name."""
    known = {name: texts[name] for name in _TEXTS if name in texts and name != "clip_id"}
    for name in ("model_licences", "stages"):
        known[name] = tuple(known.get(name, ()))
    return ClipFacts(texts["clip_id"], frames, fps, **known)


_TEXTS = tuple(name for name in ClipFacts.__slots__ if name not in ("frames", "fps"))


def _attributes(clip: MotionClip, group: str) -> Attributes:
    found = clip.extra.get(group)
    return {} if found is None else found.attributes


def _first(*values: object) -> str:
    return next((str(value) for value in values if value not in (None, "")), "")


def _read_hash(clip: MotionClip) -> str:
    """The hash of the file that the clip was read from, where it was read from one."""
    return next((str(record["sha256"]) for record in clip.provenance if "sha256" in record), "")


def _model_licences(clip: MotionClip) -> list[str]:
    found = [record.get("licences", ()) for record in clip.provenance]
    return [str(licence) for licences in found if isinstance(licences, list | tuple) for licence in licences]


def _figures(clip: MotionClip) -> dict[str, float]:
    found: dict[str, float] = {}
    for group, names in _FIGURES.items():
        attributes = _attributes(clip, group)
        values = {name: attributes[name] for name in names if name in attributes}
        found |= {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
    return found
