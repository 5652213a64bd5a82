"""A small studio in numpy: drums, tones, effects, and what a style plays on them. See `music.compose`."""
