"""App, Task, sending, and what is current."""
