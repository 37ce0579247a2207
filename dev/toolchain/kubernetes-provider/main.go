// The Pulumi plugin `kubernetes` out of pulumi-kubernetes' own module, around its exported Serve.
// For `make oracle` alone (docs/oracle.md), which makes the two documents that are embedded beside it.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema-embed.json
var schema []byte

//go:embed terraform-mapping-embed.json
var mapping []byte

func main() { provider.Serve("kubernetes", version.Version, schema, mapping) }
