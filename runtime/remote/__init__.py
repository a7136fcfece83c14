"""What workers are told, and what they answer (PROTOCOL 12)."""
