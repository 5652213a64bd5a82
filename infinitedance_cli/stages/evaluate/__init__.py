"""Figures of merit of generated and captured dance."""
