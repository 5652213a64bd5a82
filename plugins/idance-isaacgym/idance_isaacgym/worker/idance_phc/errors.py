"""What can be wrong with what a user has installed; each message is one line that says what to do."""

from __future__ import annotations


class Missing(Exception):
    """A file or a part of the environment is not there."""


class BadFile(Exception):
    """A file is there and is not what it should be."""
