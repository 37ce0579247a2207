"""Explains why an ALB listener would refuse what somebody has in a file.

The file may hold a client's certificate, a CA to upload, a request or a key.

What a real ALB does with odd certificates is documented nowhere and was never tried, so each reason
says what it stands on (`Basis`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.inspection import facts as description
from alb_mutual_tls.operations.inspection.authority_file import bundle_refusals
from alb_mutual_tls.operations.inspection.judgement import (
    READABLE_BY_OTHERS,
    Anchor,
    Basis,
    InspectedFile,
    InspectionReport,
    Item,
    JudgedAs,
    Judgement,
    Refusal,
    Source,
    certificates_of,
    public_key_of,
    public_keys_of,
)
from alb_mutual_tls.operations.inspection.notes import (
    authority_notes,
    client_notes,
    depth_notes,
    key_reason,
    too_deep,
)
from alb_mutual_tls.operations.inspection.piece import (
    Certificate,
    CertificateRequest,
    Key,
    Other,
    Piece,
    Unreadable,
)
from alb_mutual_tls.pki.authority_faults import certificate_faults, extension
from alb_mutual_tls.pki.certification_path import computable, deep, judge, undocumented, weaknesses
from alb_mutual_tls.pki.keys import same_key
from alb_mutual_tls.pki.names import name
from alb_mutual_tls.pki.openssl_path import Judged, issued, looks_self_signed, self_signed
from alb_mutual_tls.pki.path_refusals import self_signed_leaf
from alb_mutual_tls.pki.request import SigningRequest


def explain(
    sources: Sequence[Source], anchors: Sequence[Anchor], now: datetime, role: JudgedAs | None = None
) -> InspectionReport:
    """Say what the files are, and why a listener would refuse them.

    `now`: the moment to judge at. `role`: what the first certificate of each file is meant for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # cryptography warns of odd serial numbers and the like; they are shown as they are
        return _Explanation(sources, anchors, now, role).report()


