"""Everybody who is asked whether a client may come in, by name.

They share no code but OpenSSL's, and disagree in what they tolerate (docs/pki.md).
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Final

from alb_mutual_tls.pki.forged import ClientCredential
from dev.sandbox.cloud.nginx import VERIFY_DEPTH
from tests.contract.pki import programs, servers
from tests.contract.pki.servers import GnutlsServ, Nginx, Server
from tests.contract.pki.verdict import Verdict

OPENSSL: Final = "openssl verify"
STRICT: Final = "openssl verify -x509_strict"
OPENSSL_SERVER: Final = "OpenSSL server (strict)"
NGINX: Final = f"nginx (depth {VERIFY_DEPTH})"
NGINX_DEPTH_1: Final = "nginx (depth 1)"
CRYPTOGRAPHY: Final = "cryptography"
CERTTOOL: Final = "certtool --verify"
GNUTLS_SERV: Final = "gnutls-serv"
VERIFIERS: Final = (
    OPENSSL,
    STRICT,
    OPENSSL_SERVER,
    NGINX,
    NGINX_DEPTH_1,
    CRYPTOGRAPHY,
    CERTTOOL,
    GNUTLS_SERV,
)
SERVERS: Final = (OPENSSL_SERVER, NGINX, NGINX_DEPTH_1, GNUTLS_SERV)
"""Those that are asked in a handshake."""


class Verifiers:
    """All of them; a server is started for each root when it is first asked about that, and runs
    until `stop`.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._running: dict[tuple[type[Server], str], Server] = {}
        self._stop = ExitStack()
        self._client_context = lru_cache(maxsize=2)(
            lambda version, credential: servers.client_context(version, credential, place)
        )
        self._openssl_context = lru_cache(maxsize=None)(
            lambda version, trusted: servers.openssl_context(version, trusted, place)
        )

    def stop(self) -> None:
        self._stop.close()

    def ask(self, verifier: str, trusted: str, credential: ClientCredential | None) -> dict[str, Verdict]:
        """The verdicts of one verifier: one, or one per version of TLS.

        `trusted` is the PEM of a root.
        """
        if verifier in SERVERS:
            return {
                f"{verifier} over {version}": self._shake_hands(
                    verifier, trusted, version, self._client_context(version, credential)
                )
                for version in servers.VERSIONS
            }
        assert credential is not None
        chain = credential.certificate_pem
        if verifier == CRYPTOGRAPHY:
            return {verifier: programs.cryptography(trusted, chain)}
        if verifier == CERTTOOL:
            return {verifier: programs.certtool(trusted, chain, self._place)}
        return {
            verifier: programs.openssl(
                trusted, chain, self._place, *(["-x509_strict"] if verifier == STRICT else [])
            )
        }

    def _shake_hands(self, verifier: str, trusted: str, version: str, client: ssl.SSLContext) -> Verdict:
        if verifier == OPENSSL_SERVER:
            return servers.shake_hands(self._openssl_context(version, trusted), client)
        if verifier == GNUTLS_SERV:
            return servers.knock(self._server(GnutlsServ, trusted).ports[0], client)
        return servers.knock(
            self._server(Nginx, trusted).ports[(NGINX, NGINX_DEPTH_1).index(verifier)], client
        )

    def _server(self, kind: type[Nginx] | type[GnutlsServ], trusted: str) -> Server:
        known = (kind, trusted)
        if known not in self._running:
            place = self._place / f"{len(self._running)}"
            place.mkdir(exist_ok=True)  # left there where a start failed
            self._running[known] = kind(place, trusted)
            self._stop.callback(self._running[known].stop)
        return self._running[known]
