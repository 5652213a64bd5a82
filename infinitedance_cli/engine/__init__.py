"""Runs one stage function over many inputs: here, in processes beside each other, or on a Ray cluster.

`inputs` are references (a clip of a shard, a file, a URL), a few dozen bytes each; whoever works on one reads it.
`task` is a stage that another process can load, and what a worker does with it. `schedule` gives inputs to workers, at
most a few ahead of the slowest, gives those of a worker that died to another, and puts answers back in the order of the
inputs; `processes` and `ray_actors` are the workers. `run` joins these. `outputs` and `source_folder` are where results
go: one process writes, each result once, and a rerun goes on.
"""
