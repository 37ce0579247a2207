"""The plugin `tls`, which stands in for pulumi-tls 5.6.2.

It does so where that cannot be had, and serves nothing but the sandbox.

It serves what the program declares, with the state that the real plugin would have made, so that
the real plugin can go on with it without a diff: PrivateKey, and CertRequest with a key and a
common name. States of earlier versions hold a SelfSignedCert, which is read and deleted. Everything
else is refused.

Known, from the sources of hashicorp/terraform-provider-tls (internal/provider), of
pulumi-terraform-bridge (pkg/pf/tfbridge) and from the stack states recorded in pulumi/pulumi-tls
(examples/testdata, provider/testdata):

- Ids: SHA-1 of the key's or the request's DER (with white space at its ends trimmed, as Go does
  it).
- The state holds inputs, defaults, outputs and `id`; null properties are absent; PrivateKey has
  `__meta` with schema version 1. The bridge of this provider (Plugin Framework) neither writes nor
  reads `__defaults`; a `__defaults` found is ignored.
- Every input forces replacement. A refresh marks a certificate that is due, and removes nothing.
- Keys and requests have the form that Go's crypto/x509 gives them, byte for byte apart from random
  values.

The stand-in differs from the real plugin in two points. What the real one would refuse in an update
(a PEM that cannot be parsed) is refused in the preview already, in other words. A changed PEM
always replaces here; the real one updates in place, without issuing anew, when the old text was not
strict PEM.
"""
