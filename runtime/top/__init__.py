"""`runtime top`: workers and tasks in a terminal, as they are now."""
