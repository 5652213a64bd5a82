"""Motion files of other programs: one module per format, found by listing this folder (plug-in kind "format").

A format module, here or behind an entry point of the group `idance.format`, has

`EXTENSIONS: tuple[str, ...]`
    Lower-case file name endings with the dot, such as `(".bvh",)`. A longer ending wins: `.264.npy` before `.npy`.
`DESCRIPTION: str`
    One line for the list of formats.
`read(path: Path) -> Iterator[MotionClip]` (formats that can be read)
    The clips of one file. Raises BadInput, one line that names the path, when the file is not what it claims to be.
`matches(path: Path) -> bool` (when several formats share an extension)
    True when the content is of this format, from a look at keys or shapes; it never raises on foreign content. Among
    the readable formats with the longest fitting ending, those with `matches` are asked in the order of their names;
    one without `matches` is taken when none says yes.
`write(clip: MotionClip, file: BinaryIO) -> None` (formats that can be written)
    One clip into a new binary file. Only one format may write an ending. Raises BadInput when the clip cannot be held
    by the format.
`READ_EXTENSIONS: tuple[str, ...]` (optional)
    Endings that are read; `EXTENSIONS` when it is missing.
`HOLDS_MANY: bool` (optional)
    True when a file takes several clips, by calling `write` for each on the same file.

Importing a format module must stay light: libraries such as pygltflib are imported inside the functions that use them.
Names that start with `_` and modules without `EXTENSIONS` are shared helpers, not formats. What picks the format for a
path, opens temporary files and renames them is `infinitedance_cli.stream`.
"""
