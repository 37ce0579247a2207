"""AlbMutualTls in a program of one's own, beside other resources."""

import pulumi
import pulumi_tls as tls

from alb_mutual_tls import AlbMtls, AlbMutualTls, AlbMutualTlsArgs, ClientArgs, ListenerArgs

config = pulumi.Config()
declares_albconfig = config.require_bool("declareAlbConfig")
place = AlbMtls("albmtls", config.require_object("provider"))

# A client whose key another resource makes: the component gets the request alone.
key = tls.PrivateKey("partner", algorithm="ECDSA", ecdsa_curve="P256")
request = tls.CertRequest(
    "partner",
    private_key_pem=key.private_key_pem,
    subject=tls.CertRequestSubjectArgs(common_name="partner"),
)

mutual_tls = AlbMutualTls(
    "mtls",
    AlbMutualTlsArgs(
        ca_enabled=config.require_bool("caEnabled"),
        # An AlbConfig of this program carries the two fields itself, below.
        listeners={} if declares_albconfig else {"https": ListenerArgs(alb_config="alb", port=443)},
        clients={
            "partner": ClientArgs(csr=request.cert_request_pem),
            "shop": ClientArgs(validity_days=30),
        },
        deletion_protection=config.get_bool("deletionProtection", True),
    ),
    pulumi.ResourceOptions(providers=[place]),
)

if declares_albconfig:
    from pulumi_kubernetes.apiextensions import CustomResource

    listener = {
        "port": 443,
        "protocol": "HTTPS",
        "certificates": [{"CertificateId": config.require("serverCertificateId"), "IsDefault": True}],
        **mutual_tls.listener_fields,
    }
    CustomResource(
        "alb",
        api_version="alibabacloud.com/v1",
        kind="AlbConfig",
        metadata={"name": "alb"},
        spec={"config": {"name": "alb", "addressType": "Internet"}, "listeners": [listener]},
    )

pulumi.export("caCertificateId", mutual_tls.ca_certificate_id)
pulumi.export("clientCertificates", mutual_tls.client_certificates)
pulumi.export("clientPrivateKeys", mutual_tls.client_private_keys)
