"""Published data sets: one module per layout, each telling which recordings a folder holds.

A layout module has `NAME`, `DESCRIPTION`, `LICENCE`, `CREDIT` and

`recordings(folder: Path, options: LayoutOptions) -> list[Recording]`
    The recordings of a folder as it is published, in order. Raises BadInput when it is not laid out like that.
"""
