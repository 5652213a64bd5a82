"""Capture by GVHMR, run as a worker from the user's own checkout."""
