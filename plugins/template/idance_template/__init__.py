"""A small complete idance plug-in."""
