"""`idance generate`: a song in, a dance out."""
