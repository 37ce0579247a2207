"""What one can do with a deployed stack, one package for each capability."""
