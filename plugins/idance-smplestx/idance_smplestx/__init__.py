"""Capture by SMPLest-X, run as a worker from the user's own checkout."""
