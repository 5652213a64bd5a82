"""The published InfiniteDance model: its files, its sampler, its windows over a song. Facts only; no code of theirs."""
