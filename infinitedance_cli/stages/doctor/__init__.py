"""`idance doctor`: what is installed, what is missing, and the line that brings it."""
