"""`idance tokenize`: motion to tokens and back."""
