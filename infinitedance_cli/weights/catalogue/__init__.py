"""Models that can be fetched, plug-ins of the kind "weights", found by listing this folder or as entry points
`idance.weights`.

Each is a module with `SOURCE`, a `ModelSource` whose name is the plug-in's name. Importing it must be cheap.
"""
