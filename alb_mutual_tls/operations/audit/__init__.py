"""`mtls audit`: every listener of a cluster, and how to adopt one."""
