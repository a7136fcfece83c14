"""What is not ours and runs here all the same."""
