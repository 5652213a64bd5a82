"""HDF5 images in memory ↔ trees of plain records; knows HDF5 and nothing of dance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import Attributes, Dataset, Group

_DEEPEST = 16
_CORE_BLOCK_BYTES = 1 << 20
_H5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""What h5py raises on a damaged image, depending on which structure is hit."""


def write_image(root: Group) -> bytes:
    """A complete HDF5 file as bytes; the same tree gives the same bytes (names are sorted, no times are kept).

    Raises BadInput for a float dataset without an attribute `units`, or a value that HDF5 cannot hold.
    """
    with h5py.File("clip", "w", driver="core", backing_store=False, block_size=_CORE_BLOCK_BYTES) as file:
        _write_group(file, root, "/")
        file.flush()
        return bytes(file.id.get_file_image())


def read_image(image: bytes, name: str, accept: Callable[[Attributes], None]) -> Group:
    """The tree in one HDF5 image; `name` says in messages where the image came from.

    `accept` sees the root's attributes before anything else is read, and raises when the file is none of ours.
    Raises BadInput when the image is damaged or uses what a clip must not: the page file-space strategy, links out of
    the image, virtual datasets, a float dataset without `units`.
    """
    try:
        with h5py.File(h5py.h5f.open_file_image(image)) as file:
            strategy = file.id.get_create_plist().get_file_space_strategy()[0]
            if strategy == h5py.h5f.FSPACE_STRATEGY_PAGE:
                raise BadInput(
                    f"{name}: the file uses HDF5's page file-space strategy, which a clip stream cannot hold; "
                    "rewrite it with `h5repack -S FSM_AGGR IN OUT`"
                )
            accept(_read_attributes(file, name, "/"))
            return _read_group(file, name, "", 0)
    except _H5_ERRORS as error:
        raise BadInput(f"{name}: the HDF5 image is damaged ({_first_line(error)}); make or fetch it again") from error


def _first_line(error: Exception) -> str:
    return str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__


def _write_group(target: h5py.Group, group: Group, path: str) -> None:
    _write_attributes(target, group.attributes, path)
    for name, member in sorted(group.members.items()):
        where = f"{path}{name}"
        if isinstance(member, Group):
            _write_group(target.create_group(name), member, f"{where}/")
        else:
            _write_dataset(target, name, member, where)


def _write_dataset(target: h5py.Group, name: str, dataset: Dataset, where: str) -> None:
    values = np.asarray(dataset.values)
    if values.dtype.kind in "fc" and not dataset.attributes.get("units"):
        raise BadInput(f"{where}: a float dataset without units cannot be written; give it an attribute `units`")
    dtype = h5py.string_dtype() if _is_text(values) else values.dtype
    try:
        created = target.create_dataset(name, data=values.astype(object) if _is_text(values) else values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: HDF5 cannot hold {values.dtype} values ({_first_line(error)})") from error
    _write_attributes(created, dataset.attributes, where)


def _is_text(values: NDArray[Any]) -> bool:
    if values.dtype.kind == "U":
        return True
    return values.dtype.kind == "O" and all(isinstance(value, str) for value in values.flat)


def _write_attributes(target: h5py.HLObject, attributes: Attributes, where: str) -> None:
    for name, value in sorted(attributes.items()):
        try:
            values = np.asarray(value)
            if values.ndim > 0 and _is_text(values.astype(object)):
                target.attrs.create(name, values.astype(object), dtype=h5py.string_dtype())
            else:
                target.attrs[name] = value
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            raise BadInput(f"{where}: attribute {name} cannot be written ({_first_line(error)})") from error


def _read_group(source: h5py.Group, name: str, path: str, depth: int) -> Group:
    if depth > _DEEPEST:
        raise BadInput(f"{name}: groups are nested deeper than {_DEEPEST}; this is not a motion clip")
    members: dict[str, Dataset | Group] = {}
    for key in source:
        where = f"{path}/{key}"
        if not isinstance(source.get(key, getlink=True), h5py.HardLink):
            raise BadInput(f"{name}: {where} is a soft or external link; a clip must hold its data itself")
        member = source[key]
        if isinstance(member, h5py.Group):
            members[key] = _read_group(member, name, where, depth + 1)
        elif isinstance(member, h5py.Dataset):
            members[key] = _read_dataset(member, name, where)
        else:
            raise BadInput(f"{name}: {where} is a named data type; expected a group or a dataset")
    return Group(members, _read_attributes(source, name, path or "/"))


def _read_dataset(source: h5py.Dataset, name: str, where: str) -> Dataset:
    if source.is_virtual or source.external:
        raise BadInput(f"{name}: the data of {where} is in another file; a clip must hold its data itself")
    if source.shape is None:
        raise BadInput(f"{name}: {where} has no data space; expected an array")
    attributes = _read_attributes(source, name, where)
    if source.dtype.kind in "fc" and not attributes.get("units"):
        raise BadInput(f"{name}: float dataset {where} has no attribute `units`; every float dataset needs one")
    text = h5py.check_string_dtype(source.dtype)
    values = source.asstr()[()] if text is not None and text.length is None else source[()]
    return Dataset(np.asarray(values), attributes)


def _read_attributes(source: h5py.HLObject, name: str, where: str) -> Attributes:
    attributes: dict[str, Any] = {}
    for key, value in source.attrs.items():
        if isinstance(value, h5py.Empty):
            raise BadInput(f"{name}: attribute {key} of {where} is empty; expected a value")
        attributes[key] = _plain(value)
    return attributes


def _plain(value: Any) -> Any:
    """Python's own scalar where that keeps type and value, else what h5py gave."""
    if isinstance(value, np.generic) and value.dtype in (np.float64, np.int64, np.bool_):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind == "O" and all(isinstance(item, str) for item in value.flat):
        return tuple(value.tolist()) if value.ndim == 1 else value
    return value


def merge(known: Group, extra: Mapping[str, Group]) -> Group:
    """`known` with the members and attributes of `extra` added; where both have a name, `known` wins.

    The key "/" of `extra` stands for the root itself.
    """
    rest = dict(extra)
    top = rest.pop("/", Group())
    return _overlay(_overlay(known, top), Group(rest))


def _overlay(known: Group, added: Group) -> Group:
    members = dict(added.members)
    for name, member in known.members.items():
        other = members.get(name)
        both_groups = isinstance(member, Group) and isinstance(other, Group)
        members[name] = _overlay(member, other) if both_groups else member  # type: ignore[arg-type]
    return Group(members, {**added.attributes, **known.attributes})
