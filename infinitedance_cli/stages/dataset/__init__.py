"""Data sets of clips: shards, figures, splits, checks, cards and imports of published sets."""
