"""Renewal on the real engine at simulated dates, the record of what is still let in, and `mtls
status` on what is real now.

Keys, requests and the authority are made by the tls plugin, which lives today, as nginx and ALB's
stand-in do; the provider lives at the date of the test. So certificates of a later date are
verified with openssl at that date, and handshakes are made only with those of day 0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from alb_mutual_tls.listener.bypasses import NOT_LOOKED_AT
from tests.integration.engine import REPOSITORY, Sandbox, Stack, run, succeed
from tests.integration.time_travel import TimeTravel

pytestmark = pytest.mark.campaign

UP = ("up", "--yes", "--skip-preview", "--suppress-progress")
A, B = {"validityDays": 90, "renewBeforeDays": 30}, {"validityDays": 365, "renewBeforeDays": 60}
LIFE = 400
"""Days that the authority lasts."""


@dataclass
class Life:
    """The stack, and the dates that it goes through."""

    stack: Stack
    time: TimeTravel
    directory: Path

    def changes(self) -> set[str]:
        """What a preview would do, as `operation name`; what it only reads is left out."""
        shown = json.loads(succeed(self.stack.pulumi("preview", "--json")))
        steps = [
            (step["op"], step["urn"].rsplit("::", 1)[-1].removeprefix("alb-mutual-tls-"))
            for step in shown["steps"]
        ]
        return {f"{operation} {name}" for operation, name in steps if operation not in ("same", "refresh")}

    def up(self) -> set[str]:
        """What the preview shows; the `up` after it does exactly that, without a PATCH, and the
        next preview is empty.
        """
        shown, before = self.changes(), len(self.stack.sandbox.audit_log())
        was = self.resources()
        self.stack.up()
        now = self.resources()
        different = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
        assert different == {change.split()[1] for change in shown}
        assert self.stack.sandbox.patches(since=before) == []
        assert self.changes() == set()
        return shown

    def resources(self) -> dict[str, dict[str, Any]]:
        """What the state has of each resource by name, which several kinds may share.

        Left out are the stack and the component, whose outputs follow.
        """
        found: dict[str, dict[str, Any]] = {}
        for urn, kept in self.stack.kept().items():
            *_, kind, name = urn.split("::")
            if kind not in ("pulumi:pulumi:Stack", "alb-mutual-tls:index:AlbMutualTls"):
                found.setdefault(name.removeprefix("alb-mutual-tls-"), {})[kind] = kept
        return found

    def certificate(self, client: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.pem(client).encode())

    def pem(self, client: str) -> str:
        return str(self.stack.issued()[client]["certificatePem"])

    def verifies(self, pem: str, at: datetime) -> bool:
        """Whether openssl accepts a client certificate at a moment."""
        outputs = json.loads(succeed(self.stack.pulumi("stack", "output", "--json")))
        ca, leaf = self.directory / "ca.crt", self.directory / "leaf.crt"
        ca.write_text(outputs["caCertificatePem"])
        leaf.write_text(pem)
        how = ("-attime", str(int(at.timestamp())), "-purpose", "sslclient", "-x509_strict")
        return run("openssl", "verify", *how, "-CAfile", ca, leaf).returncode == 0

    def outstanding(self) -> list[tuple[str, str, str]]:
        """Client, reason and end of what the record has outstanding."""
        record = next(
            one for urn, one in self.stack.kept().items() if urn.endswith("::alb-mutual-tls-issued")
        )
        return [(one["client"], one["reason"], one["notAfter"]) for one in record["outputs"]["outstanding"]]

    def killed_at_the_register(self) -> None:
        """`pulumi up`, killed when everything before the update of the register is done."""
        self.time.hold.touch()
        underway = self.stack.begin(*UP)
        try:
            underway.until(self.time.held)
        finally:
            underway.kill()
            self.time.release()
            succeed(self.stack.pulumi("cancel", "--yes"))

    def status(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        """Exit code and output of `mtls status`, without the passphrase of the stack's secrets."""
        variables = {
            key: value for key, value in self.stack.sandbox.env.items() if "PASSPHRASE" not in key
        } | (env or {})
        command = ("status", "--stack", self.stack.name, "--cwd", str(self.stack.directory), *arguments)
        done = run(REPOSITORY / "mtls", *command, env=variables, cwd=self.stack.directory)
        assert done.stderr == ""
        return done.returncode, done.stdout


