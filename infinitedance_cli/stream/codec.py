"""Motion clip ↔ one complete HDF5 image in memory, without loss; the layout is in `infinitedance_cli.stream.schema`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import (
    Attributes,
    Body,
    Dataset,
    FootContacts,
    Group,
    Labels,
    MotionClip,
    MusicTrack,
    Tokens,
)
from infinitedance_cli.motion.skeleton import Skeleton
from infinitedance_cli.stream import schema
from infinitedance_cli.stream.section import Section
from infinitedance_cli.stream.tree import merge, read_image, write_image


def encode(clip: MotionClip) -> bytes:
    """The clip as a complete HDF5 file; the same clip gives the same bytes.

    Raises BadInput when `extra` holds what a clip must not (a float dataset without units) or provenance is not JSON.
    """
    try:
        return write_image(merge(_to_tree(clip), clip.extra))
    except BadInput as error:
        raise BadInput(f"clip {clip.clip_id}: {error}") from error


def decode(image: bytes, name: str = "clip") -> MotionClip:
    """The clip in one HDF5 image; `name` says in messages where it came from.

    Raises BadInput when the image is another program's HDF5, of a newer major version, damaged, or holds values that
    no motion has (not finite, wrong shapes, wrong units).
    """
    root = Section(name, "", read_image(image, name, lambda attributes: _check_format(name, attributes)))
    for known in ("format", "version"):
        root.text(known)
    clip_id = root.text("clip_id")
    try:
        return _from_tree(root, clip_id)
    except BadInput as error:
        message = str(error)
        raise BadInput(message if message.startswith(f"{name}:") else f"{name}: {message}") from error


def _check_format(name: str, attributes: Attributes) -> None:
    root = Section(name, "", Group({}, attributes))
    found = root.text("format") if root.has_attribute("format") else ""
    if found != schema.FORMAT:
        what = f"@format is {found!r}" if found else "it has no @format"
        raise BadInput(
            f"{root.name}: an HDF5 file of another program ({what}, expected {schema.FORMAT!r}); "
            "give a clip that idance wrote, or a format listed by `idance convert --help`"
        )
    version = root.text("version")
    major, _, minor = version.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        raise BadInput(f"{root.name}: @version is {version!r}; expected two numbers such as {schema.VERSION!r}")
    if int(major) != schema.MAJOR_VERSION:
        advice = "upgrade idance" if int(major) > schema.MAJOR_VERSION else "write it again with this idance"
        raise BadInput(
            f"{root.name}: the clip has format version {version}; this idance reads {schema.MAJOR_VERSION}.x: {advice}"
        )


def _from_tree(root: Section, clip_id: str) -> MotionClip:
    sections = {
        key: root.section(key) for key in ("skeleton", "motion", "body", "contacts", "music", "labels", "tokens")
    }
    skeleton = _read_skeleton(sections["skeleton"])
    motion = sections["motion"]
    for mark, expected in (("up", schema.UP), ("forward", schema.FORWARD)):
        motion.expect_attribute(mark, expected)
    shape = (None, skeleton.joint_count, 4)
    known: dict[str, Any] = {
        "fps": motion.number("fps"),
        "root_position": motion.floats("root_position", np.float32, (None, 3), schema.METRES, frame="world"),
        "joint_rotation": motion.floats(
            "joint_rotation", np.float32, shape, schema.ONE, frame="parent", encoding=schema.ROTATION_ENCODING
        ),
        "body": _read_body(sections["body"]),
        "contacts": _read_contacts(sections["contacts"]),
        "music": _read_music(sections["music"]),
        "labels": _read_labels(sections["labels"]),
        "tokens": _read_tokens(sections["tokens"]),
        "provenance": _read_provenance(root),
    }
    extra = {key: section.rest() for key, section in sections.items() if not section.is_spent()}
    top = root.rest()
    extra |= {key: member for key, member in top.members.items() if isinstance(member, Group)}
    loose = {key: member for key, member in top.members.items() if isinstance(member, Dataset)}
    if loose or top.attributes:
        extra[schema.ROOT] = Group(loose, top.attributes)
    return MotionClip(clip_id=clip_id, skeleton=skeleton, extra=extra, **known)


def _read_skeleton(section: Section) -> Skeleton:
    names = tuple(section.texts("joint_names"))
    parents = tuple(int(parent) for parent in section.integers("parents", np.int64, (len(names),)))
    return Skeleton(names, parents, section.floats("offsets", np.float32, (len(names), 3), schema.METRES))


def _read_body(section: Section) -> Body | None:
    if not section.has_attribute("model"):
        return None
    betas = section.optional_floats("betas", np.float32, (None,), schema.ONE)
    return Body(
        model=section.text("model"),
        betas=np.zeros(0, np.float32) if betas is None else betas,
        expression=section.optional_floats("expression", np.float32, (None, None), schema.ONE),
        gender=section.text("gender", default="neutral"),
    )


def _read_contacts(section: Section) -> FootContacts | None:
    if not section.has_member("foot"):
        return None
    labels = section.member_texts("foot", "labels")
    return FootContacts(section.integers("foot", np.uint8, (None, len(labels))).astype(bool), labels)


def _read_music(section: Section) -> MusicTrack | None:
    if not section.has_attribute("sha256"):
        return None
    beats = section.optional_floats("beats", np.float64, (None,), schema.SECONDS)
    downbeats = section.optional_floats("downbeats", np.float64, (None,), schema.SECONDS)
    return MusicTrack(
        sha256=section.text("sha256"),
        path=section.text("path", default=""),
        beats=np.zeros(0) if beats is None else beats,
        downbeats=np.zeros(0) if downbeats is None else downbeats,
        tempo_bpm=section.number("tempo_bpm", default=0.0),
        features=section.optional_floats("features", np.float16, (None, None), schema.ONE),
        rate_hz=section.number("rate_hz", default=25.0),
        encoder=section.text("encoder", default=""),
    )


def _read_labels(section: Section) -> Labels | None:
    if not section.has_attribute("genre"):
        return None
    return Labels(section.text("genre"), section.text("genre_requested", default=""))


def _read_tokens(section: Section) -> Tokens | None:
    if not section.has_member("codes"):
        return None
    stride = section.member_attribute("codes", "stride_frames")
    sha256 = section.member_attribute("codes", "codebook_sha256")
    return Tokens(section.integers("codes", np.int16, (None, None)), int(stride), str(sha256))


def _read_provenance(root: Section) -> tuple[Mapping[str, Any], ...]:
    if not root.has_member("provenance"):
        return ()
    records = []
    for number, text in enumerate(root.texts("provenance"), start=1):
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise BadInput(f"{root.name}: provenance record {number} is not JSON ({error})") from error
        records.append(record)
    return tuple(records)


def _to_tree(clip: MotionClip) -> Group:
    members: dict[str, Dataset | Group] = {"skeleton": _skeleton_tree(clip.skeleton), "motion": _motion_tree(clip)}
    if clip.body is not None:
        members["body"] = _body_tree(clip.body)
    if clip.contacts is not None:
        planted = np.asarray(clip.contacts.planted, np.uint8)
        members["contacts"] = Group({"foot": Dataset(planted, {"labels": clip.contacts.labels})})  # type: ignore[dict-item]
    if clip.music is not None:
        members["music"] = _music_tree(clip.music)
    if clip.labels is not None:
        names: Attributes = {"genre": clip.labels.genre, "genre_requested": clip.labels.genre_requested}
        members["labels"] = Group({}, names)
    if clip.tokens is not None:
        source: Attributes = {
            "stride_frames": clip.tokens.stride_frames,
            "codebook_sha256": clip.tokens.codebook_sha256,
        }
        members["tokens"] = Group({"codes": Dataset(np.asarray(clip.tokens.codes, np.int16), source)})
    if clip.provenance:
        members["provenance"] = Dataset(np.array([_to_json(record) for record in clip.provenance], dtype=object))
    return Group(members, {"format": schema.FORMAT, "version": schema.VERSION, "clip_id": clip.clip_id})


def _to_json(record: Mapping[str, Any]) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BadInput(f"provenance of stage {record.get('stage', '?')} is not JSON-ready ({error})") from error


def _floats(values: NDArray[Any], dtype: type[np.floating], units: str, **marks: str) -> Dataset:
    return Dataset(np.asarray(values, dtype), {"units": units, **marks})


def _skeleton_tree(skeleton: Skeleton) -> Group:
    return Group(
        {
            "joint_names": Dataset(np.array(skeleton.joint_names, dtype=object)),
            "parents": Dataset(np.asarray(skeleton.parents, np.int16)),
            "offsets": _floats(skeleton.offsets, np.float32, schema.METRES),
        }
    )


def _motion_tree(clip: MotionClip) -> Group:
    encoding = schema.ROTATION_ENCODING
    return Group(
        {
            "root_position": _floats(clip.root_position, np.float32, schema.METRES, frame="world"),
            "joint_rotation": _floats(clip.joint_rotation, np.float32, schema.ONE, frame="parent", encoding=encoding),
        },
        {"fps": float(clip.fps), "up": schema.UP, "forward": schema.FORWARD},
    )


def _body_tree(body: Body) -> Group:
    members: dict[str, Dataset | Group] = {"betas": _floats(body.betas, np.float32, schema.ONE)}
    if body.expression is not None:
        members["expression"] = _floats(body.expression, np.float32, schema.ONE)
    return Group(members, {"model": body.model, "gender": body.gender})


def _music_tree(music: MusicTrack) -> Group:
    members: dict[str, Dataset | Group] = {
        "beats": _floats(music.beats, np.float64, schema.SECONDS),
        "downbeats": _floats(music.downbeats, np.float64, schema.SECONDS),
    }
    if music.features is not None:
        members["features"] = _floats(music.features, np.float16, schema.ONE)
    attributes: Attributes = {
        "sha256": music.sha256,
        "path": music.path,
        "tempo_bpm": float(music.tempo_bpm),
        "rate_hz": float(music.rate_hz),
        "encoder": music.encoder,
    }
    return Group(members, attributes)
