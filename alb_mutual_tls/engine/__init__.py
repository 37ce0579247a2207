"""Pulumi as a program: how it is started, what it reports, why it fails."""
