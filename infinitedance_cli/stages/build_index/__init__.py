"""`idance build-index`: the index that the choreographer takes its references from."""
