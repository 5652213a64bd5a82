"""`idance imitate`: a simulated body does the dance, so that what comes out is physically possible."""
