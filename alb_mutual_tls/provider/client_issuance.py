"""Issues the certificates of clients, all with one authority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki import bundle, signing
from alb_mutual_tls.pki.keys import (
    PublicKey,
    load_private_key,
    load_public_key,
    make_private_key,
    private_key_pem,
)
from alb_mutual_tls.pki.request import SigningRequest
from alb_mutual_tls.provider.certificate_inputs import ISSUER, known_subject
from alb_mutual_tls.provider.register_inputs import ClientWish, known_uris
from alb_mutual_tls.wire import UNKNOWN, Unknown, has_unknown

if TYPE_CHECKING:
    from cryptography import x509


@dataclass
class Issuance:
    """One run of issuing at `now`, planned only where `preview`.

    `keys`: the private keys (PEM) of members, client -> key; what is made is added. `infos` and
    `warnings`: what there is to say of clients, client and sentence.
    """

    inputs: Mapping[str, Any]
    now: datetime
    preview: bool
    keys: dict[str, str]
    infos: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._authorities = existing_authorities(self.inputs)
        pems = [self.inputs.get(name, UNKNOWN) for name in ISSUER]
        self._issuer = None if UNKNOWN in pems else signing.Issuer.load(*pems)
        self._member: PublicKey | None = None

    def issue(self, client: str, wish: ClientWish) -> str | Unknown:
        """The certificate in PEM; unknown in a preview.

        Raises `UserError` with the client's name.
        """
        try:
            return self._issue(client, wish)
        except UserError as error:
            raise UserError(f"client {client}: {error}") from None

    def _issue(self, client: str, wish: ClientWish) -> str | Unknown:
        subject = known_subject(wish["subject"])
        if subject is not None and (sentence := named_like_others(subject, self._authorities)):
            raise UserError(sentence)
        if subject is not None and isinstance(csr := wish.get("csrPem"), str):
            for left_out in SigningRequest.load(csr).left_out(subject, known_uris(wish["uris"])):
                said = (
                    f"the request asks for {left_out}, which the configuration does not grant, so it is left"
                    " out"
                )
                self.infos.append((client, said))
        if has_unknown(wish) or self._issuer is None or subject is None:
            return UNKNOWN
        builder = signing.client_certificate(
            self._issuer,
            self._public_key(client, wish),
            subject=subject,
            uris=known_uris(wish["uris"]),
            validity_days=_days(wish),
            now=self.now,
        )
        short = signing.shortened(self._issuer.certificate, _days(wish), self.now)
        if short:
            self.warnings.append((client, short))
        return UNKNOWN if self.preview else signing.to_pem(signing.sign(builder, self._issuer))

    def _public_key(self, client: str, wish: ClientWish) -> PublicKey:
        if "csrPem" in wish:
            asked = SigningRequest.load(str(wish["csrPem"]))
            assert self._issuer is not None
            if sentence := asked.named_like(self._issuer.certificate):
                raise UserError(sentence)
            return asked.public_key
        if "publicKeyPem" in wish:
            return load_public_key(str(wish["publicKeyPem"]))
        if client in self.keys:
            return load_private_key(self.keys[client]).public_key()
        if self.preview:  # whatever key it will be
            self._member = self._member or make_private_key("ECDSA-P256").public_key()
            return self._member
        key = make_private_key(wish["keyAlgorithm"])
        self.keys[client] = private_key_pem(key)
        return key.public_key()


def existing_authorities(inputs: Mapping[str, Any]) -> list[x509.Certificate]:
    """The certificates that CAS has already; what is not known yet is passed over."""
    pems = inputs.get("existingAuthorityPems", [])
    known = [] if pems is UNKNOWN else [pem for pem in pems if pem is not UNKNOWN]
    return [certificate for pem in known for certificate in bundle.load(pem)]


def named_like_others(subject: Mapping[str, str], authorities: Sequence[x509.Certificate]) -> str | None:
    """A sentence when a client bears the name of one of the authorities."""
    return next(filter(None, (signing.named_like_authority(subject, one) for one in authorities)), None)


def _days(wish: ClientWish) -> int:
    days = wish["validityDays"]
    assert days is not UNKNOWN
    return days
