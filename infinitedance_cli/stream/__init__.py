"""Motion clips on pipes and in files: the only package that opens HDF5.

On a pipe, and in an `.h5` file of ours, clips are complete HDF5 images back to back. `schema` names what a clip
holds, `tree` turns HDF5 images into plain records, `codec` turns those into clips, `framing` finds where one image
ends and the next begins, `ports` reads and writes paths and `-`, `dance_pieces` joins dances that come in pieces,
`index` finds one clip in a large file. `shards` and `shard_writer` keep many clips in a folder of few files, with an
index of what each clip is (`shard_index`, `facts`).
"""
