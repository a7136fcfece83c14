"""The worker's bootsteps. Each orders and wires only; a new one is one class and one line in `all.py`."""
