"""`idance restore-feet`: give root and legs their ground back."""
