"""What is deployed: the stack's state, configuration and history."""
