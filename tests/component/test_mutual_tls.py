"""`AlbMutualTls` on Pulumi's mocks: which resources a configuration declares, under which names,
with which inputs.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

from alb_mutual_tls.pki import bundle
from components.arguments import AlbMutualTlsArgs
from components.models import AuthorityArgs, ClientArgs, ClientSecretArgs, ListenerArgs
from components.settings import parse
from tests.event_loops import event_loops
from tests.unit.pki.material import DAY, NOW, authority, key_pem, pem, subordinate

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
            SIGNED: {"certificatePem": f"certificate of {args.name}\n", "notAfter": "2027-02-21T00:00:00Z"},
            "tls:index/privateKey:PrivateKey": {"privateKeyPem": f"key of {args.name}"},
            "albmtls:index:AuthorityCertificate": {"certPem": f"certificate of {args.name}"},
            "tls:index/certRequest:CertRequest": {"certRequestPem": f"request of {args.name}"},
        }
        if args.inputs.get("sign") is False and args.name not in self.signed_before:
            computed[SIGNED] = {"certificatePem": "", "notAfter": ""}
        return f"{args.name}-id", {**args.inputs, **computed.get(args.typ, {})}

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"the component calls no function, but it called {args.token}")

    def named(self, token: str) -> dict[str, MockResourceArgs]:
        return {resource.name: resource for resource in self.resources if resource.typ == token}


class Place(pulumi.ProviderResource):
    """A provider of Kubernetes that a program has made itself."""

    def __init__(self) -> None:
        super().__init__("kubernetes", "theirs")


Declare = Callable[..., tuple[Engine, dict[str, Any]]]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares an `AlbMutualTls` with the given arguments; returns the engine and the component's
    registered outputs.

    `kubernetes`: the component gets a provider of Kubernetes.
    """

    def run(*, kubernetes: bool = False, **arguments: Any) -> tuple[Engine, dict[str, Any]]:
        for user in ("components.authority", "alb_mutual_tls.pki.tls_secret"):
            monkeypatch.setattr(f"{user}.fingerprint", lambda pem: f"fingerprint of {pem}")
        engine = Engine()
        seen: dict[str, Any] = {}
        with event_loops():
            pulumi.runtime.set_mocks(engine, preview=False)

            @pulumi.runtime.test  # type: ignore[untyped-decorator]
            def program() -> pulumi.Output[None]:
                from components.mutual_tls import AlbMutualTls

                providers: list[pulumi.ProviderResource] = [Place()] if kubernetes else []
                component = AlbMutualTls(
                    "mtls", AlbMutualTlsArgs(**arguments), pulumi.ResourceOptions(providers=providers)
                )
                outputs = {
                    **component._state(),
                    "listenerFields": component.listener_fields,
                    "secret": component.client_private_keys.is_secret(),
                }
                return pulumi.Output.all(**outputs).apply(lambda values: seen.update(values))

            program()
        return engine, seen

    return run


def test_the_defaults_make_an_authority_its_upload_and_a_listener_that_is_off(declare: Declare) -> None:
    engine, outputs = declare()
    listener = engine.named(LISTENER)["mtls-alb-443"].inputs
    assert listener["caEnabled"] is False
    assert listener["caCertificateId"] == "id-of-mtls-authority-root"
    assert listener["owner"] == IDENTITY
    assert (
        listener["trustedFingerprint"]
        == listener["issuingFingerprint"]
        == "fingerprint of certificate of mtls-authority-root"
    )
    assert outputs["caCertificateId"] == "id-of-mtls-authority-root"
    assert outputs["caCertificateIds"] == {"root": "id-of-mtls-authority-root"}
    assert (
        engine.named("albmtls:index:CertificateRepository")["mtls-repository"].inputs["name"]
        == f"alb-mutual-tls-{IDENTITY}"
    )
    assert (
        engine.named("albmtls:index:CertificateRepository")["mtls-repository"].inputs["configured"] is False
    )


def test_the_authority_has_a_key_and_a_certificate_of_its_own(declare: Declare) -> None:
    engine, _ = declare()
    certificate = engine.named("albmtls:index:AuthorityCertificate")["mtls-authority-root"].inputs
    assert certificate["validityDays"] == 3650
    assert certificate["subject"] == {"commonName": f"root {IDENTITY}", "organizationName": "alb-mutual-tls"}
    # marked as a secret
    assert certificate["privateKeyPem"]["value"] == "key of mtls-authority-root"
    assert engine.named("tls:index/privateKey:PrivateKey")["mtls-authority-root"].inputs == {
        "algorithm": "RSA",
        "rsaBits": 4096,
    }


