"""Takes known things out of a group one by one, checks each, and tells what is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infinitedance_cli.errors import BadInput
from infinitedance_cli.motion.clip import Dataset, Group

Shape = Sequence[int | None]
"""Expected lengths; None fits any."""


class Section:
    """A group of a clip being read: `name` of the clip and `path` of the group for messages.

    Whatever a method returns is taken out; `rest()` is the part that nobody asked for. Every method raises BadInput
    with one line when what it should return is missing or not as expected.
    """

    def __init__(self, name: str, path: str, group: Group) -> None:
        self.name = name
        self.path = path
        self._members = dict(group.members)
        self._attributes: dict[str, Any] = dict(group.attributes)

    def section(self, key: str) -> Section:
        """The sub-group `key`, empty when there is none."""
        group = self._members.pop(key, Group())
        if not isinstance(group, Group):
            raise BadInput(f"{self.name}: {self.path}/{key} is a dataset; expected a group")
        return Section(self.name, f"{self.path}/{key}", group)

    def has_attribute(self, key: str) -> bool:
        """True when the group has this attribute."""
        return key in self._attributes

    def has_member(self, key: str) -> bool:
        """True when the group has this dataset or sub-group."""
        return key in self._members

    def is_spent(self) -> bool:
        """True when nothing is left."""
        return not self._members and not self._attributes

    def rest(self) -> Group:
        """What nobody took."""
        return Group(self._members, self._attributes)

    def text(self, key: str, default: str | None = None) -> str:
        """A text attribute."""
        value = self._attributes.pop(key, default)
        if not isinstance(value, str):
            raise BadInput(f"{self.name}: attribute {key} of {self.path or '/'} is {value!r}; expected text")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number attribute."""
        value = self._attributes.pop(key, default)
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise BadInput(f"{self.name}: attribute {key} of {self.path or '/'} is {value!r}; expected a number")
        return float(value)

    def expect_attribute(self, key: str, expected: str) -> None:
        """Takes an attribute that can have one value only."""
        found = self.text(key)
        if found != expected:
            raise BadInput(f"{self.name}: attribute {key} of {self.path} is {found!r}; expected {expected!r}")

    def member_attribute(self, key: str, attribute: str) -> Any:
        """An attribute of the dataset `key`, which stays."""
        value = self._dataset(key).attributes.get(attribute)
        if value is None:
            raise BadInput(f"{self.name}: {self.path}/{key} has no attribute {attribute}")
        return value

    def member_texts(self, key: str, attribute: str) -> tuple[str, ...]:
        """An attribute of the dataset `key` that lists texts."""
        value = self.member_attribute(key, attribute)
        if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
            raise BadInput(f"{self.name}: attribute {attribute} of {self.path}/{key} is {value!r}; expected texts")
        return value

    def texts(self, key: str) -> list[str]:
        """A dataset of texts (N,)."""
        values = self._take(key, (None,)).values
        if not all(isinstance(value, str) for value in values.tolist()):
            raise BadInput(f"{self.name}: {self.path}/{key} holds {values.dtype}; expected texts")
        return list(values)

    def integers(self, key: str, dtype: type[np.integer], shape: Shape) -> NDArray[Any]:
        """A dataset of whole numbers (booleans too) that fit `dtype`."""
        values = self._take(key, shape).values
        if values.dtype.kind not in "iub":
            raise BadInput(f"{self.name}: {self.path}/{key} holds {values.dtype}; expected whole numbers")
        limits = np.iinfo(dtype)
        if values.size and (values.min() < limits.min or values.max() > limits.max):
            raise BadInput(f"{self.name}: {self.path}/{key} has values outside {limits.min}..{limits.max}")
        return values.astype(dtype)

    def optional_floats(self, key: str, dtype: type[np.floating], shape: Shape, units: str) -> NDArray[Any] | None:
        """`floats`, or None when there is no such dataset."""
        return self.floats(key, dtype, shape, units) if self.has_member(key) else None

    def floats(self, key: str, dtype: type[np.floating], shape: Shape, units: str, **marks: str) -> NDArray[Any]:
        """A dataset of finite floats with these units and these other attributes."""
        dataset = self._take(key, shape)
        where = f"{self.path}/{key}"
        for mark, expected in {"units": units, **marks}.items():
            found = dataset.attributes.get(mark)
            if found != expected:
                raise BadInput(f"{self.name}: {where} has {mark} {found!r}; expected {expected!r}")
        if dataset.values.dtype.kind != "f":
            raise BadInput(f"{self.name}: {where} holds {dataset.values.dtype}; expected {np.dtype(dtype)}")
        if not np.isfinite(dataset.values).all():
            bad = np.argwhere(~np.isfinite(dataset.values))[0]
            raise BadInput(f"{self.name}: {where} is not finite at row {int(bad[0])}")
        return dataset.values.astype(dtype, copy=False)

    def _take(self, key: str, shape: Shape) -> Dataset:
        dataset = self._dataset(key)
        del self._members[key]
        found = dataset.values.shape
        fits = len(found) == len(shape) and all(
            want is None or have == want for have, want in zip(found, shape, strict=True)
        )
        if not fits:
            expected = ", ".join("any" if want is None else str(want) for want in shape)
            raise BadInput(f"{self.name}: {self.path}/{key} has shape {found}; expected ({expected})")
        return dataset

    def _dataset(self, key: str) -> Dataset:
        dataset = self._members.get(key)
        if not isinstance(dataset, Dataset):
            found = "a group" if isinstance(dataset, Group) else "missing"
            raise BadInput(f"{self.name}: {self.path}/{key} is {found}; expected a dataset")
        return dataset
