"""`AlbMutualTls` on Pulumi's mocks: which resources a configuration declares, under which names,
with which inputs.
"""

from __future__ import annotations

import base64
import subprocess
import sys

import pulumi
import pytest
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

from components.client_group import ClientGroupArgs
from components.models import AuthorityArgs, ClientArgs, ClientSecretArgs, ListenerArgs
from components.settings import parse
from tests.component.mocks import (
    CLUSTER,
    IDENTITY,
    LISTENER,
    PLACE,
    RECORD,
    REPOSITORY,
    SECRET,
    SIGNED,
    UPLOAD,
    Declare,
    Engine,
    client_inputs,
)
from tests.event_loops import event_loops
from tests.unit.pki.material import authority, key_pem, request

CLIENT_KEY = authority("a key").private_key


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


def test_each_client_gets_a_key_and_a_certificate_of_the_issuing_authority(declare: Declare) -> None:
    engine, outputs = declare(clients={"web": ClientArgs(validity_days=30)})
    signed = client_inputs(engine)
    assert signed["publicKeyPem"] == "public key of mtls-client-web"
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
    assert client_inputs(engine, "partner")["csrPem"] == request
    assert "mtls-client-partner" not in engine.named("tls:index/privateKey:PrivateKey")
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


def test_one_register_issues_to_all_clients_with_the_roots_that_accept_them(declare: Declare) -> None:
    engine, outputs = declare(clients={"web": ClientArgs(), "app": ClientArgs()})
    ((name, register),) = engine.named(RECORD).items()
    assert name == "mtls-issued"
    assert register.inputs["clients"].keys() == {"web", "app"}
    assert register.inputs["rootCertificatePems"] == ["certificate of mtls-authority-root"]
    assert register.inputs["listeners"] == {"alb:443": False}
    assert outputs["aboveClients"] == []


def test_a_group_is_one_wish_of_the_register_and_its_members_are_clients_of_the_package(
    declare: Declare,
) -> None:
    group = ClientGroupArgs(names=("a", "b"), subject={"organizationName": "fleet"}, validity_days=30)
    engine, outputs = declare(client_groups={"fleet": group}, clients={"web": ClientArgs()})
    register = engine.named(RECORD)["mtls-issued"].inputs
    assert register["groups"] == {
        "fleet": {
            "names": ["a", "b"],
            "keyAlgorithm": "ECDSA-P256",
            "subject": {"organizationName": "fleet"},
            "uriPrefix": f"spiffe://{IDENTITY}.alb-mutual-tls/client/fleet/",
            "validityDays": 30,
            "renewBeforeDays": 10,
        }
    }
    assert sorted(outputs["clientCertificates"]) == ["fleet/a", "fleet/b", "web"]
    assert outputs["clientCertificates"]["fleet/a"]["chainPem"] == "certificate of a\n"
    assert sorted(outputs["clientPrivateKeys"]) == ["fleet/a", "fleet/b", "web"]
    assert not any("fleet" in resource.name for resource in engine.resources)


def test_certificates_and_keys_of_clients_stand_nowhere_else_in_the_state(declare: Declare) -> None:
    _, outputs = declare(clients={"web": ClientArgs(), "app": ClientArgs()})
    state = {name: value for name, value in outputs.items() if not name.startswith("client")}
    assert "of mtls-client" not in str(state)


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
    register = engine.named(RECORD)["mtls-issued"].inputs
    assert register["clients"] == {}
    assert "issuerPrivateKeyPem" not in register


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
components.authority.fingerprint = components.authority.not_after = lambda pem: "of " + pem
run()
assert len(engine.resources) > 7, engine.resources
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
    for read in ("fingerprint", "not_after"):
        monkeypatch.setattr(f"components.authority.{read}", lambda pem: f"of {pem}")
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
    assert len(of_tls) == 2
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
            "trustedFingerprint",
            "trustedNotAfter",
        ],
        "albmtls:index:IssuedCertificates": [
            "clients",
            "existingAuthorityPems",
            "issuerCertificatePem",
            "issuerPrivateKeyPem",
            "listeners",
            "rootCertificatePems",
        ],
        "albmtls:index:ClusterIdentity": [],
        "albmtls:index:SecretPlace": ["cluster", "name", "namespace", "owner"],
    }


def test_a_request_that_another_resource_computes_is_signed_and_checked_when_it_is_known(
    declare: Declare,
) -> None:
    asked = request()
    engine, _ = declare(clients=lambda: {"web": ClientArgs(csr=pulumi.Output.from_input(asked))})
    assert client_inputs(engine)["csrPem"] == asked
    with pytest.raises(
        pulumi.RunError, match=r"^clients\.web\.csr: contains a private key, which must never"
    ):
        declare(
            refused=True,
            clients=lambda: {"web": ClientArgs(csr=pulumi.Output.from_input(key_pem(CLIENT_KEY)))},
        )
