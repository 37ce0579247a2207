"""The stack's configuration."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pulumi
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Construction
from alb_mutual_tls.provider.__main__ import AlbMtls
from alb_mutual_tls.tokens import PACKAGED_COMPONENT
from alb_mutual_tls.wire import UNKNOWN
from components.arguments import AlbMutualTlsArgs
from components.models import ClientArgs, ClientSecretArgs
from components.packaged_arguments import checked
from components.settings import parse
from tests.unit.errors.case import Case
from tests.unit.pki.material import authority, key_pem, pem, request


def own(**keys: Any) -> Case:
    """Keys of the project's namespace: text as it is, everything else as the engine hands objects
    over.
    """
    values = {
        f"alb-mutual-tls:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in keys.items()
    }
    return lambda _: parse({"alicloud:region": "cn-hangzhou", **values})


def others(key: str, value: str) -> Case:
    """A key of another provider's namespace."""
    return lambda _: parse({"alicloud:region": "cn-hangzhou", key: value})


def _no_region(_: Path) -> object:
    return parse({})


def _of_another_project(_: Path) -> object:
    return parse({"alicloud:region": "cn-hangzhou", "mine:caEnabled": "true"}, project="mine")


def _listener(**fields: Any) -> Case:
    return own(listeners={"https": {"albConfig": "alb", "port": 443, **fields}})


def _fleet(**group: Any) -> Case:
    return own(clientGroups={"fleet": group})


def _names_file(content: bytes) -> Case:
    """A file of names with this content."""

    def case(directory: Path) -> object:
        file = directory / "names.txt"
        file.write_bytes(content)
        return _fleet(namesFile=str(file))(directory)

    return case


def _no_kubernetes(_: Path) -> object:
    """What a program of one's own meets that gives the component no provider of Kubernetes."""
    from components.client_secret import deliver

    component: Any = types.SimpleNamespace(get_provider=lambda _: None)
    identity: Any = "0a1b2c3d"
    secret = ClientSecretArgs(namespace="shop", name="web")
    args = AlbMutualTlsArgs(clients={"web": ClientArgs(secret=secret)})
    try:
        deliver("tls", args, {}, [], identity, component, after=[])
    except pulumi.RunError as error:
        return [str(error)]
    return []


def _computed(_: Path) -> object:
    try:
        checked({"listeners": {"https": {"albConfig": UNKNOWN, "port": 443}}})
    except UserError as error:
        return str(error).split("\n")[1:]
    return []


def _another_component(_: Path) -> object:
    from components.construct import construct

    request = types.SimpleNamespace(type="albmtls:index:AlbTls")
    return construct(request, {}, frozenset(), engine=None, provider={})


def _without_components(_: Path) -> object:
    message = types.SimpleNamespace(type=PACKAGED_COMPONENT)
    return AlbMtls().construct(Construction(message, {}, frozenset(), None))


def _file(content: bytes) -> Case:
    """A client whose request is a file with this content."""

    def case(directory: Path) -> object:
        (directory / "client.csr").write_bytes(content)
        return own(clients={"web": {"csr": str(directory / "client.csr")}})(directory)

    return case


_SAME = {"commonName": "Root"}
_ROOT = authority("corporate root")
_LIMITED = authority(
    "limited",
    constraints=x509.BasicConstraints(True, 0),
    more=[x509.NameConstraints([x509.UniformResourceIdentifier("example.com")], None)],
)
_KEY = key_pem(_ROOT.private_key)
_BROUGHT: dict[str, Any] = {"corp": {"certificate": pem(_ROOT.certificate)}}

