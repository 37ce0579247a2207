"""Pulumi's mocks of an engine, and the component declared on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from tests.unit.pki.material import authority, key_pem, pem, subordinate

IDENTITY = "0a1b2c3d"


IN_CAS = pem(authority("in CAS").certificate)


LISTENER = "albmtls:index:ListenerClientAuthentication"


SIGNED = "albmtls:index:SignedCertificate"


RECORD = "albmtls:index:IssuedCertificates"


UPLOAD = "albmtls:index:CaCertificate"


CLUSTER = "albmtls:index:ClusterIdentity"


PLACE = "albmtls:index:SecretPlace"


SECRET = "kubernetes:core/v1:Secret"


REPOSITORY = Path(__file__).resolve().parents[2]


class Engine(Mocks):
    """Records what is registered, and answers as the providers would."""

    signed_before: ClassVar[set[str]] = set()
    """The cross certificates that are in the state already."""

    def __init__(self) -> None:
        self.resources: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(args)
        computed: dict[str, dict[str, Any]] = {
            "albmtls:index:StackIdentity": {"identity": IDENTITY},
            CLUSTER: {"uid": "uid of the cluster"},
            "albmtls:index:CertificateRepository": {"warehouseId": "1000"},
            UPLOAD: {"caCertificateId": f"id-of-{args.name}"},
            "albmtls:index:ExistingCaCertificate": {"certificatePem": IN_CAS},
            SIGNED: {"certificatePem": f"certificate of {args.name}\n"},
            "tls:index/privateKey:PrivateKey": {
                "privateKeyPem": f"key of {args.name}",
                "publicKeyPem": f"public key of {args.name}",
            },
            RECORD: {
                f"client:{client}": {
                    "certificatePem": f"certificate of mtls-client-{client}\n",
                    "notAfter": "2027-02-21T00:00:00Z",
                }
                for client in args.inputs.get("clients", {})
            }
            | {
                f"group:{group}": {
                    name: {"certificatePem": f"certificate of {name}\n", "notAfter": "2027-02-21T00:00:00Z"}
                    for name in wish["names"]
                }
                for group, wish in args.inputs.get("groups", {}).items()
            }
            | {"privateKeys": {"fleet/a": "key of a", "fleet/b": "key of b"}},
            "albmtls:index:AuthorityCertificate": {"certPem": f"certificate of {args.name}"},
        }
        if args.inputs.get("sign") is False and args.name not in self.signed_before:
            computed[SIGNED] = {"certificatePem": ""}
        return f"{args.name}-id", {**args.inputs, **computed.get(args.typ, {})}

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"the component calls no function, but it called {args.token}")

    def named(self, token: str) -> dict[str, MockResourceArgs]:
        return {resource.name: resource for resource in self.resources if resource.typ == token}


class Place(pulumi.ProviderResource):
    """A provider of Kubernetes that a program has made itself."""

    def __init__(self) -> None:
        super().__init__("kubernetes", "theirs")


def client_inputs(engine: Engine, client: str = "web") -> dict[str, Any]:
    """What the register is given for a client, with what signs it."""
    inputs = engine.named(RECORD)["mtls-issued"].inputs
    return {**inputs, **inputs["clients"][client]}


Declare = Callable[..., tuple[Engine, dict[str, Any]]]


def of_length(name: str, length: int) -> tuple[str, str]:
    """The chain of a brought authority with so many certificates, and the key of what signs."""
    made = [authority(f"root of {name}")]
    for level in range(1, length):
        made.insert(0, subordinate(made[0], f"{name} {level}"))
    return "".join(pem(one.certificate) for one in made), key_pem(made[0].private_key)
