"""What a stack declares."""
