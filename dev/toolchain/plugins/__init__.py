"""Resource plugins that stand in, on the sandbox only, for official ones that cannot be had."""
