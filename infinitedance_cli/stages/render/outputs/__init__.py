"""What is written: one module per kind of output."""