class _Explanation:
    """The files side by side.

    Most of what can be said of one piece depends on the others.
    """

    def __init__(
        self, sources: Sequence[Source], anchors: Sequence[Anchor], now: datetime, role: JudgedAs | None
    ) -> None:
        self._sources, self._anchors, self._now = sources, anchors, now
        self._certificates = [certificate for source in sources for certificate in certificates_of(source)]
        self._public_keys = [key for source in sources for key in public_keys_of(source)]
        first = (
            {certificates_of(source)[0] for source in sources if certificates_of(source)} if role else set()
        )
        self._roles = {
            certificate: role if role and certificate in first else self._role(certificate)
            for certificate in self._certificates
        }
        self._clients = [
            certificate
            for certificate in dict.fromkeys(self._certificates)
            if self._roles[certificate] is JudgedAs.CLIENT
        ]

    def _role(self, certificate: x509.Certificate) -> JudgedAs:
        constraints, purposes = (
            extension(certificate, x509.BasicConstraints),
            extension(certificate, x509.ExtendedKeyUsage),
        )
        usage = extension(certificate, x509.KeyUsage)
        if constraints is not None:
            return JudgedAs.CA if constraints.ca else JudgedAs.CLIENT
        issuer = any(lower != certificate and issued(certificate, lower) for lower in self._certificates)
        signs = usage is not None and usage.key_cert_sign
        return (
            JudgedAs.CA
            if issuer or signs or (self_signed(certificate) and purposes is None)
            else JudgedAs.CLIENT
        )

    def report(self) -> InspectionReport:
        """All of it."""
        judgements = [self._judgement(client, anchor) for client in self._clients for anchor in self._anchors]
        return InspectionReport(tuple(map(self._file, self._sources)), tuple(self._fit()), tuple(judgements))

    # --- file by file

    def _file(self, source: Source) -> InspectedFile:
        notes = []
        holds_key = any(isinstance(piece, Key) and not piece.encrypted for piece in source.contents.pieces)
        if holds_key and source.mode is not None and source.mode & READABLE_BY_OTHERS:
            notes.append(
                "it holds a private key and others than its owner may use the file (mode"
                f" {source.mode & 0o777:04o}): chmod 600 {source.name}"
            )
        if source.encryptions:
            notes.append(f"encrypted with {', '.join(source.encryptions)}")
        items = tuple(self._item(piece, source) for piece in source.contents.pieces)
        return InspectedFile(source.name, source.contents.form, items, (*notes, *self._order_notes(source)))

    def _item(self, piece: Piece, source: Source) -> Item:
        match piece:
            case Certificate(certificate):
                return (
                    self._client(certificate)
                    if self._roles[certificate] is JudgedAs.CLIENT
                    else self._authority(certificate, source)
                )
            case CertificateRequest(request):
                return self._request(request)
            case Key(own_key, encrypted, None):
                return Item("private key", description.of_key(own_key, encrypted), tuple(self._key(own_key)))
            case Key(_, encrypted, locked):
                return Item("private key", {"encrypted": encrypted}, undecided=(str(locked),))
            case Other(what):
                return Item(what, {})
            case Unreadable(why):
                return Item("unreadable", {}, undecided=(why,))

    def _key(self, own_key: Any) -> Iterator[Refusal]:
        weak = key_reason(own_key)
        if weak is not None:
            yield weak
        owners = [key for key in self._public_keys if same_key(key, own_key)]
        if self._public_keys and not owners:
            yield Refusal(
                "it is the key of no certificate and no request here; give the ones that belong together",
                Basis.TLS,
            )

    # --- a client's certificate

    def _client(self, certificate: x509.Certificate) -> Item:
        """With CAs to compare with, what speaks against the client is said there."""
        notes = list(client_notes(certificate))
        reasons: tuple[Refusal, ...] = ()
        undecided: tuple[str, ...] = ()
        if not self._anchors:
            judged = judge(certificate, self._certificates, None, self._now)
            reasons, undecided = tuple(self._reasons(judged)), tuple(too_deep(judged))
            notes += depth_notes(judged)
            notes.append(
                "whether a listener lets it in depends on the CA that it trusts: compare with --ca FILE or"
                " --against-stack"
            )
        facts = description.of_certificate(certificate, self._now)
        return Item("client certificate", facts, reasons, tuple(notes), undecided)

    def _reasons(self, judged: Judged, anchor: x509.Certificate | None = None) -> Iterator[Refusal]:
        """OpenSSL's, and those of our own rules."""
        certificate = judged.path[0]
        # without an anchor it vouches for itself
        if anchor is None and looks_self_signed(certificate):
            yield Refusal(self_signed_leaf(certificate), Basis.OPENSSL)
        astray = [] if anchor is None else list(self._ways_round(judged, anchor))
        yield from (Refusal(sentence, Basis.OPENSSL) for sentence in astray or judged.refusals)
        yield from (Refusal(sentence, Basis.SANDBOX) for sentence in weaknesses(judged.path))
        if weak := undocumented(certificate):
            yield Refusal(weak, Basis.DOCUMENTED)
        if weak := computable(certificate):
            yield Refusal(weak, Basis.PROGRAM)
        yield from self._presented_wrongly(certificate)

    def _presented_wrongly(self, certificate: x509.Certificate) -> Iterator[Refusal]:
        for source in self._sources:
            certificates = certificates_of(source)
            if (
                source.contents.form == "PEM"
                and certificate in certificates[1:]
                and self._roles[certificates[0]] is not JudgedAs.CLIENT
            ):
                yield Refusal(
                    f"it is certificate {certificates.index(certificate) + 1} of {source.name}, and a client"
                    " presents the first one; put it first",
                    Basis.TLS,
                )

    def _judgement(self, client: x509.Certificate, anchor: Anchor) -> Judgement:
        judged = judge(client, self._certificates, anchor.certificate, self._now)
        reasons = tuple(self._reasons(judged, anchor.certificate))
        return Judgement(
            self._label(client),
            anchor.name,
            reasons,
            () if reasons else tuple(too_deep(judged)),
            tuple(depth_notes(judged)),
        )

    def _ways_round(self, judged: Judged, anchor: x509.Certificate) -> Iterator[str]:
        """Certificates that stand in the way of a path that would hold."""
        for certificate in judged.path[1:] if judged.refusals else ():
            rest = [other for other in self._certificates if other != certificate]
            if certificate != anchor and judge(judged.path[0], rest, anchor, self._now).accepted:
                yield (
                    f"{self._label(certificate)} leads verifiers astray, since they follow the first"
                    " certificate that may be the issuer's and do not turn back; leave it out, and the rest"
                    " leads to the trusted CA"
                )

    # --- a certificate authority

    def _authority(self, certificate: x509.Certificate, source: Source) -> Item:
        reasons: list[Refusal] = []
        notes = [
            f"it is the one that {anchor.name} trusts"
            for anchor in self._anchors
            if anchor.certificate == certificate
        ]
        # else it stands here as part of a client's chain, and is judged there
        if not self._clients:
            reasons += [Refusal(fault, Basis.PROGRAM) for fault in certificate_faults(certificate, self._now)]
            notes += authority_notes(certificate)
            certificates = certificates_of(source)
            if certificate == certificates[0]:
                reasons += bundle_refusals(certificates, source)
                notes += [
                    f"of a client below it: {words}"
                    for words in [deep(len(certificates) - 1)]
                    if words and not reasons
                ]
        kind = (
            "root certificate authority" if self_signed(certificate) else "subordinate certificate authority"
        )
        return Item(kind, description.of_certificate(certificate, self._now), tuple(reasons), tuple(notes))

    # --- a request

    def _request(self, request: x509.CertificateSigningRequest) -> Item:
        what, facts = "certificate signing request", description.of_request(request)
        note = (
            "only its public key is used: names and extensions of the certificate come from clients.NAME in"
            " the stack's configuration"
        )
        try:
            accepted = SigningRequest.load(request.public_bytes(serialization.Encoding.PEM).decode())
            asked = accepted.left_out({}, ())
        except UserError as error:
            return Item(what, facts, (Refusal(str(error), Basis.PROGRAM),))
        likenesses = [accepted.named_like(anchor.certificate) for anchor in self._anchors]
        reasons = tuple(
            Refusal(sentence, Basis.PROGRAM) for sentence in dict.fromkeys(likenesses) if sentence
        )
        return Item(what, facts, reasons, (f"{note}; it asks for {', '.join(asked)}" if asked else note,))

    # --- how the pieces belong together

    def _fit(self) -> Iterator[str]:
        for source in self._sources:
            for piece in source.contents.pieces:
                if isinstance(piece, Key) and piece.public_key is not None:
                    yield from self._owners(piece.public_key, source)
        for lower in dict.fromkeys(self._certificates):
            for upper in dict.fromkeys(self._certificates):
                if lower != upper and issued(upper, lower):
                    yield f"{self._label(lower)} was issued by {self._label(upper)}"

    def _owners(self, own_key: Any, source: Source) -> Iterator[str]:
        for holder in self._sources:
            for piece in holder.contents.pieces:
                if isinstance(piece, Certificate | CertificateRequest) and any(
                    same_key(own_key, key) for key in public_key_of(piece)
                ):
                    what = (
                        self._label(piece.certificate)
                        if isinstance(piece, Certificate)
                        else f"the request in {holder.name}"
                    )
                    yield f"the private key in {source.name} is that of {what}"

    def _order_notes(self, source: Source) -> Iterator[str]:
        certificates = certificates_of(source)
        if not self._clients or len(certificates) < 2 or source.contents.form != "PEM":
            return
        if self._roles[certificates[0]] is JudgedAs.CLIENT and not all(
            issued(upper, lower) for lower, upper in pairwise(certificates)
        ):
            yield (
                "its certificates do not stand in the order of their chain, each before the one that issued"
                " it; some servers want that (RFC 5246 section 7.4.2)"
            )
        roots = [name(certificate) for certificate in certificates[1:] if self_signed(certificate)]
        if roots:
            yield (
                f"it holds the root {', '.join(roots)}, which a client need not present (RFC 8446 section"
                " 4.4.2)"
            )

    def _label(self, certificate: x509.Certificate) -> str:
        """Where a certificate stands, and its name."""
        for source in self._sources:
            certificates = certificates_of(source)
            if certificate in certificates:
                where = (
                    f"certificate {certificates.index(certificate) + 1} of {source.name}"
                    if len(certificates) > 1
                    else source.name
                )
                return f"{where} ({name(certificate)})"
        return name(certificate)
