"""Scripts that measure this version; `nox -s bench` runs them all."""
