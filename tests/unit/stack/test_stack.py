"""Reading the stack: what is in an exported state, and what pulumi says when there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.engine.program import export, project_directory
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.deployed import DeployedSigner
from alb_mutual_tls.stack.state import components_of, provider_inputs, read_components
from alb_mutual_tls.wire import plain
from tests.unit.conftest import secret

Pulumi = Callable[..., Path]


def test_listeners_are_read_with_their_wishes_and_the_cluster_they_are_in(exported: dict[str, Any]) -> None:
    (component,) = components_of(exported)
    admin, https = component.listeners
    assert (https.name, https.alb_config, https.port, https.ca_enabled) == ("https", "alb", 443, True)
    assert (https.address, https.server_name, https.path, https.cluster) == (
        "127.0.0.1:20443",
        None,
        "/",
        "uid-1",
    )
    assert (admin.port, admin.ca_enabled, admin.address, admin.path, admin.cluster) == (
        8443,
        False,
        None,
        "/",
        None,
    )


def test_clients_are_read_with_the_chain_they_present_and_the_key_unless_they_brought_a_csr(
    exported: dict[str, Any], credentials: dict[str, tuple[str, str]], authority: tuple[str, str]
) -> None:
    (component,) = components_of(exported)
    client, by_csr = component.clients
    assert (client.name, client.private_key_pem) == ("client", credentials["client"][1])
    assert client.chain_pem == credentials["client"][0] + authority[0]
    assert (by_csr.name, by_csr.private_key_pem) == ("csr-client", None)


def test_the_authorities_are_all_that_the_stack_declares_the_trusted_one_first(
    exported: dict[str, Any], authority: tuple[str, str]
) -> None:
    outputs = exported["deployment"]["resources"][2]["outputs"]
    outputs["authorityCertificates"] = {"a": "A", "b": None, "root": authority[0]}
    assert list(components_of(exported)[0].roots.items()) == [("root", authority[0]), ("a", "A")]
    del outputs["authorityCertificates"]
    assert list(components_of(exported)[0].roots.items()) == [("root", authority[0])]


def test_the_cluster_is_the_one_the_provider_was_configured_with(exported: dict[str, Any]) -> None:
    (component,) = components_of(exported)
    assert (component.kubeconfig, component.context) == (".sandbox/kubeconfig", "alb-mutual-tls-sandbox")


def test_the_authoritys_key_is_taken_only_when_asked_for(
    exported: dict[str, Any], authority: tuple[str, str]
) -> None:
    assert components_of(exported)[0].authority_private_key_pem is None
    assert components_of(exported, with_authority_key=True)[0].authority_private_key_pem == authority[1]


def test_during_a_rotation_the_key_is_that_of_the_authority_the_listeners_trust(
    exported: dict[str, Any],
) -> None:
    outputs = exported["deployment"]["resources"][2]["outputs"]
    outputs["issuingAuthority"] = "next"
    assert components_of(exported, with_authority_key=True)[0].authority_private_key_pem is not None
    outputs["trustedAuthority"] = "next"
    assert components_of(exported, with_authority_key=True)[0].authority_private_key_pem is None


def test_the_authorities_are_read_with_who_signs_for_them_where_the_state_has_the_key(
    exported: dict[str, Any], authority: tuple[str, str]
) -> None:
    outputs = exported["deployment"]["resources"][2]["outputs"]
    outputs["authorityCertificates"]["next"] = "NEXT"
    outputs["issuingAuthority"] = "next"
    (component,) = components_of(exported, with_authority_key=True)
    following, root = component.authorities
    assert (component.trusted_authority, component.issuing_authority) == ("root", "next")
    assert (root.name, root.ca_certificate_pem, root.signer) == (
        "root",
        authority[0],
        DeployedSigner(*authority),
    )
    assert (following.name, following.ca_certificate_pem, following.signer) == ("next", "NEXT", None)
    assert all(
        one.signer is None and one.private_key_pem is None for one in components_of(exported)[0].authorities
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("client", "next"), ("cross", "root"), ("IssuedCertificates", "next")]
)
def test_who_signs_for_an_authority_that_was_brought_stands_in_the_certificates_it_has_signed(
    exported: dict[str, Any], kind: str, name: str
) -> None:
    resources = exported["deployment"]["resources"]
    outputs = resources[2]["outputs"]
    outputs["authorityCertificates"] |= {"next": "NEXT"}
    outputs["issuingAuthority"] = "next"
    inputs = {"kind": kind, "issuerCertificatePem": "SUBORDINATE", "issuerPrivateKeyPem": secret("KEY")}
    signed = next(one for one in resources if one["type"] == "tls:index/privateKey:PrivateKey")
    token = kind if kind == "IssuedCertificates" else "SignedCertificate"
    signed.update(type=f"albmtls:index:{token}", urn=signed["urn"] + "-signed", inputs=inputs, outputs={})
    (component,) = components_of(exported, with_authority_key=True)
    found = {one.name: one.signer for one in component.authorities}
    assert found == {"root": None, "next": None, name: DeployedSigner("SUBORDINATE", "KEY")}
    assert component.authority_private_key_pem is None


def test_no_representation_shows_a_private_key(exported: dict[str, Any]) -> None:
    assert "PRIVATE KEY" not in repr(components_of(exported, with_authority_key=True))


def test_a_state_of_the_version_before_is_read(
    exported_before: dict[str, Any], credentials: dict[str, tuple[str, str]]
) -> None:
    (component,) = components_of(exported_before)
    client, own = component.clients
    assert (client.name, client.private_key_pem) == ("client", credentials["client"][1])
    assert client.chain_pem.startswith(credentials["client"][0])
    assert (own.name, own.private_key_pem, own.not_after) == ("csr-client", None, "2026-03-01T00:00:00Z")


def test_a_register_of_the_version_before_that_an_update_left_out_is_read(exported: dict[str, Any]) -> None:
    register = exported["deployment"]["resources"][-1]
    register["outputs"] = {
        "current": {"client": "PEM"},
        "certificates": {"client": {"notAfter": "2026-03-01T00:00:00Z"}},
        "outstanding": [],
    }
    (client,) = components_of(exported)[0].clients
    assert (client.certificate_pem, client.not_after) == ("PEM", "2026-03-01T00:00:00Z")
    assert client.private_key_pem


def test_members_of_groups_are_clients_with_keys_of_the_register(exported: dict[str, Any]) -> None:
    outputs = exported["deployment"]["resources"][-1]["outputs"]
    outputs["group:fleet"] = {"a": {"certificatePem": "PEM", "notAfter": "2026-03-01T00:00:00Z"}}
    outputs["privateKeys"] = secret({"fleet/a": "KEY"})
    found = {client.name: client for client in components_of(exported)[0].clients}
    assert sorted(found) == ["client", "csr-client", "fleet/a"]
    assert (found["fleet/a"].certificate_pem, found["fleet/a"].private_key_pem) == ("PEM", "KEY")


def test_secrets_are_unwrapped_wherever_they_stand(exported: dict[str, Any]) -> None:
    wrapped = exported["deployment"]["resources"][-2]["outputs"]["privateKeyPem"]
    assert plain({"a": [wrapped, 1, None]}) == {"a": [json.loads(wrapped["plaintext"]), 1, None]}


def test_secrets_that_stayed_encrypted_are_an_error(exported: dict[str, Any]) -> None:
    wrapped = exported["deployment"]["resources"][-2]["outputs"]["privateKeyPem"]
    wrapped["ciphertext"] = wrapped.pop("plaintext")
    with pytest.raises(UserError, match="came encrypted"):
        components_of(exported)


def test_the_authorities_come_with_their_ids_and_with_keys_only_when_asked_for(
    exported: dict[str, Any], authority: tuple[str, str]
) -> None:
    outputs = exported["deployment"]["resources"][2]["outputs"]
    (older,) = components_of(exported)
    assert [(one.name, one.ca_certificate_id, one.private_key_pem) for one in older.authorities] == [
        ("root", "0e40dda998174723", None)
    ]
    outputs["authorityCertificates"]["next"] = authority[0]
    (older,) = components_of(exported)
    assert [(one.name, one.ca_certificate_id) for one in older.authorities] == [
        ("next", None),
        ("root", "0e40dda998174723"),
    ]
    outputs["caCertificateIds"] = {"root": "0e40dda998174723", "next": "1"}
    (component,) = components_of(exported, with_authority_key=True)
    assert [(one.name, one.ca_certificate_id, one.private_key_pem) for one in component.authorities] == [
        ("next", "1", None),
        ("root", "0e40dda998174723", authority[1]),
    ]
    assert (component.identity, component.issuing_authority) == ("0a1b2c3d", "root")
    assert "PRIVATE KEY" not in repr(component)


def test_an_upload_that_is_pending_has_no_id_that_anything_could_be_compared_with(
    exported: dict[str, Any],
) -> None:
    outputs = exported["deployment"]["resources"][2]["outputs"]
    outputs["caCertificateId"], outputs["caCertificateIds"] = "", {"root": ""}
    for listener in outputs["listeners"].values():
        listener["caCertificateId"] = ""
    (component,) = components_of(exported)
    assert {listener.ca_certificate_id for listener in component.listeners} == {None}
    assert {one.ca_certificate_id for one in component.authorities} == {None}


@pytest.mark.parametrize(
    "deployment",
    [None, {}, {"resources": None}, {"resources": [{"urn": "u::n", "type": "pulumi:pulumi:Stack"}]}],
)
def test_a_stack_without_a_component_says_that_nothing_is_deployed(deployment: object) -> None:
    with pytest.raises(UserError, match=r"nothing is deployed yet.*run `pulumi up` first"):
        components_of({"version": 3, "deployment": deployment})


def test_a_component_without_outputs_says_that_the_update_did_not_end(exported: dict[str, Any]) -> None:
    exported["deployment"]["resources"][2]["outputs"] = {}
    with pytest.raises(UserError, match=r"did not get to the end.*AlbMutualTls mtls is incomplete"):
        components_of(exported)


def test_pulumi_is_asked_once_in_the_projects_directory_with_the_stack(
    pulumi: Pulumi, exported: dict[str, Any]
) -> None:
    project = pulumi(stdout=json.dumps(exported))
    assert len(read_components(project, stack="dev", component=None)) == 1
    arguments = (project.parent / "bin" / "arguments").read_text().splitlines()
    assert arguments == [
        *(
            "--non-interactive",
            "--color",
            "never",
            "--cwd",
            str(project),
            "stack",
            "export",
            "--show-secrets",
            "--stack",
            "dev",
        )
    ]


def test_a_component_is_chosen_by_name(pulumi: Pulumi, exported: dict[str, Any]) -> None:
    project = pulumi(stdout=json.dumps(exported))
    assert [one.name for one in read_components(project, stack=None, component="mtls")] == ["mtls"]
    with pytest.raises(UserError, match="no AlbMutualTls named 'other': it has mtls"):
        read_components(project, stack=None, component="other")


def test_no_pulumi_on_path_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"no program pulumi on PATH: source \.sandbox/env"):
        export(tmp_path, None)


# What pulumi 3.259 prints, and the sentence it becomes.
MESSAGES = {
    "error: no stack selected; please use `pulumi stack select` to choose one": (
        "no stack is selected in .*--stack NAME"
    ),
    "error: no stack named 'nope' found": "there is no stack nope in .*pulumi stack ls",
    (
        "error: could not deserialize deployment: failed to decrypt: incorrect passphrase, please set"
        " PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set PULUMI_CONFIG_PASSPHRASE_FILE to a"
        " file containing the passphrase"
    ): ("is not the one of this stack"),
    (
        'error: could not deserialize deployment: constructing secrets manager of type "passphrase":'
        " constructing secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or"
        " PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
    ): ("need a passphrase: set PULUMI_CONFIG"),
    "error: no Pulumi.yaml project file found (searching upwards from /somewhere)": (
        "there is no Pulumi.yaml in .* or above"
    ),
    "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions": (
        "not logged in to the backend.*PULUMI_BACKEND_URL"
    ),
    "error: something new\nand more": "failed in .* and said: something new$",
    "": "and said: nothing",
}


@pytest.mark.parametrize("message", MESSAGES)
def test_what_pulumi_complains_of_becomes_one_sentence_with_a_remedy(pulumi: Pulumi, message: str) -> None:
    project = pulumi(stderr=message, code=255)
    with pytest.raises(UserError, match=MESSAGES[message]) as caught:
        export(project, "nope")
    assert "\n" not in str(caught.value)


def test_output_that_is_no_json_is_an_error(pulumi: Pulumi) -> None:
    with pytest.raises(UserError, match="printed no JSON"):
        export(pulumi(stdout="Enter your passphrase"), None)


def test_the_project_is_looked_for_around_the_current_directory_and_then_beside_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "down")
    beside = Path(__file__).resolve().parents[3]
    assert project_directory(None) == (beside if (beside / "Pulumi.yaml").exists() else Path.cwd())
    (tmp_path / "Pulumi.yaml").touch()
    assert project_directory(None) == tmp_path
    assert project_directory(tmp_path / "deep") == tmp_path / "deep"
    with pytest.raises(UserError, match=r"--cwd .* is not a directory"):
        project_directory(tmp_path / "nowhere")


def test_the_inputs_of_the_provider_are_read_with_its_secrets(exported: dict[str, Any]) -> None:
    inputs = provider_inputs(exported, component=None)
    assert inputs == {
        "kubeconfig": ".sandbox/kubeconfig",
        "context": "alb-mutual-tls-sandbox",
        "secretKey": "sesame",
    }
    assert provider_inputs(exported, component="mtls") == inputs


def test_a_stack_that_was_never_deployed_has_no_provider_inputs() -> None:
    assert provider_inputs({"deployment": {}}, component=None) == {}


def test_the_provider_inputs_of_a_component_that_is_not_there_are_refused(exported: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        provider_inputs(exported, component="other")
    assert str(caught.value) == "the stack has no AlbMutualTls named 'other': it has mtls"
