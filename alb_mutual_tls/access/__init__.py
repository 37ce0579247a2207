"""Where and as whom: provider configuration, credentials, cloud account and cluster."""