CASES: dict[str, Case] = {
    "a key that is none": own(surprise="true"),
    "a key that is nearly one": own(caEnable="true"),
    "a key of a project with another name": _of_another_project,
    "a field that is none": own(clients={"web": {"surprise": 3}}),
    "a field that is nearly one": own(clients={"web": {"validityDay": 3}}),
    "a number for text": own(authorities={"corp": {"caCertificateId": 15683209}}),
    "a number for the text of a role": others("alicloud:assumeRole", '{"roleArn": "r", "sessionName": 7}'),
    "a template that was not filled in": _listener(albConfig="<name of the AlbConfig>"),
    "a listener without port": own(listeners={"https": {"albConfig": "alb"}}),
    "a boolean that is none": own(caEnabled="yes"),
    "a number that is none": own(awaitTimeoutSeconds="soon"),
    "an empty text": own(repository=""),
    "an empty field": _listener(albConfig=""),
    "a number in quotes": _listener(port="443"),
    "a port that is too low": _listener(port=0),
    "a port that is too high": _listener(port=65536),
    "a name that is too long": _listener(albConfig="a" * 254),
    "a field that the schema refuses otherwise": _listener(albConfig="\ud800"),
    "text for an object": own(clients="web"),
    "a list for an object": own(clients="[1]"),
    "a list that is cut off": others("alicloud:endpoints", "["),
    "a list of numbers": others("alicloud:endpoints", "[1]"),
    "a name of a listener": own(listeners={"-": {"albConfig": "alb", "port": 443}}),
    "a key algorithm": own(authorities={"root": {"keyAlgorithm": "RSA-1024"}}),
    "a path": _listener(verify={"path": "healthz"}),
    "two authorities": own(authorities={"a": {}, "b": {}}),
    "an authority that is none": own(trustedAuthority="other"),
    "one listener twice": own(
        listeners={"a": {"albConfig": "alb", "port": 443}, "b": {"albConfig": "alb", "port": 443}}
    ),
    "a group without names": _fleet(),
    "a group with a common name": _fleet(names=["a"], subject={"commonName": "a"}),
    "a group of none": _fleet(names=[]),
    "a group of too many": _fleet(names=[f"n{number}" for number in range(10_001)]),
    "names alike": _fleet(names=["a", "A"]),
    "names that are not there": _fleet(namesFile="missing.txt"),
    "too large a file of names": _names_file(b"#" * 1_000_001),
    "names in Latin-1": _names_file("Müller".encode("latin-1")),
    "clients alike": own(clients={"web": {}, "WEB": {}}),
    "authorities alike": own(
        authorities={"a": {"subject": _SAME}, "b": {"subject": _SAME}},
        issuingAuthority="a",
        trustedAuthority="a",
    ),
    "a client like its authority": own(
        authorities={"a": {"subject": {**_SAME, "organizationName": "o"}}},
        clients={"web": {"subject": {**_SAME, "organizationName": "o"}}},
    ),
    "a key algorithm beside a request": own(clients={"web": {"csr": request(), "keyAlgorithm": "RSA-2048"}}),
    "a key in place of a request": own(clients={"web": {"csr": _KEY}}),
    "a request that is not there": own(clients={"web": {"csr": "no/such.csr"}}),
    "a request that is too large": _file(b"x" * 100_001),
    "a request in the stack file that is too large": own(
        clients={"web": {"csr": "-----BEGIN CERTIFICATE-----" + " " * 100_000}}
    ),
    "a request in DER": _file(b"\x30\x82"),
    "an authority that is brought and in CAS": own(
        authorities={"corp": {**_BROUGHT["corp"], "caCertificateId": "1"}}
    ),
    "a validity of a brought authority": own(authorities={"corp": {**_BROUGHT["corp"], "validityDays": 3}}),
    "a brought certificate that is none": own(authorities={"corp": {"certificate": "-----BEGIN X-----"}}),
    "one CA certificate twice": own(
        authorities={name: {"caCertificateId": "1"} for name in "ab"},
        issuingAuthority="a",
        trustedAuthority="a",
    ),
    "a client like a brought authority": own(
        authorities=_BROUGHT,
        authorityPrivateKeys={"corp": _KEY},
        clients={"web": {"subject": {"commonName": "Corporate Root"}}},
    ),
    "a key of no authority": own(authorityPrivateKeys={"rot": _KEY}),
    "a key of a generated authority": own(authorityPrivateKeys={"root": _KEY}),
    "no key to sign with": own(authorities=_BROUGHT, clients={"web": {}}),
    "no key to rotate with": own(
        authorities={**_BROUGHT, "new": {}},
        trustedAuthority="corp",
        issuingAuthority="new",
        clients={"web": {}},
    ),
    "a name that a brought authority does not allow": own(
        authorities={"corp": {"certificate": pem(_LIMITED.certificate)}},
        authorityPrivateKeys={"corp": key_pem(_LIMITED.private_key)},
        clients={"web": {"uris": ["urn:x"]}},
    ),
    "a path length that is too short to rotate": own(
        authorities={"corp": {"certificate": pem(_LIMITED.certificate)}, "new": {}},
        authorityPrivateKeys={"corp": key_pem(_LIMITED.private_key)},
        trustedAuthority="corp",
        issuingAuthority="new",
        clients={"web": {"uris": ["spiffe://example.com/web"]}},
    ),
    "a key without a name": own(authorityPrivateKeys=_KEY),
    "no region": _no_region,
    "a key of alicloud": others("alicloud:sourceIp", "10.0.0.1"),
    "a token": others("alicloud:securityToken", "t"),
    "a key of kubernetes": others("kubernetes:cluster", "c"),
    "a kubeconfig's content": others("kubernetes:kubeconfig", "apiVersion: v1\nkind: Config\n"),
    "an endpoint of another product": others("alicloud:endpoints", '{"ecs": "ecs.aliyuncs.com"}'),
    "a URL for an endpoint": others("alicloud:endpoints", '{"cas": "https://cas.aliyuncs.com"}'),
    "a field of a role": others("alicloud:assumeRole", '{"roleArn": "r", "mfa": "1"}'),
    "seconds that are none": others("alicloud:assumeRole", '{"roleArn": "r", "sessionExpiration": "1h"}'),
    "no provider of Kubernetes": _no_kubernetes,
    "an argument that is not known yet": _computed,
    "another component": _another_component,
    "a plugin without components": _without_components,
    "no role": others("alicloud:assumeRole", '{"sessionName": "s"}'),
}
