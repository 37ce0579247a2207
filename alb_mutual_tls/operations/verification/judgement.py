"""What observations mean: pure decisions, no network.

The rule: a rejection is a TLS alert or an HTTP 400 that a good client does not get at the same
address, on the same path and in the same TLS version. Without a good client that was let in,
nothing counts as a rejection. A connection that fails says nothing. As long as the server has not
proven by its certificate who it is, nothing counts at all: a proxy may have answered. Where client
authentication is off, the cases turn round: everybody is to be let in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alb_mutual_tls.operations.verification.outcome import (
    CLOSED,
    Alert,
    Answered,
    ConnectionFailed,
    NoSession,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)
from alb_mutual_tls.verdict import Finding, Verdict


class Caller(StrEnum):
    """Who connects."""

    CLIENT = "client"  # holds a certificate that the listener is to accept
    ANONYMOUS = "no certificate"
    FORGED = "forged"  # holds a certificate that the listener is to refuse
    # a client without the certificates between its own and the CA that the listener trusts
    CUT = "cut chain"
    # a client of an authority of the stack that the listener does not trust (yet, or any more)
    OUTSIDER = "outsider"
    # no certificate, and a server name that the listener does not serve
    MISNAMED = "misnamed"
    RESUMED = "resumed"  # no certificate, and a TLS session from elsewhere


INDIRECT: Final = frozenset({Caller.MISNAMED, Caller.RESUMED})
"""Who is tried only where client authentication is on: else there is nothing to get around."""


class Expected(StrEnum):
    """What is desired of a case."""

    LET_IN = "let in"
    REJECTED = "rejected"
    REDIRECTED = "redirected to HTTPS"


@dataclass(frozen=True)
class Observation:
    """One case at one address in one TLS version.

    `case` is its name, e.g. "no certificate" or "client alice". `refused_for`: why a listener would
    refuse a client, as far as its chain tells.
    """

    case: str
    role: Caller
    version: TlsVersion
    outcome: Outcome
    refused_for: str = ""


# nginx and its relatives (ALB's data plane is one) name the certificate as the reason of their 400.
CERTIFICATE_REFUSED: Final = re.compile(r"SSL certificate error|No required SSL certificate", re.IGNORECASE)

NO_GOOD_CLIENT: Final = (
    "no client with a private key was at hand to compare with, so nothing counts as a rejection: give one"
    " with --cert and --key"
)
SAME_FOR_CLIENT: Final = (
    "the good client got no further here, so this is no proof of a rejection: see its row"
)
SERVER_CERTIFICATE: Final = (
    "the server's own certificate does not verify, so nothing was sent: give its CA with --ca-file, the right"
    " name with verify.serverName, or --insecure"
)
ALERT_BEFORE_PROOF: Final = (
    "the alert came before the server had proven by its certificate who it is, so a firewall or proxy in"
    " between may have sent it: run this from a network without one"
)
UNPROVEN: Final = (
    "no server at this address has proven by its certificate that it is the listener's, so what is seen here"
    " may come from a proxy in between: see the listener's own rows"
)
UNREACHED: Final = (
    "a connection that fails is no rejection: check address, port and firewall, then run verify again"
)
AUTHENTICATION_FAILS: Final = (
    "the listener lets this in: client authentication does not work here; compare caEnabled and"
    " caCertificates of the AlbConfig with what ALB shows, and read the AlbConfig's events"
)
LET_IN_WHY: Final[Mapping[Caller, str]] = {
    Caller.ANONYMOUS: AUTHENTICATION_FAILS,
    Caller.FORGED: AUTHENTICATION_FAILS,
    Caller.CUT: (
        "the listener lets a client in without the certificates between its own and the CA of the stack, so"
        " it trusts more than that CA: compare caCertificates of the AlbConfig with what ALB shows"
    ),
    Caller.OUTSIDER: (
        "the listener lets in clients of an authority that is not trustedAuthority: it trusts another or one"
        " more CA; compare caCertificates of the AlbConfig with what ALB shows, then run pulumi up"
    ),
    Caller.MISNAMED: (
        "a server name that the listener does not serve is a way around client authentication: it is asked"
        " for by server name only; take away what else answers on this port, and report it to Alibaba Cloud"
        " if nothing does"
    ),
    Caller.RESUMED: (
        "a TLS session that was made without a client certificate is a way around client authentication: the"
        " listener resumes it and asks for nothing; let no HTTPS listener of this ALB go without client"
        " authentication, and report it to Alibaba Cloud"
    ),
}
ONLY_THIS_CASE: Final = (
    "the listener took this TLS version from others and not in this case: run verify again"
)


def expected(role: Caller, *, ca_enabled: bool) -> Expected:
    """What is desired for a role, with client authentication on or off."""
    return Expected.LET_IN if not ca_enabled or role is Caller.CLIENT else Expected.REJECTED


def judge(observations: Sequence[Observation], *, ca_enabled: bool) -> list[Finding]:
    """The findings on all cases at one address of one listener, in the order given.

    A TLS version is "not offered" only if the listener takes it from nobody and takes another one.
    """
    plain = [observation for observation in observations if observation.role not in INDIRECT]
    another_server = any(isinstance(observation.outcome, ServerCertificateInvalid) for observation in plain)
    offered = {version for version in TlsVersion if not _refused_to_all(_of(plain, version), version)}
    findings = []
    for observation in observations:
        peers = _of(plain, observation.version)
        if (
            not another_server
            and observation.version not in offered
            and any(_answered_any(_of(plain, version)) for version in offered)
        ):
            findings.append(Finding(Verdict.NOT_OFFERED))
        elif isinstance(observation.outcome, NoSession):
            findings.append(Finding(Verdict.NOT_CHECKED, observation.outcome.reason))
        elif another_server:
            findings.append(Finding(Verdict.NOT_DECIDED, SERVER_CERTIFICATE))
        elif observation.role in INDIRECT:
            findings.append(_should_not_get_around(observation, peers))
        elif expected(observation.role, ca_enabled=ca_enabled) is Expected.REJECTED:
            findings.append(_should_be_rejected(observation, peers))
        else:
            findings.append(_should_be_let_in(observation, peers, ca_enabled=ca_enabled))
    return findings


def proves(outcome: Outcome | None) -> bool:
    """Whether an outcome over TLS shows that the server is who its certificate says.

    It does also where the certificate is not to be checked.
    """
    return isinstance(outcome, Answered) or (isinstance(outcome, Alert) and outcome.proven)


def _of(observations: Sequence[Observation], version: TlsVersion) -> list[Observation]:
    return [observation for observation in observations if observation.version is version]


def _refused_to_all(observations: Sequence[Observation], version: TlsVersion) -> bool:
    # A server without TLS 1.3 finds no cipher suite that it knows in a ClientHello for TLS 1.3
    # alone (RFC 8446, 4.1.1); it has shown nothing then.
    signs: tuple[Outcome, ...] = (VersionNotOffered(),)
    if version is TlsVersion.TLS_1_3:
        signs += (Alert("handshake_failure", proven=False),)
    return (
        len({observation.outcome for observation in observations}) == 1 and observations[0].outcome in signs
    )


def _answered_any(observations: Sequence[Observation]) -> bool:
    return any(isinstance(observation.outcome, Answered) for observation in observations)


def is_400(outcome: Outcome) -> bool:
    """Whether this is how servers refuse a client certificate after the handshake."""
    return isinstance(outcome, Answered) and outcome.status == 400


def _let_in(outcome: Outcome) -> bool:
    return isinstance(outcome, Answered) and outcome.status != 400


def _undecidable(outcome: Outcome) -> Finding | None:
    match outcome:
        case VersionNotOffered():
            return Finding(Verdict.NOT_DECIDED, ONLY_THIS_CASE)
        case ServerCertificateInvalid():
            return Finding(Verdict.NOT_DECIDED, SERVER_CERTIFICATE)
        case ConnectionFailed():
            return Finding(Verdict.NOT_DECIDED, UNREACHED)
        case _:
            return None


def _should_be_rejected(observation: Observation, peers: Sequence[Observation]) -> Finding:
    outcome = observation.outcome
    if undecidable := _undecidable(outcome):
        return undecidable
    if _let_in(outcome):
        return Finding(Verdict.FELL_SHORT, LET_IN_WHY[observation.role])
    clients = [peer.outcome for peer in peers if peer.role is Caller.CLIENT]
    if not clients:
        return Finding(Verdict.NOT_DECIDED, NO_GOOD_CLIENT)
    passes: Callable[[Outcome], bool] = (
        _let_in if is_400(outcome) else lambda client: isinstance(client, Answered)
    )
    return (
        Finding(Verdict.HELD) if any(map(passes, clients)) else Finding(Verdict.NOT_DECIDED, SAME_FOR_CLIENT)
    )


def _should_not_get_around(observation: Observation, peers: Sequence[Observation]) -> Finding:
    """Judge an attempt to get around client authentication.

    A server may refuse it for other reasons than the lack of a certificate: with HTTP 421 (RFC 9110
    section 15.5.20), an alert about the name or the version, or by closing in silence. That counts
    where a good client was answered something else.
    """
    outcome = observation.outcome
    if isinstance(outcome, ConnectionFailed) and outcome != CLOSED:
        return Finding(Verdict.NOT_DECIDED, UNREACHED)
    if isinstance(outcome, ServerCertificateInvalid):
        return Finding(Verdict.NOT_DECIDED, SERVER_CERTIFICATE)
    if isinstance(outcome, Answered) and outcome.status not in (400, 421):
        return Finding(Verdict.FELL_SHORT, LET_IN_WHY[observation.role])
    clients = [peer.outcome for peer in peers if peer.role is Caller.CLIENT]
    if not clients:
        return Finding(Verdict.NOT_DECIDED, NO_GOOD_CLIENT)
    status = outcome.status if isinstance(outcome, Answered) else None
    answered = any(isinstance(client, Answered) and client.status not in (400, status) for client in clients)
    return Finding(Verdict.HELD) if answered else Finding(Verdict.NOT_DECIDED, SAME_FOR_CLIENT)


def _should_be_let_in(seen: Observation, peers: Sequence[Observation], *, ca_enabled: bool) -> Finding:
    outcome = seen.outcome
    if undecidable := _undecidable(outcome):
        return undecidable
    if _let_in(outcome):
        return Finding(Verdict.HELD)
    if not proves(outcome):
        return Finding(Verdict.NOT_DECIDED, ALERT_BEFORE_PROOF)
    refused = Finding(Verdict.FELL_SHORT, _refused_why(seen, ca_enabled=ca_enabled))
    if isinstance(outcome, Alert) or (
        isinstance(outcome, Answered) and CERTIFICATE_REFUSED.search(outcome.body_start)
    ):
        return refused
    # A 400 without a word about certificates: from the listener or from the application?
    others = [observation.outcome for observation in peers if observation.outcome is not outcome]
    strangers = [observation.outcome for observation in peers if observation.role is not Caller.CLIENT]
    if (
        ca_enabled
        and any(isinstance(stranger, Alert) for stranger in strangers)
        and not any(map(is_400, strangers))
    ):
        # this listener refuses by alert, so the 400 is the application's
        return Finding(Verdict.HELD)
    if any(map(_let_in, others)):
        return refused
    return Finding(
        Verdict.NOT_DECIDED,
        "everybody is answered HTTP 400, which is also how servers refuse a certificate: name a path that"
        " answers otherwise with verify.path, or look at what stands behind the listener",
    )


def _refused_why(seen: Observation, *, ca_enabled: bool) -> str:
    if not ca_enabled:
        return (
            "client authentication is still on: the AlbConfig's change has not arrived at ALB; read the"
            " AlbConfig's events"
        )
    assert seen.role is Caller.CLIENT
    if seen.refused_for:
        return (
            "the listener refuses a client of this stack, and what it presents may say why:"
            f" {seen.refused_for}; otherwise the listener trusts another CA than caCertificateId: run pulumi"
            " up and read the AlbConfig's events"
        )
    return (
        "the listener refuses a client of this stack: it trusts another CA than caCertificateId, or the"
        " certificate has ended; run pulumi up and read the AlbConfig's events"
    )
