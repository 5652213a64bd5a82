"""Capture by NVIDIA GEM-X, run as a worker from the user's own checkout."""
