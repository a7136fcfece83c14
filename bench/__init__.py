"""Measurements. `python -m bench.compare` is the one that counts, `python -m bench.pools` compares the pools;
the others look at this project only."""
