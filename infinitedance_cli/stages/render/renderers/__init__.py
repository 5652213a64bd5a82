"""Ways to draw a clip: one module per style, found by listing this folder (plug-in kind "renderer").

A renderer module, here or behind an entry point of the group `idance.renderer`, has

`DESCRIPTION: str`
    One line for the list of styles.
`figure(clip: MotionClip, files: Path | None) -> Figure`
    The mesh that stands for the dancer of this clip and the joints that carry it; see `infinitedance_cli.stages.
    render.figure`. `files` is where the user keeps licensed body models, None when nothing was said. Raises BadInput
    when the clip cannot be drawn this way, MissingResource when files are missing; each says what to do.
"""
