"""The resource provider `albmtls`: one handler per resource type."""
