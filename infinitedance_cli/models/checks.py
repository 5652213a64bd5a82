"""One-line checks that config dataclasses share: what was found, what was expected."""

from __future__ import annotations

from infinitedance_cli.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raise ConfigError with `message` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)


def require_positive(owner: str, **values: float) -> None:
    """Raise ConfigError unless every named value is above zero."""
    for name, value in values.items():
        require(value > 0, f"{owner}.{name} is {value}; expected a value above 0")


def require_share(owner: str, **values: float) -> None:
    """Raise ConfigError unless every named value lies in [0, 1]."""
    for name, value in values.items():
        require(0.0 <= value <= 1.0, f"{owner}.{name} is {value}; expected a value from 0 to 1")


def require_choice(owner: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError unless `value` is one of `choices`."""
    require(value in choices, f"{owner}.{name} is {value!r}; expected one of {', '.join(choices)}")
