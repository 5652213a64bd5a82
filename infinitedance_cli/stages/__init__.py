"""One folder per command: what it does (`stage.py`), its settings (`config.py`) and its command line (`command.py`)."""