def test_the_subject_takes_every_field_of_the_documentation(declare: Declare) -> None:
    subject = {
        "countryName": "CN",
        "stateOrProvinceName": "bj",
        "localityName": "bj",
        "organizationName": "alibaba",
        "organizationalUnitName": "test",
        "commonName": "root",
        "emailAddress": "ca@example.com",
    }
    engine, _ = declare(authorities={"root": AuthorityArgs(subject=subject)})
    assert (
        engine.named("albmtls:index:AuthorityCertificate")["mtls-authority-root"].inputs["subject"] == subject
    )


def test_the_ca_private_key_is_uploaded_nowhere(declare: Declare) -> None:
    engine, _ = declare(clients={"web": ClientArgs()})
    for token in (UPLOAD, "albmtls:index:CertificateRepository", LISTENER):
        for resource in engine.named(token).values():
            assert "key of" not in str(resource.inputs)


def test_each_client_gets_key_request_and_certificate_of_the_issuing_authority(declare: Declare) -> None:
    engine, outputs = declare(clients={"web": ClientArgs(validity_days=30)})
    signed = engine.named(SIGNED)["mtls-client-web"].inputs
    assert signed["kind"] == "client"
    assert signed["csrPem"] == "request of mtls-client-web"
    assert signed["issuerCertificatePem"] == "certificate of mtls-authority-root"
    assert (signed["validityDays"], signed["renewBeforeDays"]) == (30, 10)
    assert signed["uris"] == [f"spiffe://{IDENTITY}.alb-mutual-tls/client/web"]
    assert signed["subject"] == {"commonName": "web"}
    assert outputs["clientCertificates"]["web"] == {
        "certificatePem": "certificate of mtls-client-web\n",
        "chainPem": "certificate of mtls-client-web\n",
        "notAfter": "2027-02-21T00:00:00Z",
    }
    assert outputs["clientPrivateKeys"] == {"web": "key of mtls-client-web"}
    assert outputs["secret"] is True


def test_a_client_that_brings_a_request_has_no_key_in_the_stack(declare: Declare) -> None:
    request = "-----BEGIN CERTIFICATE REQUEST-----"
    engine, outputs = declare(clients={"partner": ClientArgs(csr=request), "web": ClientArgs()})
    assert engine.named(SIGNED)["mtls-client-partner"].inputs["csrPem"] == request
    assert "mtls-client-partner" not in engine.named("tls:index/privateKey:PrivateKey") | engine.named(
        "tls:index/certRequest:CertRequest"
    )
    assert (
        outputs["clientCertificates"]["partner"]["certificatePem"] == "certificate of mtls-client-partner\n"
    )
    assert outputs["clientPrivateKeys"] == {"web": "key of mtls-client-web"}


