"""`mtls status`: what is in step, what ends, what is due, who is still let in; the clock stands
where a test puts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.enforced import (
    Absent,
    CaReference,
    ListenerState,
    NotKnown,
    Shown,
    View,
    declared,
    reported,
)
from alb_mutual_tls.operations.status.certificates import client_status
from alb_mutual_tls.operations.status.observed import ObservedListener, observe
from alb_mutual_tls.operations.status.report import as_json, print_for_people
from alb_mutual_tls.operations.status.status import StatusReport, report
from alb_mutual_tls.pki.issued import Outstanding, authority_identity
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.stack.inventory import ClientCertificate, Inventory, inventories
from alb_mutual_tls.text import duration
from alb_mutual_tls.verdict import Verdict
from tests.unit.pki.material import DAY, NOW, authority, client, pem, subordinate

ROOT, OTHER = authority("root a"), authority("root b")
SHORT = authority("short", end=NOW + 40 * DAY)
HTTPS = DeployedListener("https", "alb", 443, True, ca_certificate_id="ca-1")
ON, OFF = Shown(True, ("ca-1",)), Shown(False, ("ca-1",))


def having(**clients: tuple[int, int]) -> Inventory:
    """A component with clients of a validity and a time of renewal, in days."""
    return Inventory(
        component=DeployedComponent("mtls", (HTTPS,), (), "root", pem(ROOT.certificate)),
        authorities={"root": pem(ROOT.certificate)},
        issuing_authority="root",
        clients=tuple(certificate(name, *days) for name, days in clients.items()),
        outstanding=(),
        provider={},
        secret_settings=(),
    )


def certificate(name: str, validity: int, before: int, issuer: Any = ROOT) -> ClientCertificate:
    issued = client(issuer, subject={"commonName": name}, validity_days=validity)
    return ClientCertificate(name, pem(issued), before, pem(issuer.certificate))


def left(name: str, days: int, *accepted_by: Any) -> Outstanding:
    return Outstanding(
        client=name,
        serialNumber="1f",
        notAfter=f"{NOW + days * DAY:%Y-%m-%dT%H:%M:%SZ}",
        fingerprint=f"{days:064x}",
        acceptedBy=[authority_identity(one.certificate) for one in accepted_by],
        reason="removed",
        since="2026-11-01T00:00:00Z",
    )


def judged(
    inventory: Inventory, albconfig: View = ON, alb: View = ON, *, day: float = 0, within: str | None = None
) -> StatusReport:
    listeners = [ObservedListener(listener, albconfig, alb) for listener in inventory.component.listeners]
    return report(
        [(inventory, listeners)],
        now=NOW + day * DAY,
        fail_within=None if within is None else duration(within),
    )


def told(made: StatusReport) -> list[str]:
    return [f"{one.verdict}: {one.why}" for one in made.findings]


def shown(made: StatusReport) -> str:
    output = StringIO()
    print_for_people(made, Console(file=output, width=200))
    return output.getvalue()


def test_a_temporary_listener_that_a_rehearsal_left_behind_is_told_once_and_fails_nothing() -> None:
    observed = ObservedListener(HTTPS, ON, ON, ("AlbConfig alb has the temporary listener",))
    made = report([(having(), [observed, observed])], now=NOW, fail_within=None)
    assert told(made) == ["held: AlbConfig alb has the temporary listener"]
    assert made.exit_code == 0


# --- listeners


@pytest.mark.parametrize("desired", [True, False])
@pytest.mark.parametrize(
    ("albconfig", "alb", "when_on", "when_off"),
    [
        (ON, ON, Verdict.HELD, Verdict.FELL_SHORT),
        (OFF, OFF, Verdict.FELL_SHORT, Verdict.HELD),
        (ON, OFF, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (OFF, ON, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (ON, Shown(True, ("ca-2",)), Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (ON, Shown(True, ("ca-1", "ca-2")), Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (Shown(True, ("ca-2",)), ON, Verdict.FELL_SHORT, Verdict.FELL_SHORT),
        (
            Shown(False, ()),
            Shown(False, ()),
            Verdict.FELL_SHORT,
            Verdict.FELL_SHORT,
        ),  # pulumi up would write caCertificates again
        (OFF, Shown(False, ()), Verdict.FELL_SHORT, Verdict.HELD),
        (Absent("gone"), NotKnown("unnamed"), Verdict.FELL_SHORT, Verdict.NOT_DECIDED),
        (Absent("gone"), Absent("gone"), Verdict.FELL_SHORT, Verdict.HELD),
        (ON, NotKnown("no permission"), Verdict.NOT_DECIDED, Verdict.FELL_SHORT),
        (NotKnown("no cluster"), NotKnown("unnamed"), Verdict.NOT_DECIDED, Verdict.NOT_DECIDED),
        (ON, Shown(True, ("ca-1",), changing=True), Verdict.NOT_DECIDED, Verdict.FELL_SHORT),
    ],
)
def test_a_listener_holds_when_albconfig_and_alb_have_what_is_desired(
    desired: bool, albconfig: View, alb: View, when_on: Verdict, when_off: Verdict
) -> None:
    inventory = having()
    listener = replace(HTTPS, ca_enabled=desired)
    inventory = replace(inventory, component=replace(inventory.component, listeners=(listener,)))
    made = judged(inventory, albconfig, alb)
    expected = when_on if desired else when_off
    assert made.listeners[0].verdict is made.verdict is expected
    assert made.exit_code == {Verdict.HELD: 0, Verdict.FELL_SHORT: 1, Verdict.NOT_DECIDED: 2}[expected]


def test_what_is_out_of_step_is_said_with_what_each_place_has() -> None:
    assert told(judged(having(), OFF, Absent("load balancer lb-1 has no HTTPS listener on port 443"))) == [
        (
            "fell short: listener https (AlbConfig alb port 443): desired is on, CA ca-1, and the AlbConfig"
            " has off, CA ca-1: run pulumi preview to see what pulumi up would write, and find out who"
            " changed it"
        ),
        (
            "fell short: listener https (AlbConfig alb port 443): desired is on, CA ca-1, and load balancer"
            " lb-1 has no HTTPS listener on port 443: read the events of the AlbConfig (kubectl describe"
            " albconfig), then run pulumi up"
        ),
    ]


def test_an_alb_that_does_as_a_changed_albconfig_says_is_not_to_blame() -> None:
    _, alb = told(judged(having(), OFF, OFF))
    assert alb.endswith("desired is on, CA ca-1, and ALB has off, CA ca-1: it does as the AlbConfig says")


def test_a_place_that_was_not_seen_is_not_known_with_the_reason() -> None:
    made = judged(having(), ON, NotKnown("RAM forbids alb:ListListeners"))
    assert told(made) == [
        "not decided: listener https (AlbConfig alb port 443): ALB was not seen: RAM forbids"
        " alb:ListListeners"
    ]
    assert "not known" in shown(made)


# --- certificates


@pytest.mark.parametrize(
    ("day", "within", "code", "says"),
    [
        (0, None, 0, ""),
        (59.9, "14d", 0, ""),
        (60, None, 0, ""),  # due, which a pulumi up settles
        (
            60,
            "14d",
            1,
            "is due for renewal since 2027-01-22T12:00:00Z: run pulumi up, and hand the new one over",
        ),
        (80, "14d", 1, "ends on 2027-02-21T12:00:00Z, in 10 days: run pulumi up, and hand the new one over"),
        (89, "1d", 1, "ends on 2027-02-21T12:00:00Z, in 1 day: run pulumi up"),
        (90, None, 1, "ended on 2027-02-21T12:00:00Z: run pulumi up"),
        (
            0,
            "91d",
            1,
            (
                "in 90 days, and is renewed from 2027-01-22T12:00:00Z on: raise its renewBeforeDays, or give"
                " a shorter --fail-within"
            ),
        ),
    ],
)
def test_a_client_falls_short_when_it_has_ended_or_with_fail_within_when_it_ends_soon_or_is_due(
    day: float, within: str | None, code: int, says: str
) -> None:
    made = judged(having(one=(90, 30)), day=day, within=within)
    assert made.exit_code == code
    assert ([says] if says else []) == [
        says
        for text in told(made)
        if text.startswith("fell short: the certificate of client one") and says in text
    ]
    assert len(made.findings) == code


def test_a_client_says_when_it_is_renewed_and_whether_that_is_due() -> None:
    one = having(one=(90, 30)).clients[0]
    found = client_status("mtls", one, NOW + 59 * DAY)
    assert (found.renewal, found.due, found.ends_with_authority) == (NOW + 60 * DAY, False, False)
    assert client_status("mtls", one, NOW + 60 * DAY).due
    assert "due" in shown(judged(having(one=(90, 30)), day=60))
    assert "from 2027-01-22T12:00:00Z" in shown(judged(having(one=(90, 30)), day=59))


def test_a_client_that_ends_with_its_authority_has_no_renewal_to_come() -> None:
    inventory = replace(
        having(), clients=(certificate("one", 90, 30, SHORT),), authorities={"root": pem(ROOT.certificate)}
    )
    made = judged(inventory, day=35, within="14d")
    (found,) = made.clients
    assert (found.not_after, found.renewal, found.due, found.ends_with_authority) == (
        NOW + 40 * DAY,
        None,
        False,
        True,
    )
    assert "none, it ends with its authority" in shown(made)
    assert (
        "fell short: the certificate of client one ends on 2027-01-02T12:00:00Z, in 5 days, with its"
        " authority: rotate" in told(made)[1]
    )


def test_a_client_that_ended_before_its_authority_did_is_not_to_be_renewed_either() -> None:
    inventory = replace(having(), clients=(certificate("one", 10, 3, SHORT),))
    assert client_status("mtls", inventory.clients[0], NOW + 39 * DAY).due
    found = client_status("mtls", inventory.clients[0], NOW + 41 * DAY)
    assert (found.due, found.renewal, found.ends_with_authority) == (False, None, True)


def test_an_authority_in_use_that_ends_soon_falls_short_and_one_that_is_only_uploaded_does_not() -> None:
    inventory = replace(having(), authorities={"root": pem(ROOT.certificate), "old": pem(SHORT.certificate)})
    assert judged(inventory, day=50, within="14d").exit_code == 0
    inventory = replace(inventory, issuing_authority="old")
    assert told(judged(inventory, day=39, within="1d")) == [
        "fell short: authority old (issuing) ends on 2027-01-02T12:00:00Z, in 1 day: rotate to a new one"
        " (docs/rotation.md)"
    ]
    assert judged(inventory, day=39).exit_code == 0
    assert judged(inventory, day=40).exit_code == 1


def test_a_subordinate_that_signs_stands_beside_the_root_that_is_trusted() -> None:
    sub = subordinate(ROOT)
    made = judged(replace(having(), clients=(certificate("one", 90, 30, sub),)))
    assert [(one.name, one.roles, one.subject) for one in made.authorities] == [
        ("root", ("trusted", "issuing"), "CN=root a"),
        ("root (subordinate)", ("issuing",), "CN=sub"),
    ]


# --- who is still let in


def test_outstanding_certificates_are_listed_until_they_end_and_whether_the_trusted_ca_accepts_them() -> None:
    inventory = replace(
        having(),
        outstanding=(left("gone", 50, ROOT), left("other", 60, OTHER), left("crossed", 70, OTHER, ROOT)),
    )
    made = judged(inventory, day=1, within="365d")
    assert [(one.client, one.accepted, made.days_left(one.not_after)) for one in made.outstanding] == [
        ("gone", True, 49),
        ("other", False, 59),
        ("crossed", True, 69),
    ]
    assert made.exit_code == 0  # there is nothing that pulumi up could do about it
    assert [one.client for one in judged(inventory, day=60).outstanding] == ["crossed"]
    assert "ALB knows no revocation" in shown(made)


def test_a_longer_certificate_of_the_same_authority_accepts_the_same_clients() -> None:
    inventory = replace(having(), outstanding=(left("gone", 50, ROOT),))
    longer = authority("root a", end=NOW + 5000 * DAY)
    inventory = replace(
        inventory, component=replace(inventory.component, ca_certificate_pem=pem(longer.certificate))
    )
    assert judged(inventory).outstanding[0].accepted


def test_a_state_without_a_record_says_so_and_decides_nothing_by_it() -> None:
    made = judged(replace(having(), outstanding=None))
    assert made.exit_code == 0
    (note,) = told(made)
    assert (
        "which certificates of removed clients are still accepted is not known" in note
        and "run pulumi up" in note
    )
    assert "note: which certificates" in shown(made)


# --- the time that is given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14d", timedelta(days=14)),
        ("36h", timedelta(hours=36)),
        ("0d", timedelta()),
        ("999999h", timedelta(hours=999999)),
    ],
)
def test_a_time_is_a_number_of_days_or_hours(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "14", "2w", "d", "1.5d", "-1d", "14 d", "14D", "14dd", "９d", "1000000d", "14d\n"]
)
def test_any_other_time_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"^--fail-within '.*' is not a time: give a whole number of days or hours, for instance 14d"
            r" or 36h$"
        ),
    ):
        duration(text)


# --- what the places show


def test_the_albconfig_is_read_as_the_controller_reads_it() -> None:
    def document(*listeners: dict[str, Any]) -> dict[str, Any]:
        return {"metadata": {"name": "alb"}, "spec": {"listeners": list(listeners)}}

    ours = {
        "port": 443,
        "protocol": "HTTPS",
        "CaEnabled": True,
        "caCertificates": [{"CertificateId": "ca-1"}],
    }
    assert declared(document(ours), 443) == ON
    assert declared(document({"port": 443, "protocol": "HTTPS"}), 443) == Shown(False, ())
    assert isinstance(declared(document({"port": 80, "protocol": "HTTP"}), 443), Absent)
    assert isinstance(declared(document(ours, ours), 443), NotKnown)


def test_alb_is_at_work_while_the_listener_or_a_ca_certificate_is_on_its_way() -> None:
    def state(status: str, *references: CaReference) -> ListenerState:
        return ListenerState("lsn-1", "lb-1", 443, status, True, references)

    assert reported(state("Running", CaReference("ca-1", "Associated")), "lb-1", 443) == ON
    assert reported(state("Running", CaReference("ca-1", "")), "lb-1", 443) == ON
    for one in (
        state("Configuring", CaReference("ca-1", "Associated")),
        state("Running", CaReference("ca-1", "Associating")),
    ):
        assert reported(one, "lb-1", 443) == replace(ON, changing=True)
    assert reported(None, "lb-1", 443) == Absent("load balancer lb-1 has no HTTPS listener on port 443")


def test_a_cluster_that_cannot_be_reached_leaves_both_places_unknown(tmp_path: Path) -> None:
    inventory = replace(having(one=(90, 30)), provider={"kubeconfig": "nowhere"})
    (observed,) = observe(inventory, tmp_path, None)
    assert isinstance(observed.albconfig, NotKnown) and "nowhere" in observed.albconfig.why
    assert observed.alb == NotKnown("the AlbConfig alb, which names the load balancer, could not be read")


def test_settings_that_are_secret_are_needed_by_the_place_alone_that_they_are_of(
    pulumi: Callable[..., Path],
) -> None:
    """Access keys are nothing that the cluster needs; a kubeconfig that is secret and cannot be
    decrypted must not be taken for none.
    """
    project = pulumi(stderr="error: incorrect passphrase", code=255)
    inventory = replace(having(), component=replace(having().component, listeners=(HTTPS, HTTPS)))
    for observed in observe(replace(inventory, secret_settings=("kubeconfig", "secretKey")), project, None):
        assert isinstance(observed.albconfig, NotKnown)
        assert observed.albconfig.why.startswith(
            "the state has kubeconfig of the provider encrypted, and could not be decrypted: the"
            " passphrase in"
        )
    asked = project.parent / "bin/arguments"
    asked.unlink()
    for observed in observe(
        replace(inventory, secret_settings=("secretKey",), provider={"kubeconfig": "nowhere"}), project, None
    ):
        assert isinstance(observed.albconfig, NotKnown) and "nowhere" in observed.albconfig.why
    assert not asked.exists()


# --- the state


RECORD = {"outstanding": [left("gone", 50, ROOT)], "certificates": {}, "current": {}}


def with_record(exported: dict[str, Any], authority: tuple[str, str]) -> dict[str, Any]:
    """The state with what a client's certificate was signed with, and the record; its secrets
    encrypted.
    """
    resources = exported["deployment"]["resources"]
    parent, provider = resources[2]["urn"], resources[3]["provider"]
    inputs = {"kind": "client", "renewBeforeDays": 30.0, "issuerCertificatePem": authority[0]}
    for token, name, more in (
        ("albmtls:index:SignedCertificate", "mtls-client-client", {"inputs": inputs}),
        ("albmtls:index:SignedCertificate", "mtls-b-by-a", {"inputs": {"kind": "cross"}}),
        ("albmtls:index:IssuedCertificates", "mtls-issued", {"outputs": RECORD}),
    ):
        resources.append(
            {
                "urn": f"{parent}${token}::{name}",
                "type": token,
                "parent": parent,
                "provider": provider,
                **more,
            }
        )
    encrypted: dict[str, Any] = _encrypted(exported)
    return encrypted


def _encrypted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            ("ciphertext" if key == "plaintext" else key): _encrypted(item) for key, item in value.items()
        }
    return [_encrypted(item) for item in value] if isinstance(value, list) else value


def test_the_state_is_read_without_its_secrets(exported: dict[str, Any], authority: tuple[str, str]) -> None:
    (found,) = inventories(with_record(exported, authority), component=None)
    assert found.component.trusted_authority == found.issuing_authority == "root"
    assert found.authorities == {"root": authority[0]}
    assert [(one.client, one.renew_before_days, one.issuer_pem) for one in found.clients] == [
        ("client", 30, authority[0]),
        ("csr-client", None, None),
    ]
    assert found.outstanding == tuple(RECORD["outstanding"])
    assert found.secret_settings == ("secretKey",)
    assert all(one.private_key_pem is None for one in found.component.clients)


def test_a_component_is_chosen_by_name_and_a_state_of_before_has_no_record(exported: dict[str, Any]) -> None:
    (found,) = inventories(exported, component="mtls")
    assert found.outstanding is None
    with pytest.raises(UserError, match="the stack has no AlbMutualTls named 'other': it has mtls"):
        inventories(exported, component="other")


# --- the document


def test_the_json_document_is_what_its_description_says() -> None:
    inventory = replace(having(one=(90, 30)), outstanding=(left("gone", 50, ROOT),))
    document = json.loads(as_json(judged(inventory, ON, NotKnown("no permission"), day=1, within="36h")))
    assert document["listeners"][0] == {
        "component": "mtls",
        "name": "https",
        "albConfig": "alb",
        "port": 443,
        "authority": "root",
        "verdict": "not decided",
        "wished": {"caEnabled": True, "caCertificateIds": ["ca-1"]},
        "albconfig": {"caEnabled": True, "caCertificateIds": ["ca-1"], "why": None},
        "alb": {"caEnabled": None, "caCertificateIds": [], "why": "no permission", "changing": None},
    }
    assert document["clients"][0] | {"serialNumber": "-"} == {
        "component": "mtls",
        "name": "one",
        "serialNumber": "-",
        "notAfter": "2027-02-21T12:00:00Z",
        "daysLeft": 89,
        "renewal": "2027-01-22T12:00:00Z",
        "due": False,
        "endsWithAuthority": False,
    }
    assert document["authorities"][0] | {"fingerprint": "-"} == {
        "component": "mtls",
        "name": "root",
        "trusted": True,
        "issuing": True,
        "subject": "CN=root a",
        "fingerprint": "-",
        "notAfter": "2036-11-20T12:00:00Z",
        "daysLeft": 3649,
    }
    assert document["outstanding"] == [
        {
            "component": "mtls",
            "client": "gone",
            "serialNumber": "1f",
            "notAfter": "2027-01-12T12:00:00Z",
            "daysLeft": 49,
            "reason": "removed",
            "since": "2026-11-01T00:00:00Z",
            "accepted": True,
        }
    ]
    del document["listeners"], document["clients"], document["authorities"], document["outstanding"]
    assert document == {
        "version": 1,
        "verdict": "not decided",
        "exitCode": 2,
        "summary": (
            "not decided: 1 listener, 1 client, 0 due for renewal, 1 outstanding; client one ends first, in"
            " 89 days"
        ),
        "checkedAt": "2026-11-24T12:00:00Z",
        "failWithinSeconds": 129600,
        "findings": [
            {
                "verdict": "not decided",
                "text": "listener https (AlbConfig alb port 443): ALB was not seen: no permission",
            },
        ],
    }


def test_a_name_that_would_steer_the_terminal_is_shown_as_text() -> None:
    made = judged(replace(having(), outstanding=(left("\x1b[31m[red]evil", 50, ROOT),)))
    assert "[31m[red]evil" in shown(made) and "\x1b" not in shown(made)
