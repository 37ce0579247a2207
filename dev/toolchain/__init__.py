"""The engine and control plane where they cannot be downloaded."""
