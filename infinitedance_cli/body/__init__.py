"""Bodies: meshes that a skeleton moves."""
