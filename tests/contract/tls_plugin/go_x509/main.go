// Makes go_x509.json, certificates and requests as Go makes them: go run main.go > ../go_x509.json
//
// It calls crypto/x509 as hashicorp/terraform-provider-tls does. The keys are thrown away.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

func ski(pub crypto.PublicKey) []byte {
	var b []byte
	switch p := pub.(type) {
	case *rsa.PublicKey:
		b, _ = asn1.Marshal(*p)
	case *ecdsa.PublicKey:
		b = elliptic.Marshal(p.Curve, p.X, p.Y)
	case ed25519.PublicKey:
		b, _ = asn1.Marshal(p)
	}
	h := sha1.Sum(b)
	return h[:]
}
func p(t string, b []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: t, Bytes: b})) }
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
	now := time.Date(2026, 3, 16, 18, 32, 32, 577151145, time.UTC)
	full := pkix.Name{CommonName: "root", Organization: []string{"Example, Inc"}, OrganizationalUnit: []string{"R&D"}, StreetAddress: []string{"5879 Cotton Link", "2nd floor"},
		Locality: []string{"杭州"}, Province: []string{"Zhejiang"}, Country: []string{"china"}, PostalCode: []string{"95559-1227"}, SerialNumber: "no_2",
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("ca@example.com")}}}}
	uri, _ := url.Parse("spiffe://example/ca")
	out := map[string]any{}

	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	root := x509.Certificate{BasicConstraintsValid: true, Subject: full, NotBefore: now, NotAfter: now.Add(87600 * time.Hour), SerialNumber: big.NewInt(0).Lsh(big.NewInt(5), 100),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, SubjectKeyId: ski(&rk.PublicKey), MaxPathLen: 2}
	root.AuthorityKeyId = root.SubjectKeyId
	der, err := x509.CreateCertificate(rand.Reader, &root, &root, &rk.PublicKey, rk)
	must(err)
	out["root"] = p("CERTIFICATE", der)
	parent, _ := x509.ParseCertificate(der)

	_, ek, _ := ed25519.GenerateKey(rand.Reader)
	odd := x509.Certificate{BasicConstraintsValid: true, NotBefore: now, NotAfter: now.Add(876000 * time.Hour), SerialNumber: big.NewInt(255),
		KeyUsage: x509.KeyUsageDecipherOnly | x509.KeyUsageDigitalSignature | x509.KeyUsageEncipherOnly, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny, x509.ExtKeyUsageMicrosoftServerGatedCrypto},
		SubjectKeyId: ski(ek.Public()), DNSNames: []string{"example.com", "*.example.net"}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("::1"), net.ParseIP("::ffff:10.0.0.1")}, URIs: []*url.URL{uri}}
	der, err = x509.CreateCertificate(rand.Reader, &odd, &odd, ek.Public(), ek)
	must(err)
	out["odd"] = p("CERTIFICATE", der)

	for name, curve := range map[string]elliptic.Curve{"P224": elliptic.P224(), "P256": elliptic.P256(), "P521": elliptic.P521()} {
		k, _ := ecdsa.GenerateKey(curve, rand.Reader)
		req := x509.CertificateRequest{Subject: full, DNSNames: []string{"client.example.com"}, URIs: []*url.URL{uri}, IPAddresses: []net.IP{net.ParseIP("10.0.0.1")}}
		der, err = x509.CreateCertificateRequest(rand.Reader, &req, k)
		must(err)
		out["request"+name] = p("CERTIFICATE REQUEST", der)
		out["requestId"+name] = hash(der)
		spki, _ := x509.MarshalPKIXPublicKey(&k.PublicKey)
		out["keyId"+name] = hash(spki)
		csr, _ := x509.ParseCertificateRequest(der)
		leaf := x509.Certificate{Subject: csr.Subject, DNSNames: csr.DNSNames, IPAddresses: csr.IPAddresses, URIs: csr.URIs, BasicConstraintsValid: true, NotBefore: now, NotAfter: now.Add(2160 * time.Hour), SerialNumber: big.NewInt(7),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
		der, err = x509.CreateCertificate(rand.Reader, &leaf, parent, csr.PublicKey, rk)
		must(err)
		out["leaf"+name] = p("CERTIFICATE", der)
	}
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	e.Encode(out)
}
