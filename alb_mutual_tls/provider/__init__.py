"""The resource provider `albmtls`: the Pulumi protocol, and one handler per resource."""
