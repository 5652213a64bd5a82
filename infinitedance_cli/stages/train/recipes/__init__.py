"""One recipe per network: what the loop trains, on which batches, and how it is measured."""
