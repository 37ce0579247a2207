"""Where a stack works and as whom: keys, credentials, account and cluster."""
