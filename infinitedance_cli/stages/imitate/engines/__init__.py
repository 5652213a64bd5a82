"""Physics engines, plug-ins of the kind "physics", found by listing this folder or as entry points `idance.physics`.

An engine is a module with `create() -> PhysicsEngine` (see `infinitedance_cli.stages.imitate.tracking`). Importing it
must be cheap; `create` raises `MissingResource` with the line that installs what is missing. An engine that must not be
loaded once for each core, because it works on a GPU, says by an attribute `jobs` how often.
`infinitedance_cli.stages.imitate.conformance` checks what every engine must keep.
"""
