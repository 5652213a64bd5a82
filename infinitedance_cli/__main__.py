"""`python -m infinitedance_cli` is `idance`."""

from infinitedance_cli.cli import main

main()
