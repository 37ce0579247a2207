"""Client certificates that a stack issues, the documentation's step 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from .albmtls import IssuedCertificates
from .authority import private_key
from .models import ClientArgs
from .pem_or_path import pem_text

Wish = dict[str, pulumi.Input[Any]]
"""What a certificate is to be, as the register takes it."""


@dataclass(frozen=True)
class ClientKey:
    """What a client's certificate is to be, and the client's private key.

    `private_key_pem` is a secret, and None for a client that brought a request: its key never was
    here.
    """

    wish: Wish
    private_key_pem: pulumi.Output[str] | None

    @classmethod
    def make(
        cls,
        resource_name: str,
        name: str,
        client: ClientArgs,
        identity: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
        *,
        secret: bool,
    ) -> ClientKey:
        """Make the key of a client that brings no request.

        Its subject and URI names come from the configuration, never from the request. `secret`: the
        state holds request, subject and URI names encrypted, but for what the certificate itself
        says.
        """
        hidden: Callable[[Any], Any] = pulumi.Output.secret if secret else lambda value: value
        wish: Wish = {
            "subject": hidden(client.subject_fields(name)),
            "uris": (
                identity.apply(lambda value: client.uri_names(name, value))
                if client.uris is None
                else hidden(list(client.uris))
            ),
            "validityDays": client.validity_days,
            "renewBeforeDays": client.renewal_days(),
        }
        if client.csr is not None:
            csr = client.csr if isinstance(client.csr, str) else _checked(name, client.csr)
            return cls({"csrPem": hidden(csr), **wish}, None)
        key = private_key(resource_name, client.key_algorithm, opts)
        return cls({"publicKeyPem": key.public_key_pem, **wish}, key.private_key_pem)


@dataclass(frozen=True)
class IssuedClient:
    """A client's certificate.

    `chain_pem` is what the client presents: its certificate first, then cross certificates, without
    the root. `private_key_pem`: see `ClientKey`.
    """

    certificate_pem: pulumi.Output[str]
    chain_pem: pulumi.Output[str]
    not_after: pulumi.Output[str]
    private_key_pem: pulumi.Output[str] | None

    @classmethod
    def of(
        cls,
        register: IssuedCertificates,
        client: str,
        key: ClientKey,
        above: Sequence[pulumi.Input[str]],
    ) -> IssuedClient:
        """Take a client's certificate from the register.

        `above`: what the client presents above its own certificate, in PEM.
        """
        certificate: pulumi.Output[Mapping[str, str]] = register.client(client)
        pem = certificate.apply(lambda issued: issued["certificatePem"])
        chain = pulumi.Output.all(pem, *above).apply("".join)
        return cls(pem, chain, certificate.apply(lambda issued: issued["notAfter"]), key.private_key_pem)


def _checked(name: str, csr: pulumi.Output[str]) -> pulumi.Output[str]:
    """A request that another resource computes, as `ClientArgs` would have checked it."""
    place = f"clients.{name}.csr"

    def check(value: str) -> str:
        try:
            return pem_text(value)
        except ValueError as error:
            raise pulumi.RunError(f"{place}: {error}") from None

    return csr.apply(check)
