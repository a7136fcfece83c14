"""What this worker says of itself and of its tasks, and hears of others (PROTOCOL 13)."""
