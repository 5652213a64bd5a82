"""Every error a user can meet, and the exit code of each.

::

    IdanceError                 1   a bug of ours, if it ever reaches the user bare
    ├── UsageError              2   the command line is wrong
    │   └── ConfigError         2   a configuration key or value is wrong
    ├── BadInput                3   the input is not what it claims to be
    ├── MissingResource         4   weights, plug-in, extra, device or licence are missing
    ├── StageFailed             5   the stage ran and could not do its work
    └── ThresholdCrossed        6   `evaluate --fail-if` found a figure over its limit

130 (interrupted) and 141 (the reader left) are exit codes without a class: see `infinitedance_cli.cli`.

A message is one line: what was found, what was expected, what to do next.
"""

from __future__ import annotations


class IdanceError(Exception):
    """Base of all errors that end a command with one line instead of a traceback."""

    exit_code = 1


class UsageError(IdanceError):
    """The command line asks for something that does not exist or contradicts itself."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key is unknown or its value has the wrong type or range."""


class BadInput(IdanceError):
    """A file or stream is not what it claims to be: not HDF5, truncated, unreadable audio, empty."""

    exit_code = 3


class MissingResource(IdanceError):
    """Something has to be installed, downloaded or accepted first; the message says how."""

    exit_code = 4


class StageFailed(IdanceError):
    """The work itself failed: non-finite loss, no person found, or some clips of a batch failed."""

    exit_code = 5


class ThresholdCrossed(IdanceError):
    """`evaluate --fail-if` found a clip beyond the limit."""

    exit_code = 6
