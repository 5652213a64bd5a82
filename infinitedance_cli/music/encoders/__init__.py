"""Music encoders, plug-ins of the kind "music".

A plug-in is a module with `create() -> MusicEncoder` (see `infinitedance_cli.music.features`); importing it must be
cheap, and `create` raises `MissingResource` with the line that installs what is missing.
"""
