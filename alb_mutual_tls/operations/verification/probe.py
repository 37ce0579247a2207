"""How `mtls verify` connects: over TLS, in clear, with a session from elsewhere.

Sessions are never shared, so a resumed session lets nobody in, except where a probe tries just
that. A context is shared by the connections of one client, for Python resumes nothing by itself.
"""

from __future__ import annotations

import shlex
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from alb_mutual_tls.operations.verification.handshake import connect, tls_context
from alb_mutual_tls.operations.verification.outcome import (
    ConnectionFailed,
    Destination,
    NoSession,
    Outcome,
    ServerCertificateInvalid,
    TlsVersion,
    VersionNotOffered,
)

if TYPE_CHECKING:
    from alb_mutual_tls.pki.forged import ClientCredential


@dataclass(frozen=True)
class Probe:
    """How to connect: trust for the server's certificate, seconds per attempt.

    `ca_file`: what that certificate must lead to; None for the system's roots. `insecure`: it is
    not checked. `cert` and `key`: the files of a client that is tried in place of the stack's.
    """

    ca_file: Path | None = None
    insecure: bool = False
    cert: Path | None = None
    key: Path | None = None
    timeout: float = 10

    def over_tls(self, to: Destination, version: TlsVersion, credential: ClientCredential | None) -> Outcome:
        """What comes of a GET over TLS; no credential means no client certificate.

        Raises UserError when the credential or the CA file cannot be used.
        """
        context = _shared(version, credential, self.ca_file, self.insecure, to.any_name)
        return connect(to, context, self.timeout)[0]

    def in_clear(self, to: Destination) -> Outcome:
        """What comes of a GET over plain HTTP."""
        return connect(to, None, self.timeout)[0]

    def resuming(self, first: Destination, to: Destination, version: TlsVersion) -> Outcome:
        """What comes of a GET at `to` with a TLS session that `first` gave.

        Neither connection has a client certificate, and each has its own time-out.
        """
        kept = self.keep_session(first, version)
        return kept if isinstance(kept, NoSession) else kept.resume(to)

    def keep_session(self, to: Destination, version: TlsVersion) -> KeptSession | NoSession:
        """The session that a server gives without a client certificate.

        It counts whatever the server answers.
        """
        context = tls_context(version, None, self.ca_file, insecure=self.insecure, any_name=to.any_name)
        context.options &= ~ssl.OP_NO_TICKET
        outcome, session = connect(to, context, self.timeout)
        if session is not None and (session.has_ticket or (session.id and version is TlsVersion.TLS_1_2)):
            return KeptSession(self, context, session)
        match outcome:
            case VersionNotOffered():
                return NoSession("this TLS version is not spoken there")
            case ConnectionFailed(reason) | ServerCertificateInvalid(reason):
                return NoSession(f"no TLS session was to be had there: {reason}")
            case _:
                return NoSession("nobody without a certificate is given a TLS session there")

    @property
    def options(self) -> str:
        """Its options of `mtls verify` for the shell, each after a space."""
        paths = {"--ca-file": self.ca_file, "--cert": self.cert, "--key": self.key}
        options = [
            f" {option} {shlex.quote(str(path))}" for option, path in paths.items() if path is not None
        ]
        options += [" --insecure"] * self.insecure
        options += [f" --timeout {self.timeout:g}"] * (self.timeout != Probe.timeout)
        return "".join(options)


@lru_cache(1024)
def _shared(
    version: TlsVersion,
    credential: ClientCredential | None,
    ca_file: Path | None,
    insecure: bool,
    any_name: bool,
) -> ssl.SSLContext:
    return tls_context(version, credential, ca_file, insecure=insecure, any_name=any_name)


@dataclass(frozen=True)
class KeptSession:
    """A TLS session that a server gave without a client certificate.

    Source: RFC 5246 section 7.3, RFC 5077, RFC 8446 section 2.2.
    """

    _probe: Probe
    _context: ssl.SSLContext
    _session: ssl.SSLSession

    def resume(self, to: Destination) -> Outcome:
        """What comes of a GET with the session, which the server may take or not."""
        self._context.check_hostname = not (self._probe.insecure or to.any_name)
        return connect(to, self._context, self._probe.timeout, self._session)[0]
