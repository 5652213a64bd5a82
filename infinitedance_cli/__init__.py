"""idance: 3D dance from music, as a toolkit of small commands that read and write motion clips."""

__version__ = "0.1.0"
