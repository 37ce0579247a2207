"""The page docs/chains.md, written from what the judges say now: python -m
tests.contract.pki.chains_table
"""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.pki.certification_path import against, deep, judge
from alb_mutual_tls.pki.openssl_path import Judged
from dev.sandbox.cloud.nginx import VERIFY_DEPTH
from tests.contract.pki import programs, servers
from tests.contract.pki.chain_cases import CASES
from tests.contract.pki.chains import NOW, Case
from tests.contract.pki.servers import Nginx
from tests.contract.pki.verdict import Verdict
from tests.unit.pki.material import pem

PAGE: Final = Path(__file__).parents[3] / "docs/chains.md"
_OPENSSL: Final = re.compile(r"^error (\d+) at (\d+) depth lookup", re.MULTILINE)
_HEAD: Final = f"""# Chains and who lets them in

Written by `python -m tests.contract.pki.chains_table`; \
`tests/contract/pki/test_pki_chains.py` runs the same again and compares.
Each chain is put before

- **this program** (`alb_mutual_tls/pki/certification_path.py`: the OpenSSL of the package \
cryptography, asked for the purpose `sslclient`, and rules of our own), which is what \
`mtls inspect`, and `mtls verify` before a flip, go by;
- **openssl verify** `-purpose sslclient -attime ... -untrusted ... -CAfile ...` (OpenSSL 3.0);
- **nginx** with `ssl_verify_client on` and `ssl_verify_depth {VERIFY_DEPTH}`, in TLS 1.2 and 1.3.
  A server cannot be asked about another moment, and no client of OpenSSL presents a certificate \
whose basicConstraints it cannot read: "-".

"error 26 at 0" is OpenSSL's error at that place in the path, the client's own certificate being 0; \
the first two always agree on it.
"our rule": OpenSSL has nothing against the path, but TLS servers refuse the key or the signature, \
or ALB does not document the kind of key.
"depth 4": accepted by a listener that follows so many authorities between the client and the root; \
ALB's depth is not documented.

"""


@dataclass(frozen=True)
class Row:
    """What everybody says of a chain: ours, `openssl verify`'s error and depth (None: accepted),
    nginx's verdicts by version of TLS.
    """

    ours: Judged
    rules: tuple[str, ...]
    openssl: tuple[int, int] | None
    nginx: Mapping[str, Verdict]


def rows() -> dict[str, Row]:
    """All chains of `CASES` before all judges."""
    anchors = list(dict.fromkeys(pem(one.anchor) for one in CASES.values()))
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        server = Nginx(place, *anchors)
        try:
            return {
                what: _row(one, place, server.ports[2 * anchors.index(pem(one.anchor))])
                for what, one in CASES.items()
            }
        finally:
            server.stop()


def ours(one: Case) -> Judged:
    """Our verdict on a chain."""
    return judge(one.chain[0], one.chain[1:], one.anchor, NOW + (one.after or timedelta(0)))


def _row(one: Case, place: Path, port: int) -> Row:
    judged = ours(one)
    rules = tuple(sentence for sentence in against(judged) if sentence not in judged.refusals)
    return Row(
        judged,
        rules,
        _openssl_verify(one, place),
        {} if one.after is not None else _nginx_says(one, place, port),
    )


def _nginx_says(one: Case, place: Path, port: int) -> dict[str, Verdict]:
    found = {}
    for version in servers.VERSIONS:
        client = _client(one, version, place)
        if client is not None:
            found[version] = servers.knock(port, client)
    return found


def _openssl_verify(one: Case, place: Path) -> tuple[int, int] | None:
    for name, certificates in (("anchor", (one.anchor,)), ("leaf", one.chain[:1]), ("others", one.chain)):
        (place / f"{name}.pem").write_text("".join(map(pem, certificates)))
    moment = int((NOW + (one.after or timedelta(0))).timestamp())
    options = [
        "-purpose",
        "sslclient",
        "-attime",
        str(moment),
        "-untrusted",
        f"{place}/others.pem",
        "-CAfile",
        f"{place}/anchor.pem",
    ]
    found = programs.run("openssl", "verify", *options, f"{place}/leaf.pem")
    if found.returncode == 0:
        return None
    error = _OPENSSL.search(found.stderr)
    assert error is not None, found.stderr
    return int(error[1]), int(error[2])


def _client(one: Case, version: str, place: Path) -> ssl.SSLContext | None:
    """It minds no weak key itself, so that it is the server who refuses; None where OpenSSL
    presents no such certificate.
    """
    private = one.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = servers.client_context(version, None, place)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    (place / "client.pem").write_text("".join(map(pem, one.chain)) + private.decode())
    try:
        context.load_cert_chain(place / "client.pem")
    except ssl.SSLError as error:
        assert error.reason == "INVALID_CERTIFICATE", error
        return None
    return context


def page(found: Mapping[str, Row]) -> str:
    """The page, of what was found."""
    return _HEAD + "\n".join(_lines(found)) + "\n"


def _lines(found: Mapping[str, Row]) -> Iterator[str]:
    yield f"{len(found)} chains; each cell was seen in the run."
    yield ""
    yield "| chain | this program | openssl verify | nginx | OpenSSL's words |"
    yield "| --- | --- | --- | --- | --- |"
    for what, row in found.items():
        words = "" if row.ours.accepted else row.ours.words
        yield f"| {what} | {_ours(row)} | {_error(row.openssl)} | {_nginx(row)} | {words} |"


def _ours(row: Row) -> str:
    if not row.ours.accepted:
        return _error((row.ours.code, row.ours.depth))
    if row.rules:
        return "refuses: our rule"
    return (
        "accepts"
        if deep(row.ours.depth_needed, beyond=VERIFY_DEPTH) is None
        else f"accepts: depth {row.ours.depth_needed}"
    )


def _error(error: tuple[int, int] | None) -> str:
    return "accepts" if error is None else f"refuses: error {error[0]} at {error[1]}"


def _nginx(row: Row) -> str:
    if not row.nginx:
        return "-"
    answers = {"accepts" if verdict.accepted else "refuses" for verdict in row.nginx.values()}
    return answers.pop() if len(answers) == 1 else "TLS 1.2 and 1.3 differ"


if __name__ == "__main__":
    PAGE.write_text(page(rows()))