def text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture(scope="module")
def life(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A stack with two clients on day 0, which is as much ahead of today as certificates are
    backdated: so the authority is valid already.
    """
    directory = tmp_path_factory.mktemp("renewal")
    time = TimeTravel.begin(directory, datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=4))
    stack = Stack("renewal", time.program, sandbox)
    stack.set(
        authorities={"root": {"keyAlgorithm": "ECDSA-P256", "validityDays": LIFE}}, clients={"a": A, "b": B}
    )
    try:
        stack.up()
        yield Life(stack, time, directory)
    finally:
        stack.remove()


def test_on_day_0_status_finds_all_three_views_in_agreement_and_needs_no_passphrase(life: Life) -> None:
    code, output = life.status("--json")
    document = json.loads(output)
    kept = (
        f"CA certificates are kept by CAS at {life.stack.sandbox.layout.openapi_endpoint}, as"
        " alicloud:endpoints.cas says"
    )
    assert (code, document["findings"]) == (
        0,
        [{"verdict": "held", "text": text} for text in (kept, NOT_LOOKED_AT)],
    ), output
    (listener,) = document["listeners"]
    identifier = json.loads(succeed(life.stack.pulumi("stack", "output", "--json")))["caCertificateId"]
    for view in ("wished", "albconfig", "alb"):
        assert (listener[view]["caEnabled"], listener[view]["caCertificateIds"]) == (True, [identifier])
    assert [(one["name"], one["due"], one["renewal"]) for one in document["clients"]] == [
        ("a", False, text(life.time.began + timedelta(days=60))),
        ("b", False, text(life.time.began + timedelta(days=305))),
    ]
    assert document["outstanding"] == []
    assert life.status()[0] == life.status("--fail-within", "14d")[0] == 0
    code, output = life.status("--fail-within", "100d")
    assert code == 1 and "the certificate of client a ends on" in output


def test_status_tells_the_metrics_to_prometheus(life: Life) -> None:
    code, output = life.status("--format", "openmetrics")
    assert code == 0
    found = {family.name: family.samples for family in text_string_to_metric_families(output)}
    assert [sample.value for sample in found["albmtls_listener_ca_enabled"]] == [1, 1, 1]
    ends = {
        sample.labels["client"]: sample.value
        for sample in found["albmtls_certificate_not_after_timestamp_seconds"]
    }
    assert ends == {client: life.certificate(client).not_valid_after_utc.timestamp() for client in ("a", "b")}


def test_status_shows_who_changed_what_out_of_band(life: Life) -> None:
    place = next(
        index
        for index, item in enumerate(life.stack.sandbox.albconfig()["spec"]["listeners"])
        if item["port"] == 443
    )
    switch = {"op": "replace", "path": f"/spec/listeners/{place}/caEnabled"}
    life.stack.sandbox.edit({**switch, "value": False})
    code, output = life.status("--json")
    (listener,) = json.loads(output)["listeners"]
    assert code == 1
    assert (listener["wished"]["caEnabled"], listener["albconfig"]["caEnabled"]) == (True, False)
    life.stack.up()
    assert life.status("--json")[0] == 0


@pytest.mark.parametrize("variable", ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
def test_status_works_where_the_cloud_lets_nobody_look(life: Life, variable: str) -> None:
    assert variable in life.stack.sandbox.env
    code, output = life.status("--json", env={variable: "somebody-else"})
    document = json.loads(output)
    assert code == 2, output
    (listener,) = document["listeners"]
    assert listener["albconfig"]["caEnabled"] is True
    assert listener["alb"]["caEnabled"] is None and listener["alb"]["why"]
    assert len(document["clients"]) == 2


def test_before_its_time_nothing_is_due(life: Life) -> None:
    life.time.day(59.9)
    assert life.changes() == set()


def test_on_day_60_a_scheduled_up_renews_exactly_client_a_and_the_old_certificate_stays_valid(
    life: Life,
) -> None:
    at = life.time.day(60)
    before, old, other = life.certificate("a"), life.pem("a"), life.pem("b")
    assert life.up() == {"update issued"}
    after = life.certificate("a")
    assert after.public_key() == before.public_key()
    assert after.subject == before.subject
    assert after.not_valid_after_utc == at + timedelta(days=90)
    assert life.pem("b") == other
    assert life.verifies(old, at) and life.verifies(life.pem("a"), at)
    assert not life.verifies(old, life.time.began + timedelta(days=90, seconds=1))
    assert life.outstanding() == [("a", "renewed", text(life.time.began + timedelta(days=90)))]


def test_killed_while_it_renews_the_old_certificate_is_not_lost(life: Life) -> None:
    life.time.day(120)
    old = life.certificate("a")
    life.killed_at_the_register()
    assert life.certificate("a") == old
    at = life.time.day(121)
    assert life.changes() == {"update issued"}
    life.stack.up()
    assert life.certificate("a").not_valid_after_utc == at + timedelta(days=90)
    # that of day 0 has ended
    assert life.outstanding() == [("a", "renewed", text(old.not_valid_after_utc))]


def test_on_day_305_both_are_due_and_b_is_cut_short_by_the_authority(life: Life) -> None:
    life.time.day(305)
    done = life.stack.preview()
    shown = done.stdout + done.stderr
    assert (
        "client b: the certificate ends on" in shown
        and "with its authority, earlier than the 365 days asked for" in shown
    )
    assert life.up() == {"update issued"}
    outputs = json.loads(succeed(life.stack.pulumi("stack", "output", "--json")))
    end = x509.load_pem_x509_certificate(outputs["caCertificatePem"].encode()).not_valid_after_utc
    assert life.certificate("b").not_valid_after_utc == end
    assert life.certificate("a").not_valid_after_utc == life.time.began + timedelta(days=305 + 90)


def test_near_the_end_of_the_authority_a_is_cut_short_too_and_then_nothing_is_due_any_more(
    life: Life,
) -> None:
    life.time.day(366)
    assert life.up() == {"update issued"}
    assert life.certificate("a").not_valid_after_utc == life.certificate("b").not_valid_after_utc
    assert life.certificate("b").not_valid_after_utc == life.time.began + timedelta(days=LIFE)
    for day in (380, 399):
        life.time.day(day)
        done = life.stack.preview("--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "clients a, b: each certificate ends on" in done.stdout + done.stderr
        assert "and so does its authority; rotate to a new authority" in done.stdout + done.stderr


def test_a_removed_client_is_told_in_the_preview_listed_in_status_and_still_let_in(
    sandbox: Sandbox, life: Life, tmp_path: Path
) -> None:
    """With certificates of today: the clock goes back to day 0, where two clients are added."""
    life.time.day(0)
    life.stack.set(clients={"a": A, "b": B, "leaver": {"validityDays": 30}, "changed": {"validityDays": 200}})
    life.stack.up()
    clients = {name: life.stack.client(tmp_path, name) for name in ("leaver", "changed")}
    ends = {name: text(life.certificate(name).not_valid_after_utc) for name in clients}
    life.stack.set(clients={"a": A, "b": B, "changed": {"validityDays": 200, "keyAlgorithm": "ECDSA-P384"}})
    shown = life.stack.preview().stderr + life.stack.pulumi("preview", "--suppress-progress").stdout
    assert (
        f"client leaver is removed, but whoever holds its certificate is let in until {ends['leaver']}"
        in shown
    )
    assert (
        "client changed: issued anew because of publicKeyPem, but whoever holds the former certificate is let"
        f" in until {ends['changed']}" in shown
    )
    life.killed_at_the_register()
    life.stack.up()
    assert [one for one in life.outstanding() if one[0] in clients] == [
        ("changed", "replaced", ends["changed"]),
        ("leaver", "removed", ends["leaver"]),
    ]
    for name, client in clients.items():
        assert life.stack.get(client) == (200, "old"), name
    code, output = life.status("--json")
    listed = {one["client"]: one for one in json.loads(output)["outstanding"]}
    assert {
        name: (one["reason"], one["notAfter"], one["accepted"])
        for name, one in listed.items()
        if name in clients
    } == {
        "leaver": ("removed", ends["leaver"], True),
        "changed": ("replaced", ends["changed"], True),
    }
    assert code == 0
    assert "leaver" in life.status()[1]


def as_before(document: dict[str, Any]) -> None:
    """Make of a state the one that the version before would have written.

    It had a request and a certificate of their own for each client, kept the certificates in the
    record too, and gave them out among the component's and the stack's outputs.
    """
    resources = document["deployment"]["resources"]
    (register,) = [one for one in resources if one["type"] == "albmtls:index:IssuedCertificates"]
    inputs, outputs = register["inputs"], register["outputs"]
    issued = {name: outputs[f"client:{name}"] for name in inputs["clients"]}
    keys = {one["urn"].rpartition("-client-")[2]: one for one in resources if "-client-" in one["urn"]}
    for name, wish in inputs["clients"].items():
        key = keys[name]
        asked = {"privateKeyPem": key["outputs"]["privateKeyPem"], "subject": wish["subject"]}
        csr = {**asked, "certRequestPem": f"request of {name}", "keyAlgorithm": "ECDSA"}
        signed = {
            "kind": "client",
            "csrPem": f"request of {name}",
            **{part: value for part, value in wish.items() if part != "publicKeyPem"},
            **{part: inputs[part] for part in ("issuerCertificatePem", "issuerPrivateKeyPem")},
        }
        for kind, given, made, like in (
            ("tls:index/certRequest:CertRequest", asked, csr, key),
            ("albmtls:index:SignedCertificate", signed, {**signed, **issued[name]}, register),
        ):
            resources.insert(
                resources.index(register),
                {
                    **{part: like[part] for part in ("custom", "parent", "provider")},
                    "urn": key["urn"].replace("tls:index/privateKey:PrivateKey", kind),
                    "type": kind,
                    "id": f"{kind} of {name}",
                    "inputs": given,
                    "outputs": made,
                    "dependencies": [key["urn"]],
                },
            )
    remembered = ("serialNumber", "notAfter", "fingerprint", "holder", "acceptedBy")
    current = {name: one["certificatePem"] for name, one in issued.items()}
    register["inputs"] = {
        "current": current,
        "listeners": inputs["listeners"],
        "rootCertificatePems": inputs["rootCertificatePems"],
    }
    register["outputs"] = {
        **register["inputs"],
        "certificates": {name: {part: one[part] for part in remembered} for name, one in issued.items()},
        "outstanding": outputs["outstanding"],
    }
    given_out = {
        name: {"certificatePem": pem, "chainPem": pem, "notAfter": issued[name]["notAfter"]}
        for name, pem in current.items()
    }
    for one in resources:
        if one["type"] in ("alb-mutual-tls:index:AlbMutualTls", "pulumi:pulumi:Stack"):
            one["outputs"].pop("aboveClients", None)
            one["outputs"]["clientCertificates"] = given_out


def moved(life: Life, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the state by hand."""
    document = life.stack.export()
    change(document)
    file = life.directory / "before.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document))
    succeed(life.stack.pulumi("stack", "import", "--file", os.fspath(file)))
    file.unlink()


def test_a_stack_of_the_version_before_goes_on_and_nobody_is_locked_out(life: Life, tmp_path: Path) -> None:
    """No certificate is issued anew, no listener is touched, keys and ids stay."""
    before, keys = life.stack.issued(), life.stack.private_keys()
    outstanding = life.outstanding()
    moved(life, as_before)
    code, output = life.status("--json")
    assert (code, [one["name"] for one in json.loads(output)["clients"]]) == (0, sorted(before))
    shown = life.stack.preview()
    assert "this register now holds the certificates of clients (3), which stay as they are" in (
        shown.stdout + shown.stderr
    )
    gone = {f"delete client-{name}" for name in before}
    assert life.up() == {"update issued", *gone}
    assert {name: one["certificatePem"] for name, one in life.stack.issued().items()} == {
        name: one["certificatePem"] for name, one in before.items()
    }
    assert life.stack.private_keys() == keys
    assert life.outstanding() == outstanding
    assert life.stack.get(life.stack.client(tmp_path, "changed")) == (200, "old")


def test_a_renewal_of_such_a_stack_needs_no_deployment_before(life: Life) -> None:
    before = life.stack.issued()
    moved(life, as_before)
    life.time.day(171)  # "changed" lasts 200 days
    done = run(
        *(REPOSITORY / "ci/renew", "--stack", life.stack.name, "--cwd", str(life.stack.directory)),
        env=life.stack.sandbox.env,
        cwd=life.stack.directory,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    after = life.stack.issued()
    assert after["changed"]["notAfter"] > before["changed"]["notAfter"]
    for name in ("a", "b"):
        assert after[name]["certificatePem"] == before[name]["certificatePem"]
