"""What `mtls audit` concludes from what it has seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.alibaba.answers import NotPermitted, Throttled
from alb_mutual_tls.cluster.api import Forbidden
from alb_mutual_tls.errors import Unreachable, UserError, WrongPlace
from alb_mutual_tls.listener import claim as claims
from alb_mutual_tls.listener.enforced import ListenerState
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import OFF
from alb_mutual_tls.operations.audit import report as audit_report
from alb_mutual_tls.operations.audit.audit import AuditReport, report
from alb_mutual_tls.operations.audit.listeners import Enforcement
from alb_mutual_tls.operations.audit.scan import barred, tried
from alb_mutual_tls.operations.audit.scanned import NotSeen, Upload
from alb_mutual_tls.verdict import Verdict
from tests.examples import examples
from tests.screens import shown
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS, documents
from tests.unit.operations.audit.audits import (
    BALANCER,
    CA,
    NOW,
    alb,
    certificate,
    https,
    ingresses,
    seen,
    state,
)

ON = {"caEnabled": True, "caCertificates": [{"CertificateId": CA}]}
DAY = timedelta(days=1)


def audit(*found: Document, strict: bool = False, within: int = 30, **places: Any) -> AuditReport:
    return report(seen(*found, **places), now=NOW, fail_within=timedelta(days=within), strict=strict)


def said(found: AuditReport, verdict: Verdict = Verdict.FELL_SHORT) -> list[str]:
    return [finding.why for finding in found.findings if finding.verdict is verdict]


@pytest.mark.parametrize(
    ("fields", "shown", "expected", "complaint"),
    [
        ({}, state(), Enforcement.OPEN, None),
        (ON, state(CA), Enforcement.DEMANDS, None),
        (
            ON,
            state(),
            Enforcement.LETS_IN,
            (
                "listener 443/HTTPS of AlbConfig alb says on, but ALB lets everybody in without a client"
                " certificate: read"
            ),
        ),
        (
            ON,
            None,
            Enforcement.LETS_IN,
            (
                "listener 443/HTTPS of AlbConfig alb says on, and load balancer alb-1 has no HTTPS listener"
                " on port 443: read"
            ),
        ),
        (
            ON,
            state("ca-2"),
            Enforcement.OTHER_CA,
            f"listener 443/HTTPS of AlbConfig alb names CA certificate {CA}, and ALB trusts ca-2: read",
        ),
        (
            {},
            state(CA),
            Enforcement.REFUSES,
            "listener 443/HTTPS of AlbConfig alb says off, but ALB asks for client certificates: read",
        ),
        ({}, None, Enforcement.OPEN, None),
    ],
)
def test_albconfig_and_alb_together_say_what_a_listener_does(
    fields: dict[str, Any], shown: ListenerState | None, expected: Enforcement, complaint: str | None
) -> None:
    found = audit(alb(https(443, **fields)), alb={} if shown is None else {(BALANCER, 443): shown})
    (one,) = found.listeners
    assert one.state is expected
    complaints = [text for text in said(found) if text.startswith("listener")]
    assert len(complaints) == (0 if complaint is None else 1)
    assert complaint is None or complaints[0].startswith(complaint)
    assert found.exit_code == (0 if complaint is None else 1)


def test_a_listener_that_changes_is_not_decided() -> None:
    found = audit(alb(https(443, **ON)), alb={(BALANCER, 443): replace(state(CA), status="Configuring")})
    assert (found.listeners[0].state, found.exit_code) == (Enforcement.CHANGING, 2)


def test_an_albconfig_without_a_load_balancer_is_not_confirmed() -> None:
    document = {key: value for key, value in alb(https(443, **ON)).items() if key != "status"}
    found = audit(document)
    assert (found.listeners[0].state, found.exit_code) == (Enforcement.SAYS_ON, 2)
    assert said(found, Verdict.NOT_DECIDED) == [
        "listener 443/HTTPS of AlbConfig alb says on, and whether it is was not seen: AlbConfig alb has no"
        " load balancer yet (status.loadBalancer.id)"
    ]


def test_several_ca_certificates_or_none_are_what_alb_refuses() -> None:
    several = {"caEnabled": True, "caCertificates": [{"CertificateId": CA}, {"CertificateId": "ca-2"}]}
    found = audit(
        alb(https(443, **several), https(8443, caEnabled=True)),
        alb={(BALANCER, 443): state(CA), (BALANCER, 8443): state(port=8443)},
    )
    assert (
        f"listener 443/HTTPS of AlbConfig alb is on and names 2 CA certificates ({CA}, ca-2), and ALB takes"
        " one: leave the one that is meant" in said(found)
    )
    assert (
        "listener 8443/HTTPS of AlbConfig alb is on and names no CA certificate, which ALB refuses: name one"
        " in caCertificates, or set caEnabled to false" in said(found)
    )


def test_an_edition_that_is_not_documented_to_have_client_authentication_is_to_be_known_where_it_is_on() -> (
    None
):
    document = alb(https(443, **ON), https(8443))
    document["spec"]["config"] = {"edition": "Extensible"}
    found = audit(document, alb={(BALANCER, 443): state(CA), (BALANCER, 8443): state(port=8443)})
    assert [text for text in said(found, Verdict.HELD) if "edition" in text] == [
        "the ALB of AlbConfig alb is of the edition Extensible, and client authentication is documented for"
        " Standard and StandardWithWaf alone: look whether ALB confirms it (./mtls status), and run ./mtls"
        " verify"
    ]
    assert found.exit_code == 0


def test_a_bypass_is_told_at_the_listener_that_it_leads_around_and_has_a_line_of_its_own() -> None:
    document = alb(
        {"port": 80, "protocol": "HTTP"}, https(443, **ON), https(8443), {"port": 81, "protocol": "HTTP"}
    )
    found = audit(
        document,
        ingresses=ingresses([{"HTTP": 80}, {"HTTPS": 443}]),
        alb={(BALANCER, 443): state(CA), (BALANCER, 8443): state(port=8443)},
    )
    assert [(one.name, one.state) for one in found.listeners] == [
        ("alb:80", Enforcement.BYPASS),
        ("alb:443", Enforcement.DEMANDS),
        ("alb:8443", Enforcement.OPEN),
    ]
    assert [one.verdict for one in found.listeners] == [
        Verdict.NOT_CHECKED,
        Verdict.FELL_SHORT,
        Verdict.NOT_CHECKED,
    ]
    (complaint,) = said(found)
    assert complaint.startswith(
        "demo.example.com can be reached without a client certificate on 80/HTTP of AlbConfig alb (through"
        " Ingress default/web)"
    )


def test_an_open_listener_is_no_complaint_and_its_bypasses_are_nobodys_business() -> None:
    found = audit(
        alb({"port": 80, "protocol": "HTTP"}, https(443)), ingresses=ingresses([{"HTTP": 80}, {"HTTPS": 443}])
    )
    assert [one.name for one in found.listeners] == ["alb:443"]
    assert found.exit_code == 0


NOBODY_LOOKED = NotSeen("not permitted", barred=True)


@pytest.mark.parametrize(
    ("fields", "places", "verdict"),
    [
        (ON, {"alb": {(BALANCER, 443): state(CA)}}, Verdict.HELD),
        ({}, {"alb": {(BALANCER, 443): state()}}, Verdict.NOT_CHECKED),
        ({}, {"alb": {}}, Verdict.NOT_CHECKED),
        ({}, {"alb": NOBODY_LOOKED}, Verdict.NOT_CHECKED),
        (ON, {"alb": NOBODY_LOOKED}, Verdict.NOT_DECIDED),
        (ON, {"alb": {(BALANCER, 443): state(CA)}, "ingresses": NOBODY_LOOKED}, Verdict.NOT_DECIDED),
    ],
)
def test_only_a_listener_that_was_seen_to_demand_certificates_is_held(
    fields: dict[str, Any], places: dict[str, Any], verdict: Verdict
) -> None:
    found = audit(alb(https(443, **fields)), **places)
    assert (found.listeners[0].verdict, found.exit_code) == (verdict, 0)
    assert json.loads(audit_report.as_json(found))["listeners"][0]["verdict"] == verdict
    assert "held" not in audit_report.summary(found)
    row = next(line for line in printed(found).splitlines() if "alb:443" in line)
    assert ("held" in row) is (verdict is Verdict.HELD)


def test_a_ca_that_ends_within_the_time_or_has_ended_is_told_once_and_counts_where_it_is_asked_for(
    ca_ends_in_10_days: str,
) -> None:
    document = alb(https(443, **ON), https(8443, **ON))
    both = {(BALANCER, port): state(CA, port=port) for port in (443, 8443)}
    found = audit(document, alb=both, certificates={CA: ca_ends_in_10_days})
    assert said(found) == [
        f"CA certificate {CA} (of alb:443, alb:8443) ends on 2026-06-11T00:00:00Z, in 10 days, and with it"
        " every client: rotate to a new one (docs/rotation.md)"
    ]
    assert [one.verdict for one in found.listeners] == [Verdict.FELL_SHORT] * 2
    assert audit(document, alb=both, certificates={CA: ca_ends_in_10_days}, within=9).exit_code == 0
    off = alb(https(443, **{**ON, "caEnabled": False}))
    found = audit(off, certificates={CA: ca_ends_in_10_days})
    assert (found.exit_code, len(said(found, Verdict.HELD))) == (0, 3)
    late = report(
        seen(document, alb=both, certificates={CA: ca_ends_in_10_days}), now=NOW + 11 * DAY, fail_within=DAY
    )
    assert [text.partition(": ")[2] for text in said(late)] == [
        "CN=ending: it expired on 2026-06-11T00:00:00Z; make a new authority and rotate to it"
    ]


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (None, "CAS of the account does not have this id: upload it, and correct the id where it is named"),
        ("", "what CAS has of it cannot be read: there is no certificate between"),
        (
            "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n",
            "what CAS has of it cannot be read: ",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "what CAS has of it cannot be read: ",
        ),
    ],
)
def test_a_ca_that_cas_does_not_have_or_that_cannot_be_read_is_a_complaint(
    pem: str | None, words: str
) -> None:
    found = audit(alb(https(443, **ON)), alb={(BALANCER, 443): state(CA)}, certificates={CA: pem})
    (complaint,) = said(found)
    assert complaint.startswith(f"CA certificate {CA} (of alb:443): {words}")


def test_a_certificate_that_is_no_ca_is_a_complaint(leaf_pem: str) -> None:
    found = audit(alb(https(443, **ON)), alb={(BALANCER, 443): state(CA)}, certificates={CA: leaf_pem})
    assert "it is not a certificate authority" in said(found)[0]
    assert found.authorities[0].subject == "CN=leaf"


def claimed(identity: str = "1a2b3c4d", applied: str = CA, port: int = 443) -> dict[str, str]:
    claim = claims.Claim(
        "0123456789abcdef", claims.Owner(identity, "urn:x"), "a" * 64, "a" * 64, applied, OFF
    )
    return {claims.annotation_key(port): claims.render(claim)}


def test_who_holds_a_listener_is_told_and_what_was_changed_behind_its_back_is_a_complaint() -> None:
    found = audit(alb(https(443, **ON), annotations=claimed()), alb={(BALANCER, 443): state(CA)})
    assert (found.exit_code, sorted(found.stacks)) == (0, ["1a2b3c4d"])
    assert json.loads(audit_report.as_json(found))["listeners"][0]["stack"] == "1a2b3c4d"
    found = audit(
        alb(https(443, **ON), annotations=claimed(applied="ca-9")), alb={(BALANCER, 443): state(CA)}
    )
    assert said(found) == [
        "listener 443/HTTPS of AlbConfig alb is held by stack 1a2b3c4d, which wrote CA certificate"
        f" ca-9, and names {CA} now: run pulumi preview there, and find out who changed it"
    ]
    found = audit(
        alb(https(443, **ON), annotations={claims.annotation_key(443): "{}"}),
        alb={(BALANCER, 443): state(CA)},
    )
    assert said(found)[0].startswith(
        "annotation albmtls/443-https of AlbConfig alb cannot be read as a claim of this program"
    )


def test_a_claim_on_a_listener_that_is_gone_is_told() -> None:
    found = audit(alb(https(443), annotations=claimed(port=8443)))
    assert said(found, Verdict.HELD)[0].startswith(
        "AlbConfig alb has no listener 8443/HTTPS any more, which stack 1a2b3c4d still claims"
    )


def service(name: str, id: str, **cacert: str) -> Document:
    prefix = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cacert"
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "annotations": {f"{prefix}-id": id, **({prefix: cacert["on"]} if cacert else {})},
        }
    }


def test_a_ca_certificate_of_a_services_load_balancer_is_one_in_use(ca_ends_in_10_days: str) -> None:
    known = {CA: certificate("root"), "mq": ca_ends_in_10_days, "old": ca_ends_in_10_days}
    uploads = [Upload(id, "", None, "by hand") for id in (*known, "left over")]
    services = [
        service("mq", "mq", on="on"),
        service("old", "old"),
        service("web", CA, on="on"),
        {"metadata": {}},
    ]
    found = audit(
        alb(https(443, **ON)),
        alb={(BALANCER, 443): state(CA)},
        services=services,
        certificates=known,
        uploads=uploads,
    )
    assert [(one.identifier, one.users) for one in found.authorities] == [
        (CA, ("alb:443", "Service shop/web")),
        ("mq", ("Service shop/mq",)),
        ("old", ("Service shop/old",)),
    ]
    assert [text.split(" ends ")[0] for text in said(found)] == ["CA certificate mq (of Service shop/mq)"]
    assert isinstance(found.unused, tuple)
    assert [one.identifier for one in found.unused] == ["left over"]
    assert json.loads(audit_report.as_json(found))["caCertificates"][0]["services"] == ["shop/web"]


def test_uploads_that_nobody_names_are_told_with_whose_they_may_be() -> None:
    uploads = [
        Upload(CA, "root", NOW, "company"),
        Upload("u-1", "left", NOW, "alb-mutual-tls-00000001"),
        Upload("u-2", "next", None, "alb-mutual-tls-1a2b3c4d"),
        Upload("u-3", "", NOW, "company"),
    ]
    found = audit(
        alb(https(443, **ON), annotations=claimed()), alb={(BALANCER, 443): state(CA)}, uploads=uploads
    )
    assert found.exit_code == 0
    shown = json.loads(audit_report.as_json(found))["unusedUploads"]
    assert [(one["id"], one["stack"], one["holdsListener"]) for one in shown] == [
        ("u-1", "00000001", False),
        ("u-2", "1a2b3c4d", True),
        ("u-3", None, False),
    ]
    assert said(found, Verdict.HELD)[0].startswith(
        "3 CA certificates in CAS named by no listener of this cluster"
    )


@pytest.mark.parametrize(
    ("is_barred", "strict", "code"), [(True, False, 0), (True, True, 2), (False, False, 2), (False, True, 2)]
)
def test_what_is_not_permitted_is_a_note_and_what_does_not_answer_is_not_decided(
    is_barred: bool, strict: bool, code: int
) -> None:
    nothing = NotSeen("somebody says no", is_barred)
    found = audit(
        alb(https(443, **ON)),
        strict=strict,
        alb=nothing,
        certificates=nothing,
        uploads=nothing,
        ingresses=nothing,
        account=nothing,
    )
    assert found.exit_code == code
    told = [finding for finding in found.findings if "not seen" in finding.why]
    assert [one.why for one in told] == [
        "Ingresses and ALB and CAS and uploads in CAS not seen: somebody says no"
    ]
    document = json.loads(audit_report.as_json(found))
    assert (document["unusedUploads"], document["listeners"][0]["sideDoors"], document["account"]) == (
        None,
        None,
        None,
    )
    assert document["caCertificates"][0]["why"] == "somebody says no"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotPermitted("x"), True),
        (Forbidden("x", 403, "x"), True),
        (UserError("no Alibaba Cloud credentials were found"), True),
        (Throttled("x"), False),
        (Unreachable("x"), False),
        (WrongPlace("x"), False),
    ],
)
def test_asking_again_helps_only_where_nothing_is_missing(error: UserError, expected: bool) -> None:
    def fail() -> None:
        raise error

    assert barred(error) is expected
    assert tried(fail) == NotSeen(str(error), expected)


def test_what_the_controller_refuses_is_told_once_for_the_albconfig() -> None:
    document = alb(https(443, **ON), {"port": "x", "protocol": "HTTPS"}, https(8443, caEnabled="true"))
    found = audit(document, alb={(BALANCER, 443): state(CA)})
    assert len(said(found)) == len(set(said(found))) == 2
    assert 'caEnabled of listener 8443/HTTPS of AlbConfig alb is the text "true"' in said(found)[1]
    assert said(audit(alb(listeners="none"))) == [
        'spec.listeners of AlbConfig alb is the text "none", not a list: correct the AlbConfig'
    ]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (
            https(443, protocol="https"),
            (
                "listener 443/https of AlbConfig alb has a protocol that the controller does not know, so it"
                " refuses"
            ),
        ),
        (https(443, protocol="Https"), "so it refuses the AlbConfig: write HTTPS"),
        (https(443, protocol="TLS"), "so it refuses the AlbConfig: write HTTP or HTTPS or QUIC"),
        (
            https(443, protocol="QUIC", caEnabled=True),
            "listener 443/QUIC of AlbConfig alb has caEnabled, which QUIC cannot have",
        ),
        (
            https(80, protocol="HTTP", caEnabled=True),
            "listener 80/HTTP of AlbConfig alb has caEnabled, which HTTP cannot have",
        ),
        (
            https(80, protocol="HTTP", CAEnabled="true"),
            'caEnabled of listener 80/HTTP of AlbConfig alb is the text "true", neither true nor false',
        ),
        (
            https(443, certificates=[{"CertificateId": 15683209}]),
            "has the number 15683209 as CertificateId in certificates, not text",
        ),
        (
            https(443, caCertificates=[{"certificateid": 1}]),
            "has the number 1 as CertificateId in caCertificates, not text",
        ),
        (https(70000), "listener 70000/HTTPS of AlbConfig alb has a port outside 1 to 65535"),
        (https(0), "has a port outside 1 to 65535"),
    ],
)
def test_what_the_controller_refuses_is_a_complaint_with_its_event(item: dict[str, Any], words: str) -> None:
    event = "FailedBuildModel: build model failed (2026-06-01T00:00:00Z)"
    found = audit(alb(item), events={"alb": event})
    (complaint,) = (sentence for sentence in said(found) if event in sentence)
    assert words in complaint
    assert complaint.endswith(f" ({event})")
    assert found.exit_code == 1


def printed(found: AuditReport) -> str:
    return shown(lambda screen: audit_report.print_for_people(found, screen))


def test_people_see_the_verdict_first_and_a_line_for_each_listener() -> None:
    text = printed(audit(alb(https(443, **ON), annotations=claimed()), alb={(BALANCER, 443): state()}))
    assert "\nalb:443   says on, but lets everybody in  on, CA ca-1    off " in text
    assert "stack 1a2b3c4d" in text
    assert (
        text.splitlines()[0] == "fell short: 1 HTTPS listener (1 says on, but lets everybody in), 1 complaint"
    )


def test_ids_that_begin_alike_are_never_said_to_be_those_of_the_albconfig() -> None:
    mine, other = (f"0e40dda998174723af39d37fcaf4a2b{last}" for last in "12")
    item = https(443, caEnabled=True, caCertificates=[{"CertificateId": mine}])
    for reported, same in ((mine, True), (other, False)):
        text = printed(audit(alb(item, annotations=claimed()), alb={(BALANCER, 443): state(reported)}))
        assert ("= AlbConfig" in text) is same


def test_every_published_albconfig_is_audited() -> None:
    found = audit(*DOCUMENTS.values(), alb={}, ingresses=ingresses([{"HTTPS": 443}], *DOCUMENTS))
    assert {one.listener.albconfig for one in found.listeners} == set(WITH_HTTPS)
    assert json.loads(audit_report.as_json(found))["version"] == 1
    text = shown(lambda screen: audit_report.print_for_people(found, screen), wide=True)
    assert all(f"\n{name} " in text for name in ("seed-enable-mtls:443", "seed-disable-mtls:443"))
    assert {one.name: one.state for one in found.listeners}["seed-enable-mtls:443"] is Enforcement.SAYS_ON


@settings(max_examples=examples(25))
@given(documents(), st.sampled_from([{}, NotSeen("no", True)]), st.booleans())
def test_whatever_an_albconfig_holds_it_is_audited_and_a_clean_bill_needs_every_listener_to_do_as_it_says(
    made: tuple[Document, int], places: Mapping[Any, Any] | NotSeen, strict: bool
) -> None:
    found = audit(made[0], strict=strict, alb=places)
    document = json.loads(audit_report.as_json(found))
    assert document["exitCode"] == found.exit_code
    asking = [
        one for one in found.listeners if one.listener.ca_enabled and one.state is not Enforcement.BYPASS
    ]
    if found.exit_code == 0:
        assert all(one.state in (Enforcement.DEMANDS, Enforcement.SAYS_ON) for one in asking)
    if asking and places == {}:
        assert found.exit_code != 0  # nobody has confirmed them