@pytest.mark.parametrize(
    ("master", "own", "on"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_listener_is_on_when_the_master_switch_and_its_own_are(
    declare: Declare, master: bool, own: bool, on: bool
) -> None:
    engine, outputs = declare(
        ca_enabled=master, listeners={"https": ListenerArgs(alb_config="alb", port=443, ca_enabled=own)}
    )
    assert engine.named(LISTENER)["mtls-alb-443"].inputs["caEnabled"] is on
    assert outputs["listeners"]["https"]["caEnabled"] is on


def test_another_key_for_the_same_listener_declares_the_same_resource(declare: Declare) -> None:
    before, _ = declare(listeners={"https": ListenerArgs(alb_config="alb", port=443)})
    after, _ = declare(listeners={"public": ListenerArgs(alb_config="alb", port=443)})
    assert before.named(LISTENER).keys() == after.named(LISTENER).keys() == {"mtls-alb-443"}


def test_no_listeners_declares_none_and_still_tells_the_two_fields(declare: Declare) -> None:
    engine, outputs = declare(listeners={}, ca_enabled=True)
    assert engine.named(LISTENER) == {}
    assert outputs["listenerFields"] == {
        "caEnabled": True,
        "caCertificates": [{"CertificateId": "id-of-mtls-authority-root"}],
    }


def test_during_a_rotation_clients_present_the_cross_certificate_too(declare: Declare) -> None:
    engine, outputs = declare(
        authorities={"a": AuthorityArgs(), "b": AuthorityArgs()},
        issuing_authority="b",
        trusted_authority="a",
        clients={"web": ClientArgs()},
    )
    cross = engine.named(SIGNED)["mtls-b-by-a"].inputs
    assert cross["kind"] == "cross"
    assert cross["subjectCertificatePem"] == "certificate of mtls-authority-b"
    assert cross["issuerCertificatePem"] == "certificate of mtls-authority-a"
    assert (
        outputs["clientCertificates"]["web"]["chainPem"]
        == "certificate of mtls-client-web\ncertificate of mtls-b-by-a\n"
    )
    listener = engine.named(LISTENER)["mtls-alb-443"].inputs
    assert listener["trustedFingerprint"] == "fingerprint of certificate of mtls-authority-a"
    assert listener["issuingFingerprint"] == "fingerprint of certificate of mtls-authority-b"
    assert engine.named(UPLOAD).keys() == {"mtls-authority-a", "mtls-authority-b"}
    assert cross["sign"] is True
    assert listener["crossFingerprints"] == ["fingerprint of certificate of mtls-authority-a"]


@pytest.mark.parametrize("kept", [True, False])
def test_a_cross_certificate_by_an_authority_that_is_not_trusted_is_presented_where_it_was_signed_before(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(Engine, "signed_before", {"mtls-b-by-a"} if kept else set())
    engine, outputs = declare(
        authorities={"a": AuthorityArgs(), "b": AuthorityArgs()},
        issuing_authority="b",
        trusted_authority="b",
        clients={"web": ClientArgs()},
    )
    assert engine.named(SIGNED)["mtls-b-by-a"].inputs["sign"] is False
    above = "certificate of mtls-b-by-a\n" if kept else ""
    assert outputs["clientCertificates"]["web"]["chainPem"] == "certificate of mtls-client-web\n" + above
    crosses = ["fingerprint of certificate of mtls-authority-a"] if kept else []
    assert engine.named(LISTENER)["mtls-alb-443"].inputs["crossFingerprints"] == crosses


def test_what_is_issued_is_recorded_once_with_the_roots_that_accept_it(declare: Declare) -> None:
    engine, _ = declare(clients={"web": ClientArgs(), "app": ClientArgs()})
    ((name, record),) = engine.named(RECORD).items()
    assert name == "mtls-issued"
    assert record.inputs == {
        "current": {"web": "certificate of mtls-client-web\n", "app": "certificate of mtls-client-app\n"},
        "rootCertificatePems": ["certificate of mtls-authority-root"],
        "listeners": {"alb:443": False},
    }


def test_in_a_rotation_both_roots_accept_what_is_issued(declare: Declare) -> None:
    engine, _ = declare(
        authorities={"a": AuthorityArgs(), "b": AuthorityArgs()},
        issuing_authority="b",
        trusted_authority="a",
        clients={"web": ClientArgs()},
    )
    assert engine.named(RECORD)["mtls-issued"].inputs["rootCertificatePems"] == [
        "certificate of mtls-authority-b",
        "certificate of mtls-authority-a",
    ]


def test_the_record_outlives_the_last_client(declare: Declare) -> None:
    """Else nobody would know until when the certificates of removed clients are accepted."""
    engine, _ = declare()
    assert engine.named(RECORD)["mtls-issued"].inputs["current"] == {}


def test_a_brought_root_is_uploaded_under_the_name_of_its_content_and_signs(declare: Declare) -> None:
    root = authority("corporate root")
    brought: dict[str, Any] = {"corp": AuthorityArgs(certificate=pem(root.certificate))}
    engine, outputs = declare(
        authorities=brought,
        authority_private_keys={"corp": key_pem(root.private_key)},
        clients={"web": ClientArgs()},
    )
    ((name, upload),) = engine.named(UPLOAD).items()
    assert name == f"mtls-ca-{bundle.fingerprint(pem(root.certificate))}"
    assert (upload.inputs["certificatePem"], upload.inputs["generated"]) == (pem(root.certificate), False)
    assert engine.named("albmtls:index:AuthorityCertificate") == {}
    assert engine.named(SIGNED)["mtls-client-web"].inputs["issuerCertificatePem"] == pem(root.certificate)
    assert outputs["caCertificatePem"] == pem(root.certificate)
    renamed, _ = declare(
        authorities={"company": brought["corp"]},
        authority_private_keys={"company": key_pem(root.private_key)},
        clients={"web": ClientArgs()},
    )
    assert {resource.name for resource in renamed.resources} == {
        resource.name for resource in engine.resources
    }


def test_a_subordinate_signs_its_root_is_trusted_and_clients_present_what_is_between(
    declare: Declare,
) -> None:
    root = authority("corporate root")
    sub = subordinate(root)
    chain = pem(sub.certificate) + pem(root.certificate)
    keys = {"corp": key_pem(sub.private_key)}
    engine, outputs = declare(
        authorities={"corp": AuthorityArgs(certificate=chain)},
        authority_private_keys=keys,
        clients={"web": ClientArgs()},
    )
    (upload,) = engine.named(UPLOAD).values()
    assert upload.inputs["certificatePem"] == pem(root.certificate)
    assert engine.named(SIGNED)["mtls-client-web"].inputs["issuerCertificatePem"] == pem(sub.certificate)
    assert outputs["clientCertificates"]["web"]["chainPem"] == "certificate of mtls-client-web\n" + pem(
        sub.certificate
    )


def test_a_rotation_between_subordinates_leads_through_root_and_cross_certificate(declare: Declare) -> None:
    roots = {name: authority(f"root {name}") for name in "ab"}
    subs = {name: subordinate(root, f"sub {name}") for name, root in roots.items()}
    engine, outputs = declare(
        authorities={
            name: AuthorityArgs(certificate=pem(subs[name].certificate) + pem(roots[name].certificate))
            for name in "ab"
        },
        authority_private_keys={name: key_pem(sub.private_key) for name, sub in subs.items()},
        trusted_authority="a",
        issuing_authority="b",
        clients={"web": ClientArgs()},
    )
    cross = engine.named(SIGNED)["mtls-b-by-a"].inputs
    assert cross["subjectCertificatePem"] == pem(roots["b"].certificate)
    assert cross["issuerCertificatePem"] == pem(subs["a"].certificate)
    assert outputs["clientCertificates"]["web"]["chainPem"] == (
        "certificate of mtls-client-web\n"
        + pem(subs["b"].certificate)
        + "certificate of mtls-b-by-a\n"
        + pem(subs["a"].certificate)
    )


def of_length(name: str, length: int) -> tuple[str, str]:
    """The chain of a brought authority with so many certificates, and the key of what signs."""
    made = [authority(f"root of {name}")]
    for level in range(1, length):
        made.insert(0, subordinate(made[0], f"{name} {level}"))
    return "".join(pem(one.certificate) for one in made), key_pem(made[0].private_key)


@pytest.mark.parametrize(
    ("trusted", "issuing", "depth"),
    [(6, 0, 5), (12, 0, 11), (3, 0, 2), (2, 0, 1), (1, 6, 6), (2, 2, 3), (1, 1, 1)],
)
def test_how_deep_a_listener_must_follow_is_said_where_nginx_would_have_to_be_told(
    declare: Declare, monkeypatch: pytest.MonkeyPatch, trusted: int, issuing: int, depth: int
) -> None:
    """`issuing` 0: the trusted authority issues, there is no rotation under way."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_, **__: said.append(text))
    chains = {"a": of_length("a", trusted)} | ({"b": of_length("b", issuing)} if issuing else {})
    declare(
        authorities={name: AuthorityArgs(certificate=chain) for name, (chain, _) in chains.items()},
        authority_private_keys={name: private_key for name, (_, private_key) in chains.items()},
        trusted_authority="a",
        issuing_authority="b" if issuing else "a",
        clients={"web": ClientArgs()},
    )
    (name,) = "b" if issuing else "a"
    words = (
        f"a client of authority {name}: its chain has {depth + 2} certificates, {depth} of them between it"
        " and its root"
    )
    assert any(text.startswith(words) and f"a verification depth of {depth};" in text for text in said) is (
        depth > 1
    )


def test_two_authorities_with_one_root_share_its_upload(declare: Declare) -> None:
    root = authority("corporate root")
    chains = {
        name: pem(subordinate(root, name).certificate) + pem(root.certificate) for name in ("one", "two")
    }
    engine, _ = declare(
        authorities={name: AuthorityArgs(certificate=chain) for name, chain in chains.items()},
        trusted_authority="one",
        issuing_authority="two",
    )
    assert len(engine.named(UPLOAD)) == 1
    ((_, listener),) = engine.named(LISTENER).items()
    assert listener.inputs["trustedFingerprint"] == listener.inputs["issuingFingerprint"]


def test_a_ca_certificate_that_is_in_cas_already_is_looked_up_and_not_uploaded(declare: Declare) -> None:
    engine, outputs = declare(authorities={"corp": AuthorityArgs(ca_certificate_id="123-cn-hangzhou")})
    assert engine.named(UPLOAD) == engine.named("albmtls:index:CertificateRepository") == {}
    ((name, found),) = engine.named("albmtls:index:ExistingCaCertificate").items()
    assert (name, found.inputs) == (
        "mtls-ca-123-cn-hangzhou",
        {"caCertificateId": "123-cn-hangzhou", "demanded": False},
    )
    assert outputs["caCertificateId"] == "123-cn-hangzhou"
    assert outputs["caCertificatePem"] == IN_CAS
    (listener,) = engine.named(LISTENER).values()
    assert listener.inputs["trustedFingerprint"] == f"fingerprint of {IN_CAS}"
    assert listener.inputs["caCertificateExisting"] is True


def test_a_subordinate_that_is_in_cas_with_its_chain_signs_and_clients_present_it(
    declare: Declare, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = authority("corporate root")
    sub = subordinate(root, "in CAS below")
    monkeypatch.setattr(f"{__name__}.IN_CAS", pem(sub.certificate) + pem(root.certificate))
    engine, outputs = declare(
        authorities={"corp": AuthorityArgs(ca_certificate_id="1")},
        authority_private_keys={"corp": key_pem(sub.private_key)},
        clients={"web": ClientArgs()},
    )
    assert engine.named(SIGNED)["mtls-client-web"].inputs["issuerCertificatePem"] == pem(sub.certificate)
    assert outputs["clientCertificates"]["web"]["chainPem"] == "certificate of mtls-client-web\n" + pem(
        sub.certificate
    )
    assert outputs["caCertificatePem"] == pem(root.certificate)


def test_clients_must_not_bear_the_name_of_an_authority_in_cas_whatever_it_is_used_for(
    declare: Declare,
) -> None:
    authorities = {"root": AuthorityArgs(), "corp": AuthorityArgs(ca_certificate_id="1")}
    engine, _ = declare(
        authorities=authorities,
        issuing_authority="root",
        trusted_authority="corp",
        cut_off=True,
        clients={"web": ClientArgs()},
    )
    assert engine.named(SIGNED)["mtls-client-web"].inputs["existingAuthorityPems"] == [IN_CAS]
    engine, _ = declare(clients={"web": ClientArgs()})
    assert "existingAuthorityPems" not in engine.named(SIGNED)["mtls-client-web"].inputs


def test_a_certificate_in_the_middle_of_a_chain_that_has_ended_is_told(
    declare: Declare, caplog: pytest.LogCaptureFixture
) -> None:
    root = authority("corporate root")
    middle = subordinate(root, "middle", end=NOW - DAY / 2)
    low = subordinate(middle, "low")
    declare(
        authorities={
            "corp": AuthorityArgs(certificate="".join(pem(one.certificate) for one in (low, middle, root)))
        }
    )
    (told,) = (message for message in caplog.messages if "let in by no listener" in message)
    assert told.startswith(
        "clients of authority corp are let in by no listener: CN=middle: it expired on 2026-11-23T00:00:00Z"
    )


def test_a_configured_repository_is_said_to_be_configured(declare: Declare) -> None:
    engine, _ = declare(repository="ours")
    inputs = engine.named("albmtls:index:CertificateRepository")["mtls-repository"].inputs
    assert (inputs["name"], inputs["configured"]) == ("ours", True)


def test_a_secret_gets_chain_key_and_the_roots_of_all_authorities_the_trusted_one_first(
    declare: Declare,
) -> None:
    engine, _ = declare(
        kubernetes=True,
        authorities={"old": AuthorityArgs(), "new": AuthorityArgs()},
        trusted_authority="new",
        issuing_authority="new",
        clients={
            "web": ClientArgs(secret=ClientSecretArgs(namespace="shop", name="web-tls")),
            "other": ClientArgs(),
        },
    )
    ((name, secret),) = engine.named(SECRET).items()
    assert name == "mtls-secret-shop/web-tls"
    assert secret.inputs["type"] == "kubernetes.io/tls"
    assert "immutable" not in secret.inputs
    marked = secret.inputs["data"]
    assert marked[_special_sig_key] == _special_secret_sig
    content = {key: base64.b64decode(value).decode() for key, value in marked["value"].items()}
    assert content == {
        "tls.crt": "certificate of mtls-client-web\n",
        "tls.key": "key of mtls-client-web\n",
        "ca.crt": "certificate of mtls-authority-new\ncertificate of mtls-authority-old\n",
    }
    assert secret.inputs["metadata"] == {
        "namespace": "shop",
        "name": "web-tls",
        "labels": {
            "app.kubernetes.io/managed-by": "alb-mutual-tls",
            "albmtls/identity": IDENTITY,
            "albmtls/client": "web",
        },
        "annotations": {"pulumi.com/patchForce": "true"},
    }
    assert engine.named(PLACE)["mtls-place-shop/web-tls"].inputs == {
        "namespace": "shop",
        "name": "web-tls",
        "cluster": "uid of the cluster",
        "owner": IDENTITY,
    }


@pytest.mark.parametrize("enabled", [True, False])
def test_secrets_come_before_listeners_that_demand_certificates_and_after_those_that_do_not(
    declare: Declare, enabled: bool
) -> None:
    engine, _ = declare(
        kubernetes=True,
        ca_enabled=enabled,
        listeners={
            "off": ListenerArgs(alb_config="alb", port=443, ca_enabled=False),
            "on": ListenerArgs(alb_config="alb", port=8443),
        },
        clients={"web": ClientArgs(secret=ClientSecretArgs(namespace="shop", name="web-tls"))},
    )
    order = [
        resource.name for resource in engine.resources if resource.typ in (LISTENER, CLUSTER, PLACE, SECRET)
    ]
    secrets = ["mtls-cluster", "mtls-place-shop/web-tls", "mtls-secret-shop/web-tls"]
    assert order == (
        ["mtls-alb-443", *secrets, "mtls-alb-8443"]
        if enabled
        else ["mtls-alb-443", "mtls-alb-8443", *secrets]
    )


def test_a_secret_without_a_provider_of_kubernetes_is_refused_in_one_sentence(declare: Declare) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        declare(clients={"web": ClientArgs(secret=ClientSecretArgs(namespace="shop", name="web-tls"))})
    assert (
        str(refused.value)
        == "clients.web.secret needs a provider of Kubernetes: give the component one beside albmtls, "
        "made by kubernetes_provider() for the same cluster"
    )


def test_without_a_secret_nothing_of_kubernetes_is_registered_or_imported() -> None:
    program = """
import sys
import pulumi
from tests.component.test_mutual_tls import Engine
engine = Engine()
pulumi.runtime.set_mocks(engine, preview=False)
from components.providers import providers
from components.mutual_tls import AlbMutualTls
from components.settings import parse

settings = parse({"alicloud:region": "cn-hangzhou", "alb-mutual-tls:clients": '{"web": {}}'})
@pulumi.runtime.test
def run():
    AlbMutualTls("mtls", settings.arguments, pulumi.ResourceOptions(providers=providers(settings)))
import components.authority
components.authority.fingerprint = lambda pem: "of " + pem
run()
assert len(engine.resources) > 8, engine.resources
assert not any("kubernetes" in one.typ or "Secret" in one.typ for one in engine.resources)
assert not any(name.startswith(("pulumi_kubernetes", "pulumi_alicloud")) for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("disabled", "explicit"),
    [
        (None, False),
        ('["*"]', True),
        ('["tls"]', True),
        ('["aws"]', False),
        ("[]", False),
        ("no JSON", False),
    ],
)
def test_resources_of_tls_have_an_explicit_provider_only_where_the_default_one_is_forbidden(
    monkeypatch: pytest.MonkeyPatch, disabled: str | None, explicit: bool
) -> None:
    monkeypatch.setattr("components.authority.fingerprint", lambda pem: f"fingerprint of {pem}")
    forbidden = {} if disabled is None else {"pulumi:disable-default-providers": disabled}
    settings = parse({"alicloud:region": "cn-hangzhou", "alb-mutual-tls:clients": '{"web": {}}', **forbidden})
    engine = Engine()
    with event_loops():
        pulumi.runtime.set_mocks(engine, preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> None:
            from components.mutual_tls import AlbMutualTls
            from components.providers import providers

            AlbMutualTls("mtls", settings.arguments, pulumi.ResourceOptions(providers=providers(settings)))

        program()
    of_tls = [resource for resource in engine.resources if resource.typ.startswith("tls:")]
    assert len(of_tls) == 3
    assert {bool(resource.provider) for resource in of_tls} == {explicit}
    assert settings.needs_explicit("alicloud") == (disabled == '["*"]')


@pytest.mark.parametrize(
    ("place", "kept"),
    [({"kubeconfig": "/a", "context": "b"}, {"kubeconfig": "/a", "context": "b"}), ({}, {})],
)
def test_the_provider_of_kubernetes_changes_secrets_in_place_and_keeps_no_kubeconfig_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, place: dict[str, str], kept: dict[str, str]
) -> None:
    for name, value in {"KUBECONFIG": "/secret/place", "PULUMI_K8S_DELETE_UNREACHABLE": "true"}.items():
        monkeypatch.setenv(name, value)
    engine = Engine()
    with event_loops():
        pulumi.runtime.set_mocks(engine, preview=False)

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> None:
            from components.client_secret import kubernetes_provider

            kubernetes_provider("kubernetes", {**place, "region": "cn-hangzhou"})

        program()
    (made,) = engine.named("pulumi:providers:kubernetes").values()
    assert {key: value for key, value in made.inputs.items() if key in ("kubeconfig", "context")} == kept
    assert {
        key: made.inputs[key] for key in ("enableSecretMutable", "upsertExistingObjects", "deleteUnreachable")
    } == {
        "enableSecretMutable": "true",
        "upsertExistingObjects": "true",
        "deleteUnreachable": "false",
    }
    assert (
        made.inputs["clusterIdentifier"] == "the cluster of this stack"
    )  # another one would replace every Secret


def test_type_tokens_and_property_names_are_the_persisted_contract(declare: Declare) -> None:
    engine, _ = declare(
        kubernetes=True,
        authorities={"root": AuthorityArgs(), "corp": AuthorityArgs(ca_certificate_id="1")},
        trusted_authority="root",
        issuing_authority="root",
        clients={"web": ClientArgs(secret=ClientSecretArgs(namespace="shop", name="web-tls"))},
    )
    assert {
        resource.typ: sorted(resource.inputs)
        for resource in engine.resources
        if resource.typ.startswith("albmtls:")
    } == {
        "albmtls:index:StackIdentity": [],
        "albmtls:index:AuthorityCertificate": ["privateKeyPem", "subject", "validityDays"],
        "albmtls:index:CertificateRepository": ["configured", "demanded", "name"],
        "albmtls:index:CaCertificate": ["certificatePem", "demanded", "generated", "name", "warehouseId"],
        "albmtls:index:ExistingCaCertificate": ["caCertificateId", "demanded"],
        "albmtls:index:ListenerClientAuthentication": [
            "albConfig",
            "awaitListener",
            "awaitTimeoutSeconds",
            "caCertificateExisting",
            "caCertificateId",
            "caEnabled",
            "crossFingerprints",
            "cutOff",
            "issuingFingerprint",
            "owner",
            "port",
            "takeOver",
            "trustedCertificatePem",
            "trustedFingerprint",
        ],
        "albmtls:index:IssuedCertificates": ["current", "listeners", "rootCertificatePems"],
        "albmtls:index:ClusterIdentity": [],
        "albmtls:index:SecretPlace": ["cluster", "name", "namespace", "owner"],
        "albmtls:index:SignedCertificate": [
            "csrPem",
            "existingAuthorityPems",
            "issuerCertificatePem",
            "issuerPrivateKeyPem",
            "kind",
            "renewBeforeDays",
            "subject",
            "uris",
            "validityDays",
        ],
    }
