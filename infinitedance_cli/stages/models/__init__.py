"""`idance models`: what is fetched from elsewhere, where it lies and what its licences ask."""
