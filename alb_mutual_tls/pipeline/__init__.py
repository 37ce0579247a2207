"""What pipelines run: the engine without a terminal, and its summaries.

A summary says in words what the engine did or would do. The scripts in `ci/` start these commands.
"""
