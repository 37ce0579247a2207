"""CAS (Certificate Management Service): repositories and their certificates.

The API version is 2020-04-07. Of 2020-06-30 there are the CAs of its private CA service.

Covered is what the program asks for: CreateWarehouse, DeleteWarehouse, ListCertWarehouse,
UploadPCACert, DeletePCACert, ListCert, DescribeWarehouseCert; of 2020-06-30 DescribeCACertificate.
Sources: `facts/alibaba.md` A of the project's notes and
https://www.alibabacloud.com/help/en/ssl-certificate/developer-reference/api-cas-2020-04-07-overview.

What nobody has documented is decided here, on the strict side. DeleteWarehouse of a repository that
is not empty is refused. So is DeletePCACert of a certificate that an ALB listener names. Error
codes of "does not exist" and "is in use" are made up. Content comes back as the bare PEM blocks, so
whoever compares content has to compare certificates, not texts. A certificate uploaded twice gets
two identifiers. DescribeWarehouseCert does not know CAs of the private CA service, and
DescribeCACertificate does not know uploads; ALB knows both.
"""

from __future__ import annotations

import secrets
import string
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from dev.sandbox.cloud import pages, pem
from dev.sandbox.cloud.errors import ApiError, invalid, not_covered, not_found
from dev.sandbox.cloud.parameters import Parameter, Values, uncovered
from dev.sandbox.cloud.store import Store

LISTED_TYPES: Final = {
    "uploadedAuthorityCertificate": "uploadCA",
    "uploadedCertificate": "uploadPCA",
    "pcaCertificate": "aliyunPCA",
}
"""What CreateWarehouse calls a type -> what ListCertWarehouse calls it."""

_CREATED_TYPES: Final = (*LISTED_TYPES, "personal", "ssl", "pcaAuthorityCertificate")
_LETTERS: Final = string.ascii_letters + string.digits
_FIRST_ID: Final = 10_000_000_019
"""Beyond 32 bits, because a WhId is a long."""

PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    "CreateWarehouse": (Parameter("Name"), Parameter("Type", values=_CREATED_TYPES), *uncovered("Biz")),
    "DeleteWarehouse": (Parameter("WarehouseInstanceId", required=True),),
    "ListCertWarehouse": (
        Parameter("InstanceId"),
        Parameter("Name"),
        Parameter("Type", values=tuple(LISTED_TYPES.values())),
        *pages.BY_NUMBER,
    ),
    "UploadPCACert": (
        Parameter("WarehouseId", "integer", required=True, minimum=1),
        Parameter("Cert", required=True),
        Parameter("Name"),
        *uncovered("PrivateKey"),
    ),
    "DeletePCACert": (Parameter("Identifier", required=True),),
    "ListCert": (
        Parameter("KeyWord"),
        Parameter("WarehouseId", "integer", minimum=1),
        Parameter("Status", values=("ISSUE", "REVOKE")),
        Parameter("SourceType", values=("upload", "aliyun")),
        Parameter("CertType", values=("CA", "CERT")),
        Parameter("Identifiers"),
        *pages.BY_NUMBER,
    ),
    "DescribeWarehouseCert": (Parameter("CertIdentifier", required=True),),
}

PRIVATE_CA_VERSION: Final = "2020-06-30"
PRIVATE_CA_PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    "DescribeCACertificate": (Parameter("Identifier"),)
}


