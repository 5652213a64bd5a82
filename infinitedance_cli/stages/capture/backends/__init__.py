"""Capture backends, plug-ins of the kind "capture", found by listing this folder or as entry points `idance.capture`.

A backend is a module with `create(config: CaptureConfig) -> CaptureBackend` (`infinitedance_cli.stages.capture.backend`
says what that does).
Importing it must be cheap; `create` raises `MissingResource` with the line that fetches what is missing.
"""
