"""Protocol 2 messages and the serialisers of their bodies."""
