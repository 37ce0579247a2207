"""Resource plugins that stand in for official ones that cannot be had.

They do so on the sandbox only.
"""
