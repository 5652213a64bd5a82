"""Settings of a command: defaults < `--config file.yaml` < `--set key=value` < named options.

A stage's settings are one frozen dataclass, nested where that helps; its defaults are the defaults of the command::

    @dataclass(frozen=True)
    class SamplingConfig:
        top_k: Annotated[int, Gt(0)] = 30       # from annotated_types, which pydantic understands

    @dataclass(frozen=True)
    class GenerateConfig:
        sampling: SamplingConfig = SamplingConfig()

    config = resolve(GenerateConfig, file=path, overrides=["sampling.top_k=50"], options={"sampling.top_k": None})

Checks between fields belong into `__post_init__` and raise ValueError or ConfigError. Where one setting decides what
others are by default, the type has a static method `presets(values)`: it gets what was set, nested and not yet checked,
and gives nested values that stand under it. YAML is read by the rules of YAML 1.2: `1e-3` is a number, `no` and `1:30`
are text, and a key may stand only once in a mapping.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from infinitedance_cli.errors import ConfigError

ConfigType = TypeVar("ConfigType")


def resolve(
    config_type: type[ConfigType],
    *,
    file: Path | None = None,
    overrides: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
) -> ConfigType:
    """Merge all sources into one validated config.

    `overrides` are `a.b=value` texts, the value in YAML; `options` maps dotted keys to the values of named options,
    where None means that the option was not given.
    Raises ConfigError, one line with the key, where it was given and, for an unknown key, the nearest valid one.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    if file is not None:
        _merge(values, _read_yaml(file), sources, str(file))
    for text in overrides:
        key, value = _parse_override(text)
        _merge(values, _nested(key, value), sources, f"--set {text}")
    for key, value in (options or {}).items():
        if value is not None:
            _merge(values, _nested(key, value), sources, f"--{key.rpartition('.')[2].replace('_', '-')}")
    presets = getattr(config_type, "presets", None)
    if presets is not None:
        under: dict[str, Any] = presets(values)
        _merge(under, values, {}, "")
        values = under
    return from_dict(config_type, values, sources)


def from_dict(
    config_type: type[ConfigType], values: Mapping[str, Any], sources: Mapping[str, str] | None = None
) -> ConfigType:
    """Validate nested plain values as a config; `sources` says where each dotted key was given.

    Raises ConfigError on unknown keys, wrong types and values out of range.
    """
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown_keys(config_type, values, "", sources or {})
    try:
        return TypeAdapter(config_type).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or config_type.__name__
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        found = "" if first["type"] == "value_error" else f"found {_short(first['input'])}; "
        raise ConfigError(f"{key}{_where(key, sources or {})}: {found}{first['msg']}{more}") from error


def to_dict(config: Any) -> dict[str, Any]:
    """The config as nested plain values (text, numbers, lists, mappings) that YAML, JSON and `from_dict` accept."""
    from pydantic import TypeAdapter

    plain: dict[str, Any] = TypeAdapter(type(config)).dump_python(config, mode="json")
    return plain


def to_yaml(config: Any) -> str:
    """The config as YAML text, in the order of its fields: what `--print-config` shows and `--config` reads."""
    return yaml.dump(to_dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse_yaml(text: str, source: str = "YAML") -> Any:
    """Parse YAML by the 1.2 rules. Raises ConfigError with the line on bad syntax or a doubled key."""
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not valid YAML: {' '.join(str(error).split())}") from error


def _read_yaml(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration {path}: {reason}") from error
    values = parse_yaml(text, str(path))
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {_short(values)}; expected a mapping of settings")
    return values


def _parse_override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text}: expected key=value, such as --set sampling.top_k=50")
    return key.strip(), parse_yaml(value, f"--set {text}")


def _nested(key: str, value: Any) -> dict[str, Any]:
    for part in reversed(key.split(".")):
        value = {part: value}
    nested: dict[str, Any] = value
    return nested


def _merge(into: dict[str, Any], new: Mapping[str, Any], sources: dict[str, str], source: str, path: str = "") -> None:
    for key, value in new.items():
        where = f"{path}{key}"
        sources[where] = source
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, sources, source, f"{where}.")
        elif isinstance(value, dict):
            into[key] = {}
            _merge(into[key], value, sources, source, f"{where}.")
        else:
            into[key] = value


def _refuse_unknown_keys(config_type: Any, values: Any, path: str, sources: Mapping[str, str]) -> None:
    if not isinstance(values, Mapping):
        return
    hints = get_type_hints(config_type)
    valid = [field.name for field in dataclasses.fields(config_type) if field.init]
    for key, value in values.items():
        if key not in valid:
            close = get_close_matches(str(key), valid, n=1, cutoff=0.5)
            hint = f"did you mean '{path}{close[0]}'?" if close else f"valid here: {', '.join(valid)}"
            raise ConfigError(f"{path}{key}{_where(f'{path}{key}', sources)}: there is no such setting; {hint}")
        for nested_type, nested_value, nested_path in _nested_configs(hints[key], value, f"{path}{key}"):
            _refuse_unknown_keys(nested_type, nested_value, f"{nested_path}.", sources)


def _nested_configs(hint: Any, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """The dataclasses inside a type hint together with the values meant for them."""
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint):
        yield hint, value, path
    elif origin is Annotated:
        yield from _nested_configs(get_args(hint)[0], value, path)
    elif origin in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        if len(members) == 1:  # of several alternatives pydantic picks, and says what fits none
            yield from _nested_configs(members[0], value, path)
    elif origin in (tuple, list) and isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _nested_configs(get_args(hint)[0], item, f"{path}.{index}")
    elif origin in (dict, Mapping) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _nested_configs(get_args(hint)[1], item, f"{path}.{key}")


def _where(key: str, sources: Mapping[str, str]) -> str:
    while key:
        if key in sources:
            return f" ({sources[key]})"
        key = key.rpartition(".")[0]
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Loader(yaml.SafeLoader):
    """Safe YAML by the core schema of YAML 1.2, without doubled keys."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice in one mapping; YAML itself would keep the last one silently."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def integer(self, node: yaml.ScalarNode) -> int:
        """A YAML 1.2 integer: decimal with any leading zeros, 0o octal or 0x hexadecimal."""
        text = str(self.construct_scalar(node))
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


class _Dumper(yaml.SafeDumper):
    """Safe YAML whose plain scalars read back the same by the rules of `_Loader`."""

    yaml_implicit_resolvers = {}


_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)

for _name, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), list(_first))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.integer)
