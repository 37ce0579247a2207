"""The Pulumi protocol: what serves a resource provider, whichever it is."""
