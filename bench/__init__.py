"""Measurements. `python -m bench.compare` is the one that counts; the others look at this project only."""
