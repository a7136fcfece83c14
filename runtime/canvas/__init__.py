"""Work-flows as data: signatures."""
