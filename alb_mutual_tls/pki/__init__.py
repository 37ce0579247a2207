"""Pure X.509: no Pulumi, no network."""
