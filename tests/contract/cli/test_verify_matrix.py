"""`mtls verify` against real servers: chains and authorities in each phase of a rotation, and ways
around client authentication.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from alb_mutual_tls.listener.bypasses import Exposure
from alb_mutual_tls.operations.verification.cases import cases
from alb_mutual_tls.operations.verification.outcome import Answered, Destination, NoSession, TlsVersion
from alb_mutual_tls.operations.verification.probe import KeptSession, Probe
from alb_mutual_tls.operations.verification.result import VerificationReport
from alb_mutual_tls.operations.verification.verify import verify_listener, verify_stack
from alb_mutual_tls.pki import signing
from alb_mutual_tls.pki.forged import ClientCredential
from alb_mutual_tls.pki.profile import CA_PROFILE
from alb_mutual_tls.pki.signing import Issuer
from alb_mutual_tls.stack.deployed import (
    DeployedAuthority,
    DeployedClient,
    DeployedComponent,
    DeployedListener,
    DeployedSigner,
)
from alb_mutual_tls.verdict import Verdict
from tests.contract.cli.laboratory import HOST, ON, Laboratory
from tests.unit.pki.material import DAY, authority, client, cross, key, key_pem, name_of, pem

NOW: Final = datetime.now(UTC)
A, B = (authority(f"matrix root {name}", start=NOW - DAY, end=NOW + 300 * DAY) for name in "ab")
CROSS: Final = pem(cross(A, B, NOW))


def below(issuer: Issuer, name: str) -> Issuer:
    """A subordinate that was brought."""
    made = signing.below(issuer.certificate, CA_PROFILE, name_of(name), key(name).public_key())
    return Issuer(
        signing.sign(made.not_valid_before(NOW - DAY).not_valid_after(NOW + 100 * DAY), issuer), key(name)
    )


SUB: Final = below(B, "matrix subordinate")


def leaf(issuer: Issuer) -> str:
    return pem(client(issuer, now=NOW))


BUNDLES: Final = {
    "of a": (leaf(A),),
    "of b": (leaf(B),),
    "of b, cross": (leaf(B), CROSS),
    "below b, intermediate": (leaf(SUB), pem(SUB.certificate)),
    "below b, intermediate and cross": (leaf(SUB), pem(SUB.certificate), CROSS),
}


def stack(
    listener: DeployedListener, laboratory: Laboratory, trusted: str, issuing: str, **bundles: str
) -> DeployedComponent:
    """A component in a phase of a rotation, with clients that present these of `BUNDLES`."""
    roots = {name: pem(one.certificate) for name, one in (("a", A), ("b", B))}
    signers = {
        name: DeployedSigner(roots[name], key_pem(one.private_key)) for name, one in (("a", A), ("b", B))
    }
    clients = tuple(
        DeployedClient(name, BUNDLES[bundle][0], "".join(BUNDLES[bundle]), "", key_pem(key("client")))
        for name, bundle in bundles.items()
    )
    kubeconfig = str(
        laboratory.cluster(
            {"port": 443, "protocol": "HTTPS", "caEnabled": True}, listen_ports=[{"HTTPS": 443}]
        )
    )
    authorities = tuple(DeployedAuthority(name, roots[name], None, None, signers[name]) for name in roots)
    return DeployedComponent(
        "mtls",
        (listener,),
        clients,
        trusted,
        roots[trusted],
        None,
        kubeconfig,
        issuing_authority=issuing,
        authorities=authorities,
    )


def listener(port: int) -> DeployedListener:
    return DeployedListener("https", "alb", 443, True, f"127.0.0.1:{port}", HOST)


def run(laboratory: Laboratory, component: DeployedComponent) -> VerificationReport:
    probe = Probe(laboratory.server_ca_file, timeout=5)
    return verify_stack(
        [component],
        directory=laboratory.folder,
        names=None,
        given=None,
        with_authority_key=True,
        probe=probe,
    )


def fallen(report: VerificationReport) -> set[str]:
    """The cases that fell short, in both TLS versions alike."""
    checks = [check for one in report.listeners for check in one.checks]
    found = {
        version: {
            check.case for check in checks if check.version is version and check.verdict is Verdict.FELL_SHORT
        }
        for version in TlsVersion
    }
    assert found[TlsVersion.TLS_1_2] == found[TlsVersion.TLS_1_3]
    return found[TlsVersion.TLS_1_3]


@pytest.fixture
def trusting(laboratory: Laboratory) -> Callable[..., int]:
    """An nginx that trusts these certificates, as deep as said; returns its port."""

    def make(*certificates: str, depth: int = 3) -> int:
        (laboratory.folder / "trusted.crt").write_text("".join(certificates))
        directives = (
            f"ssl_client_certificate {laboratory.folder}/trusted.crt; ssl_verify_client on; ssl_verify_depth"
            f" {depth};"
        )
        return laboratory.nginx(directives).https

    return make


ROOTS: Final = {"a": pem(A.certificate), "b": pem(B.certificate)}

# phase: trusted, issuing, bundles of the clients, whether the stack is ready for a flip (None:
# there is none to come)
PHASES: Final[dict[str, tuple[str, str, dict[str, str], Verdict | None]]] = {
    "a alone": ("a", "a", {"alice": "of a"}, None),
    "b introduced": (
        "a",
        "b",
        {"alice": "of b, cross", "bob": "below b, intermediate and cross"},
        Verdict.HELD,
    ),
    "b introduced half-way": ("a", "b", {"alice": "of b, cross", "bob": "of a"}, Verdict.FELL_SHORT),
    "flipped to b": ("b", "b", {"alice": "of b", "bob": "below b, intermediate"}, None),
    "flipped to b, bundles of before": (
        "b",
        "b",
        {"alice": "of b, cross", "bob": "below b, intermediate and cross"},
        None,
    ),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_right_listener_holds_in_every_phase_and_the_stack_is_ready_when_every_bundle_is(
    laboratory: Laboratory, trusting: Callable[..., int], phase: str
) -> None:
    trusted, issuing, bundles, ready = PHASES[phase]
    report = run(
        laboratory, stack(listener(trusting(ROOTS[trusted])), laboratory, trusted, issuing, **bundles)
    )
    assert [one.verdict for one in report.listeners] == [Verdict.HELD]
    assert [flip.verdict for flip in report.flips] == ([] if ready is None else [ready])
    assert report.exit_code == (1 if ready is Verdict.FELL_SHORT else 0)


@pytest.mark.parametrize("phase", [phase for phase, (_, _, _, ready) in PHASES.items() if ready is not None])
def test_after_the_flip_just_those_bundles_are_refused_that_were_not_called_ready(
    laboratory: Laboratory, trusting: Callable[..., int], phase: str
) -> None:
    """What is foretold is compared with what a real listener does once it trusts b."""
    trusted, issuing, bundles, _ = PHASES[phase]
    before = run(
        laboratory, stack(listener(trusting(ROOTS[trusted])), laboratory, trusted, issuing, **bundles)
    )
    (flip,) = before.flips
    after = run(
        laboratory, stack(listener(trusting(ROOTS[issuing])), laboratory, issuing, issuing, **bundles)
    )
    assert {bundle.case for bundle in flip.bundles if bundle.verdict is Verdict.FELL_SHORT} == fallen(after)


def introduced(laboratory: Laboratory, port: int) -> DeployedComponent:
    return stack(
        listener(port), laboratory, "a", "b", alice="of b, cross", bob="below b, intermediate and cross"
    )


CUTS: Final = {
    "client alice with 1 of 2 certificates",
    "client bob with 1 of 3 certificates",
    "client bob with 2 of 3 certificates",
}


@pytest.mark.parametrize(
    ("trusts", "found"),
    [
        (
            ("a", "b"),
            {
                "client of authority b",
                "client alice with 1 of 2 certificates",
                "client bob with 2 of 3 certificates",
            },
        ),
        (
            ("a", "cross"),
            {
                "client of authority b",
                "client alice with 1 of 2 certificates",
                "client bob with 2 of 3 certificates",
            },
        ),
        (("a", "cross", "sub"), {"client of authority b", *CUTS}),
        (
            ("b",),
            {
                "client of authority b",
                "client of authority a",
                "client alice with 1 of 2 certificates",
                "client bob with 2 of 3 certificates",
            },
        ),
    ],
    ids=["both", "the cross certificate", "every intermediate", "the next one too early"],
)
def test_a_listener_that_trusts_more_than_it_should_falls_short_by_cut_chains_and_by_the_next_authority(
    laboratory: Laboratory, trusting: Callable[..., int], trusts: tuple[str, ...], found: set[str]
) -> None:
    certificates = {**ROOTS, "cross": CROSS, "sub": pem(SUB.certificate)}
    report = run(laboratory, introduced(laboratory, trusting(*(certificates[name] for name in trusts))))
    assert fallen(report) == found
    assert report.exit_code == 1


def test_a_listener_that_still_trusts_the_old_authority_falls_short_after_the_flip(
    laboratory: Laboratory, trusting: Callable[..., int]
) -> None:
    both = stack(listener(trusting(*ROOTS.values())), laboratory, "b", "b", alice="of b")
    assert fallen(run(laboratory, both)) == {"client of authority a"}


def test_a_listener_that_does_not_look_deep_enough_refuses_the_longest_chain_and_the_stack_is_not_ready(
    laboratory: Laboratory, trusting: Callable[..., int]
) -> None:
    report = run(laboratory, introduced(laboratory, trusting(ROOTS["a"], depth=1)))
    assert fallen(report) == {"client bob"}
    (flip,) = report.flips
    assert {bundle.case: bundle.verdict for bundle in flip.bundles} == {
        "client alice": Verdict.HELD,
        "client bob": Verdict.FELL_SHORT,
    }
    assert "a listener refuses it now" in flip.bundles[1].why


def test_somebody_of_the_trusted_authority_witnesses_where_no_client_has_its_key_here(
    laboratory: Laboratory, trusting: Callable[..., int]
) -> None:
    made = introduced(laboratory, trusting(ROOTS["a"]))
    without = replace(made, clients=tuple(replace(one, private_key_pem=None) for one in made.clients))
    report = run(laboratory, without)
    assert report.verdict is Verdict.HELD
    assert [flip.verdict for flip in report.flips] == [Verdict.HELD]


# Ways around

OPTIONAL: Final = "ssl_client_certificate {folder}/client-ca.crt; ssl_verify_client optional; "
BY_SERVER_NAME: Final = (
    OPTIONAL
    + 'set $seen "$ssl_server_name:$ssl_client_verify"; if ($seen = "demo.alb.ingress.top:NONE") {{ return'
    " 400; }}"
)
RESUMES: Final = (
    OPTIONAL + 'set $seen "$ssl_session_reused$ssl_client_verify"; if ($seen = ".NONE") {{ return 400; }}'
)


def steady(laboratory: Laboratory, port: int) -> DeployedComponent:
    certificate, private_key = laboratory.client_ca.issue("alice")
    kubeconfig = laboratory.cluster(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True}, listen_ports=[{"HTTPS": 443}]
    )
    alice = DeployedClient("alice", certificate, certificate, "", private_key)
    return DeployedComponent(
        "mtls", (listener(port),), (alice,), "root", laboratory.client_ca.pem, kubeconfig=str(kubeconfig)
    )


@pytest.mark.parametrize(
    ("directives", "expected"),
    [
        (ON, set()),
        (BY_SERVER_NAME, {"wrong server name"}),
        (RESUMES, {"resumed session", "resumed session of another server name"}),
    ],
    ids=["right", "asks by server name only", "resumes whatever it has given"],
)
def test_a_listener_with_a_way_around_falls_short_by_that_alone(
    laboratory: Laboratory, directives: str, expected: set[str]
) -> None:
    report = run(
        laboratory, steady(laboratory, laboratory.nginx(directives.format(folder=laboratory.folder)).https)
    )
    found = {
        check.case for one in report.listeners for check in one.checks if check.verdict is Verdict.FELL_SHORT
    }
    # by server name only: a TLS 1.2 session of another name is a second way, which nginx shuts in
    # TLS 1.3
    assert found - {"resumed session of another server name"} == expected - {
        "resumed session of another server name"
    }
    assert (expected <= found, report.exit_code) == (True, 1 if expected else 0)


def test_a_session_of_a_listener_that_asks_nobody_is_a_way_around_where_openssl_serves_both_with_one_context(
    laboratory: Laboratory,
) -> None:
    asks, open_to_all = laboratory.openssl_pair()
    certificate, private_key = laboratory.client_ca.issue("alice")
    alone = steady(laboratory, asks)
    tried = cases(
        alone, ClientCredential("alice", certificate, private_key), with_authority_key=False, now=NOW
    )
    probe = Probe(laboratory.server_ca_file, timeout=5)
    around = Exposure("127.0.0.1", (HOST,), (), (443 + open_to_all - asks,))
    report = verify_listener("mtls", alone.listeners[0], tried, lambda: around, probe)
    found = {check.case for check in report.checks if check.verdict is Verdict.FELL_SHORT}
    assert found == {f"resumed session of HTTPS {443 + open_to_all - asks}"}


# Sessions from before client authentication was switched on: only somebody who was there has one

SAME_TICKETS: Final = "ssl_session_ticket_key {folder}/tickets; ssl_session_cache shared:kept:1m; "


@pytest.fixture
def tickets(laboratory: Laboratory) -> str:
    """nginx directives by which session tickets and the session cache outlive a reload, so that
    every old session could be resumed.
    """
    (laboratory.folder / "tickets").write_bytes(os.urandom(80))
    return SAME_TICKETS.format(folder=laboratory.folder)


def at_front(port: int) -> Destination:
    return Destination("127.0.0.1", port, HOST, HOST, "/")


@pytest.mark.parametrize("version", TlsVersion)
def test_an_nginx_refuses_sessions_from_before_client_authentication_that_it_could_read(
    laboratory: Laboratory, tickets: str, version: TlsVersion
) -> None:
    ports, probe = laboratory.nginx(tickets), Probe(laboratory.server_ca_file, timeout=5)
    kept = probe.keep_session(at_front(ports.https), version)
    assert isinstance(kept, KeptSession)
    assert kept.resume(at_front(ports.https)) == Answered(200, "", "old")
    laboratory.reload(ports, tickets)
    assert kept.resume(at_front(ports.https)) == Answered(200, "", "old")
    laboratory.reload(ports, tickets + ON.format(folder=laboratory.folder))
    refused = kept.resume(at_front(ports.https))
    assert (
        isinstance(refused, Answered)
        and refused.status == 400
        and "No required SSL certificate was sent" in refused.body_start
    )


@pytest.mark.parametrize("version", TlsVersion)
def test_openssl_alone_resumes_a_session_from_before_so_that_refusing_it_is_the_servers_own_merit(
    laboratory: Laboratory, version: TlsVersion
) -> None:
    """Verification is done in a full handshake only: with one context on and off, OpenSSL lets in
    whoever has a session of the time before.
    """
    asks, open_to_all = laboratory.openssl_pair()
    probe = Probe(laboratory.server_ca_file, timeout=5)
    kept = probe.keep_session(at_front(open_to_all), version)
    assert isinstance(kept, KeptSession)
    assert kept.resume(at_front(asks)) == Answered(200, "", "old")
    assert not isinstance(probe.over_tls(at_front(asks), version, None), Answered)
    assert isinstance(probe.resuming(at_front(asks), at_front(asks), version), NoSession)


# Several listeners


def test_a_listener_that_swallows_everything_costs_one_time_out_and_keeps_nobody_from_being_verified(
    laboratory: Laboratory,
) -> None:
    on = ON.format(folder=laboratory.folder)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = steady(laboratory, laboratory.nginx(on).https)
        dead = DeployedListener("dead", "alb", 443, True, f"127.0.0.1:{silent.getsockname()[1]}", HOST)
        component = replace(made, listeners=(dead, *made.listeners))
        probe = Probe(laboratory.server_ca_file, timeout=2)
        began = time.monotonic()
        report = verify_stack(
            [component],
            directory=laboratory.folder,
            names=None,
            given=None,
            with_authority_key=False,
            probe=probe,
        )
        took = time.monotonic() - began
    assert took < 2 * probe.timeout
    assert [one.listener.name for one in report.listeners] == ["dead", "https"]
    assert report.listeners[0].verdict is Verdict.NOT_DECIDED
    assert report.listeners[1].verdict is Verdict.HELD
