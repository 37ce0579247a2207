"""The `mtls` command."""