class CertificateRepositories:
    """All repositories of the account with their certificates, on disk.

    Args:
        file: where they are kept.
        in_use: tells which ALB listeners (as text) name a certificate; decides about DeletePCACert.
    """

    def __init__(self, file: Path, in_use: Callable[[str], list[str]]) -> None:
        self.store = Store(
            file, {"nextId": _FIRST_ID, "warehouses": [], "certificates": [], "privateCas": {}}
        )
        self._in_use = in_use

    def ca_pem(self, identifier: str) -> str | None:
        """Return the content of a CA certificate that ALB may use.

        It is one in a repository of type uploadCA, or of the private CA service. None if there is
        none.
        """
        with self.store.reading() as content:
            if identifier in content["privateCas"]:
                return str(content["privateCas"][identifier])
            types = {warehouse["WhId"]: warehouse["Type"] for warehouse in content["warehouses"]}
            for certificate in content["certificates"]:
                if (
                    certificate["Identifier"] == identifier
                    and certificate["CertType"] == "CA"
                    and types[certificate["WhId"]] == "uploadCA"
                ):
                    return str(certificate["Content"])
        return None

    def hold_private_ca(self, identifier: str, text: str) -> None:
        """Let the private CA service have a CA, as if it had been bought and made there.

        Args:
            text: PEM, the certificate first, then the issuer of each.
        """
        certificate = pem.read(text)
        with self.store.changing() as content:
            content["privateCas"][identifier] = certificate.pem

    def describe_ca_certificate(self, values: Values) -> dict[str, Any]:
        if "Identifier" not in values:
            raise not_covered("DescribeCACertificate without Identifier")
        identifier = str(values["Identifier"])
        with self.store.reading() as content:
            text = content["privateCas"].get(identifier)
        if text is None:
            raise not_found("CACertificate", identifier)
        certificate = pem.read(text)
        described = certificate.describe()
        fields = {
            name: described[name]
            for name in ("CommonName", "Algorithm", "SignAlgorithm", "BeforeDate", "AfterDate")
        }
        return {
            "Certificate": {
                **fields,
                "Identifier": identifier,
                "SerialNumber": described["SerialNo"],
                "CertificateType": "SUB_ROOT" if len(certificate.chain) > 1 else "ROOT",
                "IssuerType": "local",
                "Status": "ISSUE",
                "X509Certificate": certificate.leaf.public_bytes(Encoding.PEM).decode(),
                "CaCertChain": certificate.pem,
            },
            "Years": (
                (certificate.leaf.not_valid_after_utc - certificate.leaf.not_valid_before_utc).days // 365
            ),
        }

    def create_warehouse(self, values: Values) -> dict[str, Any]:
        for name in ("Name", "Type"):
            if name not in values:
                raise not_covered(f"CreateWarehouse without {name}")
        if values["Type"] not in LISTED_TYPES:
            raise not_covered(f"repositories of type {values['Type']}")
        with self.store.changing() as content:
            # WhId and instance id have nothing to do with each other, as in reality: one has to be
            # looked up by the other.
            identity = content["nextId"] + secrets.randbelow(900) + 1
            content["nextId"] = identity
            instance = "cas-wh-" + "".join(secrets.choice(_LETTERS) for _ in range(6))
            content["warehouses"].append(
                {
                    "WhId": identity,
                    "InstanceId": instance,
                    "Name": values["Name"],
                    "Type": LISTED_TYPES[str(values["Type"])],
                }
            )
        return {"WarehouseInstanceId": instance}

    def delete_warehouse(self, values: Values) -> dict[str, Any]:
        instance = str(values["WarehouseInstanceId"])
        with self.store.changing() as content:
            found = _find(content, "Warehouse", "InstanceId", instance)
            if any(certificate["WhId"] == found["WhId"] for certificate in content["certificates"]):
                raise ApiError(
                    409, "Warehouse.NotEmpty", f"The warehouse {instance} still holds certificates."
                )
            content["warehouses"].remove(found)
        return {}

    def list_cert_warehouse(self, values: Values) -> dict[str, Any]:
        with self.store.reading() as content:
            found = [
                {**warehouse, "IsExpired": False, "Qps": 10}
                for warehouse in reversed(content["warehouses"])
                if values.get("InstanceId", warehouse["InstanceId"]) == warehouse["InstanceId"]
                and str(values.get("Name", "")).lower() in warehouse["Name"].lower()
                and values.get("Type", warehouse["Type"]) == warehouse["Type"]
            ]
        return pages.by_number(values, found, "CertWarehouseList")

    def upload_pca_cert(self, values: Values) -> dict[str, Any]:
        certificate = pem.read(str(values["Cert"]))
        with self.store.changing() as content:
            warehouse = _find(content, "Warehouse", "WhId", values["WarehouseId"])
            if warehouse["Type"] == "aliyunPCA":
                raise not_covered("uploads into a repository of Alibaba's private CA")
            if warehouse["Type"] == "uploadCA" and not certificate.is_ca:
                raise invalid("Cert", "it is not a CA certificate")
            # Both shapes are in the documentation's examples; whoever parses one of them fails on
            # the other.
            identifier = (
                str(uuid.uuid1(node=secrets.randbits(48))) if secrets.randbelow(2) else secrets.token_hex(16)
            )
            content["certificates"].append(
                {
                    "Identifier": identifier,
                    "WhId": warehouse["WhId"],
                    "WhInstanceId": warehouse["InstanceId"],
                    "Name": values.get("Name", ""),
                    "CertType": "CA" if certificate.is_ca else "CERT",
                    "Content": certificate.pem,
                }
            )
        return {"Identifier": identifier}

    def delete_pca_cert(self, values: Values) -> dict[str, Any]:
        identifier = str(values["Identifier"])
        with self.store.changing() as content:
            found = _find(content, "Certificate", "Identifier", identifier)
            users = self._in_use(identifier)
            if users:
                raise ApiError(
                    409, "Certificate.InUse", f"The certificate {identifier} is used by {', '.join(users)}."
                )
            content["certificates"].remove(found)
        return {}

    def list_cert(self, values: Values) -> dict[str, Any]:
        wanted = str(values["Identifiers"]).split(",") if "Identifiers" in values else None
        found = []
        with self.store.reading() as content:
            for one in reversed(content["certificates"]):
                described = pem.read(one["Content"]).describe()
                searched = f"{one['Name']}\n{described['CommonName']}\n{described['Sans']}".lower()
                if (
                    str(values.get("KeyWord", "")).lower() in searched
                    and values.get("WarehouseId", one["WhId"]) == one["WhId"]
                    and values.get("Status", "ISSUE") == "ISSUE"
                    and values.get("SourceType", "upload") == "upload"
                    and values.get("CertType", one["CertType"]) == one["CertType"]
                    and (wanted is None or one["Identifier"] in wanted)
                ):
                    listed = {name: one[name] for name in ("Identifier", "WhId", "WhInstanceId", "CertType")}
                    found.append(
                        {
                            **listed,
                            **described,
                            "Status": "ISSUE",
                            "SourceType": "upload",
                            "ExistPrivateKey": False,
                        }
                    )
        return pages.by_number(values, found, "CertList")

    def describe_warehouse_cert(self, values: Values) -> dict[str, Any]:
        identifier = str(values["CertIdentifier"])
        with self.store.reading() as content:
            found = _find(content, "Certificate", "Identifier", identifier)
            certificate = pem.read(found["Content"])
            described = certificate.describe()
            return {
                "CertIdentifier": identifier,
                "CertStatus": "ISSUE",
                "CertType": found["CertType"],
                "CommonName": described["CommonName"],
                "Issuer": described["Issuer"],
                "Content": found["Content"],
                "Fingerprint": certificate.fingerprint,
                "WarehouseInstanceId": found["WhInstanceId"],
            }

    def actions(self) -> dict[str, Callable[[Values], dict[str, Any]]]:
        """Action -> what carries it out."""
        return {
            "CreateWarehouse": self.create_warehouse,
            "DeleteWarehouse": self.delete_warehouse,
            "ListCertWarehouse": self.list_cert_warehouse,
            "UploadPCACert": self.upload_pca_cert,
            "DeletePCACert": self.delete_pca_cert,
            "ListCert": self.list_cert,
            "DescribeWarehouseCert": self.describe_warehouse_cert,
            "DescribeCACertificate": self.describe_ca_certificate,
        }


def _find(content: dict[str, Any], kind: str, key: str, value: object) -> dict[str, Any]:
    """The repository or certificate; raises ApiError when there is none."""
    for item in content[f"{kind.lower()}s"]:
        if item[key] == value:
            found: dict[str, Any] = item
            return found
    raise not_found(kind, str(value))
