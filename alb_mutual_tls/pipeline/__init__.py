"""What pipelines run: the engine without a terminal, and what it did or would do in words.

The scripts in `ci/` start it.
"""
