"""What workers and clients say of themselves and of tasks, for whoever listens (PROTOCOL 13)."""
