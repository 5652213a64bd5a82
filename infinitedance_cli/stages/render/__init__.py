"""`idance render`: motion as video, contact sheet or the control pictures of video models."""
