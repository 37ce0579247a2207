"""Authorities that are brought, or in CAS already, in the component."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from alb_mutual_tls.pki import bundle
from components.models import AuthorityArgs, ClientArgs
from tests.component.mocks import IN_CAS, LISTENER, SIGNED, UPLOAD, Declare, client_inputs, of_length
from tests.unit.pki.material import DAY, NOW, authority, key_pem, pem, subordinate


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
    assert client_inputs(engine)["issuerCertificatePem"] == pem(root.certificate)
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
    assert client_inputs(engine)["issuerCertificatePem"] == pem(sub.certificate)
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
    monkeypatch.setattr("tests.component.mocks.IN_CAS", pem(sub.certificate) + pem(root.certificate))
    engine, outputs = declare(
        authorities={"corp": AuthorityArgs(ca_certificate_id="1")},
        authority_private_keys={"corp": key_pem(sub.private_key)},
        clients={"web": ClientArgs()},
    )
    assert client_inputs(engine)["issuerCertificatePem"] == pem(sub.certificate)
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
    assert client_inputs(engine)["existingAuthorityPems"] == [IN_CAS]
    engine, _ = declare(clients={"web": ClientArgs()})
    assert "existingAuthorityPems" not in client_inputs(engine)


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


def test_a_key_that_another_resource_computes_signs_and_is_checked_when_it_is_known(
    declare: Declare,
) -> None:
    root, other = authority("corporate root"), authority("another root")
    brought = {"corp": AuthorityArgs(certificate=pem(root.certificate))}

    def signed_with(key: str, *, refused: bool = False) -> dict[str, Any]:
        engine, _ = declare(
            refused=refused,
            authorities=brought,
            authority_private_keys=lambda: {"corp": pulumi.Output.from_input(key)},
            clients={"web": ClientArgs()},
        )
        return client_inputs(engine)

    key = key_pem(root.private_key)
    assert signed_with(key)["issuerPrivateKeyPem"]["value"] == key
    with pytest.raises(pulumi.RunError, match=r"^authorityPrivateKeys\.corp: "):
        signed_with(key_pem(other.private_key), refused=True)
