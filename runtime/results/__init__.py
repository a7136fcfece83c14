"""Stored results: their documents, their keys, and who waits for them."""
