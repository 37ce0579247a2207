"""The plugin `tls`: stands in for pulumi-tls 5.6.2 where that cannot be had, and serves nothing but
the sandbox.

It makes the four resource types a program can declare (PrivateKey, SelfSignedCert, CertRequest,
LocallySignedCert; no functions) with the state that the real plugin would have made, so that the
real plugin can go on with it without a diff.

Known, from the sources of hashicorp/terraform-provider-tls (internal/provider), of
pulumi-terraform-bridge (pkg/pf/tfbridge) and from the stack states recorded in pulumi/pulumi-tls
(examples/testdata, provider/testdata):

- Ids: SHA-1 of the key's or the request's DER (with white space at its ends trimmed, as Go does
  it), a certificate's serial number in decimal.
- The state holds inputs, defaults, outputs and `id`; null properties are absent; PrivateKey has
  `__meta` with schema version 1, the others have none. The bridge of this provider (Plugin
  Framework) neither writes nor reads `__defaults`; a `__defaults` found is ignored.
- Every input forces replacement except `earlyRenewalHours`; a certificate that is due shows as
  replacement by `readyForRenewal`. Reading an expired certificate marks it `readyForRenewal`, it is
  not removed from state.
- Keys and certificates have the form that Go's crypto/x509 gives them, byte for byte apart from
  random values.

Not known, or other than the real plugin:

- The order of names in a subject is that of Go 1.26; Go up to 1.25 wrote O and OU before L and ST.
  Which of them built 5.6.2 is not known.
- `maxPathLength: 0` becomes `pathlen:0`; sources of 4.x that could be read leave it out of the
  certificate.
- What the real plugin would refuse in an update (a PEM that cannot be parsed, a CA key of another
  CA) is refused in the preview already, in other words. URIs must be printable ASCII, where Go
  would escape them.
- A changed PEM always replaces; the real plugin updates in place without issuing anew when the old
  text was no strict PEM.
"""
