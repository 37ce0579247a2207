// Makes go_x509.json, certificate requests as Go makes them: go run main.go > ../go_x509.json
//
// It calls crypto/x509 as hashicorp/terraform-provider-tls does. The keys are thrown away.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
)

func hash(b []byte) string {
	h := sha1.Sum([]byte(strings.TrimSpace(string(b))))
	return hex.EncodeToString(h[:])
}
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	out := map[string]any{}
	for name, curve := range map[string]elliptic.Curve{"RSA": nil, "P256": elliptic.P256(), "P384": elliptic.P384(), "P521": elliptic.P521()} {
		var k crypto.Signer
		var err error
		if curve == nil {
			k, err = rsa.GenerateKey(rand.Reader, 2048)
		} else {
			k, err = ecdsa.GenerateKey(curve, rand.Reader)
		}
		must(err)
		for place, commonName := range []string{"client", "杭州", "a_b", ""} {
			req := x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}
			der, err := x509.CreateCertificateRequest(rand.Reader, &req, k)
			must(err)
			key := name + " " + string(rune('0'+place))
			spki, _ := x509.MarshalPKIXPublicKey(k.Public())
			out[key] = map[string]string{"commonName": commonName, "request": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), "requestId": hash(der), "keyId": hash(spki)}
		}
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	must(e.Encode(out))
}
