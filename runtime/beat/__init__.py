"""Periodic tasks: what is to be sent when, and the process that sends it."""
