"""Moves messages between queues and the care of a worker; `brokers.interface` says what that means."""
