"""Stack files for listeners that were set up by hand: what they say, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import OFF
from alb_mutual_tls.operations.audit.adoption import wanted
from alb_mutual_tls.operations.audit.audit import report
from alb_mutual_tls.operations.audit.scanned import NotSeen
from alb_mutual_tls.operations.audit.stack_file import AdoptedSettings, settings, text, write
from alb_mutual_tls.pki.brought import trust_faults
from components.settings import parse
from tests.unit.operations.audit.audits import BALANCER, CA, NOW, alb, certificate, https, seen, state

ON = {"caEnabled": True, "caCertificates": [{"CertificateId": CA}]}
OFF_WITH_CA = {**ON, "caEnabled": False}
FILE = Path("Pulumi.adopted.yaml")
WHERE = AdoptedSettings({"region": "cn-hangzhou"}, None, "prod", None)


def adopt(
    *places: tuple[str, int],
    documents: list[Document],
    where: AdoptedSettings = WHERE,
    now: datetime = NOW,
    **found: Any,
) -> str:
    shown = {
        (BALANCER, item["port"]): state(*([CA] if item.get("caEnabled") else []), port=item["port"])
        for document in documents
        for item in document["spec"]["listeners"]
    }
    audit = report(seen(*documents, **{"alb": shown, **found}), now=now, fail_within=timedelta(days=30))
    return text(audit, places, where, FILE)


def settings_of(text: str) -> Any:
    """The configuration as the program reads it, from what the engine hands over."""
    config = yaml.safe_load(text)["config"]
    return parse(
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    )


def refused(*places: tuple[str, int], documents: list[Document], **found: Any) -> str:
    with pytest.raises(UserError) as error:
        adopt(*places, documents=documents, **found)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_listener_that_is_on_is_declared_as_it_is() -> None:
    text = adopt(("alb", 443), documents=[alb(https(443, **ON))])
    first, second, *_ = text.splitlines()
    assert first == "# yaml-language-server: $schema=docs/configuration.schema.json"
    assert second == "# Written by ./mtls audit on 2026-06-01T00:00:00Z for alb:443, as set up by hand."
    assert "#   pulumi stack init adopted" in text.splitlines()
    assert yaml.safe_load(text) == {
        "config": {
            "alb-mutual-tls:caEnabled": True,
            "alb-mutual-tls:listeners": {"alb-443": {"albConfig": "alb", "port": 443}},
            "alb-mutual-tls:authorities": {"adopted": {"caCertificateId": CA}},
            "alb-mutual-tls:accountId": "1234567890123456",
            "kubernetes:context": "prod",
            "alicloud:region": "cn-hangzhou",
        }
    }
    arguments = settings_of(text).arguments
    assert (arguments.ca_enabled, arguments.clients, arguments.trusted) == (True, {}, "adopted")


def test_several_listeners_with_one_ca_are_one_stack_and_each_stays_on_or_off() -> None:
    long = "a" * 70
    documents = [alb(https(443, **ON), https(8443, **OFF_WITH_CA)), alb(https(443, **ON), name=long)]
    arguments = settings_of(adopt(("alb", 443), ("alb", 8443), (long, 443), documents=documents)).arguments
    assert {
        name: (one.alb_config, one.port, one.ca_enabled) for name, one in arguments.listeners.items()
    } == {
        "alb-443": ("alb", 443, True),
        "alb-8443": ("alb", 8443, False),
        "listener-3": (long, 443, True),
    }
    off = settings_of(adopt(("alb", 8443), documents=documents)).arguments
    assert (off.ca_enabled, off.listeners["alb-8443"].ca_enabled) == (False, True)


def test_a_listener_that_is_off_and_names_no_ca_gets_an_authority_and_stays_off() -> None:
    text = adopt(("alb", 443), documents=[alb(https(443))])
    arguments = settings_of(text).arguments
    assert (arguments.ca_enabled, arguments.authorities["root"].generated) == (False, True)
    assert "leaves client authentication off" in text


def test_what_would_be_read_as_something_else_is_quoted_and_nothing_is_added_to_the_file() -> None:
    identifier = "0e40dda998174723"
    fields = {"caEnabled": False, "caCertificates": [{"CertificateId": identifier}]}
    name = 'root\n    injected: "1"'
    text = adopt(
        ("on", 443),
        documents=[alb(https(443, **fields), name="on")],
        certificates={identifier: certificate(name)},
    )
    assert yaml.safe_load(text)["config"]["alb-mutual-tls:authorities"] == {
        "adopted": {"caCertificateId": identifier}
    }
    assert yaml.safe_load(text)["config"]["alb-mutual-tls:listeners"] == {
        "on-443": {"albConfig": "on", "port": 443}
    }


def test_settings_go_along_and_secrets_do_not() -> None:
    alicloud = {
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": {"cas": "127.0.0.1:1", "alb": "127.0.0.1:2"},
        "profile": "work",
    }
    where = AdoptedSettings(alicloud, "kube/config", "on", "c1234567890abcdef", ("alicloud:accessKey",))
    text = adopt(("alb", 443), documents=[alb(https(443, **ON))], where=where)
    provider = settings_of(text).provider
    assert provider == {
        "kubeconfig": "kube/config",
        "context": "on",
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": {"cas": "127.0.0.1:1", "alb": "127.0.0.1:2"},
        "profile": "work",
        "accountId": "1234567890123456",
        "ackClusterId": "c1234567890abcdef",
    }
    assert "# alicloud:accessKey is left out, as it is a secret" in text


def claimed() -> dict[str, str]:
    claim = claims.Claim("0123456789abcdef", claims.Owner("1a2b3c4d", "urn:x"), "a" * 64, "a" * 64, CA, OFF)
    return {claims.annotation_key(443): claims.render(claim)}


@pytest.mark.parametrize(
    ("place", "document", "found", "sentence"),
    [
        (
            ("other", 443),
            alb(),
            {},
            "listener other:443: the cluster has no AlbConfig other, it has alb: correct the name",
        ),
        (
            ("alb", 444),
            alb(https(443)),
            {},
            "listener alb:444: AlbConfig alb has no listener on port 444, it has 443/HTTPS: correct the port",
        ),
        (
            ("alb", 80),
            alb({"port": 80, "protocol": "HTTP"}),
            {},
            "listener alb:80: port 80 of AlbConfig alb speaks HTTP, and only HTTPS listeners",
        ),
        (
            ("alb", 443),
            alb(https(443, **ON), annotations=claimed()),
            {},
            "alb:443 cannot be adopted: stack 1a2b3c4d holds it already",
        ),
        (
            ("alb", 443),
            alb(https(443), annotations={"albmtls/443-https": "x"}),
            {},
            "alb:443 cannot be adopted: annotation albmtls/443-https of",
        ),
        (
            ("alb", 443),
            alb(
                https(443, caEnabled=True, caCertificates=[{"CertificateId": CA}, {"CertificateId": "ca-2"}])
            ),
            {},
            (
                f"alb:443 cannot be adopted: it names 2 CA certificates ({CA}, ca-2), and ALB takes one;"
                " leave the one that is meant"
            ),
        ),
        (
            ("alb", 443),
            alb(https(443, caEnabled=True)),
            {},
            "alb:443 cannot be adopted: it is on and names no CA certificate; name the one",
        ),
        (
            ("alb", 443),
            alb(https(443, caEnabled="yes")),
            {},
            "alb:443 cannot be adopted: caEnabled of listener 443/HTTPS of AlbConfig alb is",
        ),
        (
            ("alb", 443),
            alb(https(443, **ON), {"port": 443, "protocol": "QUIC"}),
            {},
            (
                "alb:443 cannot be adopted: listener 443/HTTPS of AlbConfig alb shares its port with a QUIC"
                " listener"
            ),
        ),
        (
            ("alb", 443),
            alb(https(443, **ON)),
            {"alb": {(BALANCER, 443): state()}},
            "alb:443 cannot be adopted: it says on, but lets everybody in; wait",
        ),
        (
            ("alb", 443),
            alb(https(443)),
            {"alb": {(BALANCER, 443): state(CA)}},
            "alb:443 cannot be adopted: it says off, but demands client",
        ),
        (
            ("alb", 443),
            alb(https(443, **ON)),
            {"certificates": {CA: None}},
            (
                f"alb:443 cannot be adopted: its CA certificate {CA}: CAS of the account does not have this"
                " id: upload it, and"
            ),
        ),
        (
            ("alb", 443),
            alb(https(443, **ON)),
            {"certificates": NotSeen("not permitted", barred=True)},
            (
                f"alb:443 cannot be adopted: its CA certificate {CA} was not seen in CAS, where pulumi up"
                " looks it up: not permitted"
            ),
        ),
        (
            ("alb", 443),
            alb(https(443, **ON)),
            {"certificates": {CA: certificate("leaf", ca=False)}},
            (
                f"alb:443 cannot be adopted: its CA certificate {CA} cannot be used by a stack: it is not"
                " a certificate authority"
            ),
        ),
    ],
)
def test_what_cannot_be_adopted_is_one_sentence(
    place: tuple[str, int], document: Document, found: dict[str, Any], sentence: str
) -> None:
    assert refused(place, documents=[document], **found).startswith(sentence)


def test_a_listener_whose_ca_alb_does_not_have_is_refused() -> None:
    sentence = refused(("alb", 443), documents=[alb(https(443, **ON))], alb={(BALANCER, 443): state("ca-2")})
    assert (
        sentence
        == "alb:443 cannot be adopted: it demands certificates of another CA than it says; wait, or mend what"
        " keeps ALB from doing as the AlbConfig says (kubectl describe albconfig), then adopt it"
    )


def test_a_listener_without_its_load_balancer_is_refused_unless_alb_is_not_asked() -> None:
    document = {key: value for key, value in alb(https(443, **ON)).items() if key != "status"}
    assert refused(("alb", 443), documents=[document]).startswith(
        "alb:443 cannot be adopted: AlbConfig alb has no load balancer yet"
    )
    assert settings_of(
        adopt(("alb", 443), documents=[document], alb=NotSeen("not permitted", barred=True))
    ).arguments.ca_enabled


AUTHORITIES = sorted((Path(__file__).parents[3] / "data/authorities").glob("*.pem"))
MADE = datetime(2026, 12, 1, tzinfo=UTC)
"""A moment at which they are valid."""


@pytest.mark.parametrize("file", AUTHORITIES, ids=lambda file: file.stem)
def test_whatever_cas_has_is_adopted_when_a_stack_takes_it_and_else_refused_with_the_reason(
    file: Path,
) -> None:
    text = file.read_bytes().decode("utf-8", "replace")
    reason = next(iter(trust_faults(text, MADE)), None)
    found: dict[str, Any] = {"documents": [alb(https(443, **ON))], "certificates": {CA: text}, "now": MADE}
    if reason is None:
        assert settings_of(adopt(("alb", 443), **found)).arguments.ca_enabled
    else:
        assert reason in refused(("alb", 443), **found)


def test_the_documentations_own_ca_of_version_1_is_adopted() -> None:
    text = (AUTHORITIES[0].parent / "openssl-documentation-v1.pem").read_text()
    found = settings_of(
        adopt(("alb", 443), documents=[alb(https(443, **ON))], certificates={CA: text}, now=MADE)
    )
    assert found.arguments.authorities["adopted"].ca_certificate_id == CA


@pytest.mark.parametrize(
    ("second", "words"),
    [({"caCertificates": [{"CertificateId": "ca-2"}]}, "CA certificate ca-2"), ({}, "no CA certificate")],
)
def test_listeners_with_different_cas_are_refused(second: dict[str, Any], words: str) -> None:
    documents = [alb(https(443, **ON), https(8443, **second))]
    assert (
        refused(("alb", 443), ("alb", 8443), documents=documents)
        == f"alb:443 names CA certificate {CA} and alb:8443 {words}, and one stack trusts one authority:"
        " write a stack file for each (another --stack-file)"
    )


@pytest.mark.parametrize(
    ("adopt", "output", "sentence"),
    [
        (
            ["alb:443"],
            None,
            "--adopt needs --stack-file: give the file to write, for instance Pulumi.adopted.yaml",
        ),
        (
            [],
            "Pulumi.a.yaml",
            "--stack-file is for --adopt: give the listener to adopt, for instance --adopt alb:443",
        ),
        (["alb:443"], "adopted.yaml", "is not a stack file: give Pulumi.<stack>.yaml"),
        (["alb:443"], "no/Pulumi.a.yaml", "no is not a directory: give a file beside Pulumi.yaml"),
        (["alb:443"], "Pulumi.there.yaml", "Pulumi.there.yaml exists already and is never overwritten"),
        (
            ["alb"],
            "Pulumi.a.yaml",
            "alb is not a listener: give AlbConfig and port, for instance alb:443",
        ),
        (["alb:70000"], "Pulumi.a.yaml", "alb:70000 is not a listener"),
        (["alb:0"], "Pulumi.a.yaml", "alb:0 is not a listener"),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(
    tmp_path: Path, adopt: list[str], output: str | None, sentence: str
) -> None:
    (tmp_path / "Pulumi.there.yaml").touch()
    with pytest.raises(UserError) as error:
        wanted(adopt, None if output is None else tmp_path / output)
    assert sentence in str(error.value)


def test_the_file_is_never_written_over_another_one(tmp_path: Path) -> None:
    assert wanted(["alb:443", "b:8443", "alb:443"], tmp_path / FILE) == [("alb", 443), ("b", 8443)]
    write(tmp_path / FILE, "mine")
    with pytest.raises(UserError, match="exists already and is never overwritten"):
        write(tmp_path / FILE, "another")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "no" / FILE, "another")
    assert (tmp_path / FILE).read_text() == "mine"


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


class Unidentified:
    """A cluster that does not tell its id in ACK."""

    def ack_cluster_id(self) -> str:
        raise UserError("not permitted")


def test_where_the_stack_works_is_where_the_audit_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for directory in (project, elsewhere):
        directory.mkdir()
        (directory / "config").write_text(KUBECONFIG)
    inputs = {
        "endpoints": '{"cas":"127.0.0.1:1","alb":""}',
        "accessKey": "k",
        "secretKey": "s",
        "kubeconfig": str(project / "config"),
    }
    cluster: Any = Unidentified()
    monkeypatch.delenv("ALICLOUD_REGION", raising=False)
    monkeypatch.delenv("ALIBABA_CLOUD_REGION", raising=False)
    with pytest.raises(UserError, match="no region is given, and a stack needs the one of its ALB"):
        settings(inputs, cluster, project / FILE)
    monkeypatch.setenv("ALIBABA_CLOUD_REGION", "cn-beijing")
    assert settings(inputs, cluster, project / FILE) == AdoptedSettings(
        {"region": "cn-beijing", "endpoints": {"cas": "127.0.0.1:1"}},
        "config",
        "prod",
        None,
        ("alicloud:accessKey", "alicloud:secretKey"),
    )
    there = settings({"region": "r", "kubeconfig": str(elsewhere / "config")}, cluster, project / FILE)
    assert there.kubeconfig == str(elsewhere / "config")
    whole = settings({"region": "r", "kubeconfig": KUBECONFIG}, cluster, project / FILE)
    assert (whole.kubeconfig, whole.secret) == (None, ("kubernetes:kubeconfig",))
