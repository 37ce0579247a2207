"""What an `AlbMutualTls` is made of: listeners, authorities and clients by the user's own names,
with the rules they keep.

The same models serve the stack configuration (camelCase keys, see `settings.py`) and other Pulumi
programs (snake_case arguments). Defaults are immutable once released: a changed one would re-issue
certificates in every stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, model_validator

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import (
    Subject,
    check_subject,
    same_subject,
)

from .models import (
    Authorities,
    AuthorityArgs,
    ClientArgs,
    Clients,
    ClientSecretArgs,
    ListenerArgs,
    Listeners,
    _Model,
)

if TYPE_CHECKING:
    from alb_mutual_tls.pki.brought import BroughtAuthority

# No subject that a user writes can hold a control character, so the part of a default that is only
# known in state is compared as one.
_IDENTITY_PLACEHOLDER: Final = "\x01"


class AlbMutualTlsArgs(_Model):
    """The arguments of `AlbMutualTls`; every default is the one of the stack configuration key of
    the same name (docs/configuration.md).
    """

    ca_enabled: bool = Field(
        default=False,
        description=(
            "master switch: a listener demands client certificates when this and its own caEnabled are true."
            " false still uploads the CA and writes caCertificates, so a first rollout is safe, and it is the"
            " way to let everybody in again"
        ),
    )
    listeners: Listeners = Field(
        default_factory=lambda: {"https": ListenerArgs(alb_config="alb", port=443)},
        description=(
            "the HTTPS listeners by names of your own; default: https, port 443 of AlbConfig alb; {} declares"
            " none"
        ),
    )
    authorities: Authorities = Field(
        default_factory=lambda: {"root": AuthorityArgs()},
        min_length=1,
        description=(
            "the certificate authorities by names of your own: generated, brought, or in CAS already;"
            " default: root, generated"
        ),
    )
    authority_private_keys: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description=(
            "the private keys (PEM) of brought authorities that are to sign clients: "
            "pulumi config set --secret --path authorityPrivateKeys.NAME < key.pem"
        ),
    )
    issuing_authority: str | None = Field(
        default=None, description="the authority that signs clients; default: the only one"
    )
    trusted_authority: str | None = Field(
        default=None,
        description=(
            "the authority that the listeners trust; default: the only one. It differs from issuingAuthority"
            " only during a rotation"
        ),
    )
    clients: Clients = Field(
        default_factory=dict,
        description="the client certificates that the stack issues, by names of your own",
    )
    repository: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description=(
            "the certificate application repository; default alb-mutual-tls-<id>. One that exists under a"
            " configured name is used and never deleted"
        ),
    )
    await_listener: bool = Field(
        default=True, description="whether pulumi up waits until ALB itself reports the wanted state"
    )
    await_timeout_seconds: int = Field(
        default=180, ge=1, le=3600, description="how many seconds it waits for that"
    )
    cut_off: bool = Field(
        default=False,
        description=(
            "emergency: let the trusted authority change to one that has not been issuing, so that everybody"
            " with an old bundle is locked out"
        ),
    )
    take_over: bool = Field(default=False, description="take a listener over that another stack has claimed")
    deletion_protection: bool = Field(
        default=True,
        description="Pulumi's protect on the trusted and issuing authority, their uploads and the listeners",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [
            *_doubled_listeners(self.listeners),
            *_clients_alike(self.clients),
            *_subjects_alike(self.authorities, self.clients),
        ]
        problems += _shared_secrets(self.clients)
        problems += [*_unusable_authorities(self.authorities, self.authority_private_keys, self.clients)]
        for key, wanted in (
            ("issuingAuthority", self.issuing_authority),
            ("trustedAuthority", self.trusted_authority),
        ):
            if wanted is None and len(self.authorities) > 1:
                problems.append(
                    f"{key}: not set, but there are several authorities; set it to one of"
                    f" {', '.join(self.authorities)}"
                )
            elif wanted is not None and wanted not in self.authorities:
                problems.append(
                    f"{key}: {wanted!r} is none of the authorities; set it to one of"
                    f" {', '.join(self.authorities)}"
                )
        problems += [] if problems else [*_missing_keys(self), *_forbidden_names(self), *_short_paths(self)]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def issuing(self) -> str:
        """The name of the authority that signs clients."""
        return self.issuing_authority or next(iter(self.authorities))

    @property
    def trusted(self) -> str:
        """The name of the authority that the listeners trust."""
        return self.trusted_authority or next(iter(self.authorities))

    @property
    def secrets(self) -> dict[str, ClientSecretArgs]:
        """Per client that is delivered into the cluster: its Secret."""
        return {name: client.secret for name, client in self.clients.items() if client.secret is not None}

    def signs(self, authority: str) -> bool:
        """Whether the stack has an authority's private key."""
        return self.authorities[authority].generated or authority in self.authority_private_keys

    def brought(self, authority: str) -> BroughtAuthority | None:
        """A brought authority taken apart; None where it is generated or in CAS already.

        Raises `UserError` when it cannot be used.
        """
        certificate = self.authorities[authority].certificate
        return None if certificate is None else _brought(certificate)

    @property
    def certifiers(self) -> tuple[str, ...]:
        """The other authorities that can certify the issuing one, the trusted one first: clients
        need a cross certificate by the trusted one.

        One by another authority is never signed, but kept as long as that authority is here: it was
        trusted before, and may be again.
        """
        if not self.clients:
            return ()
        others = [
            name
            for name in self.authorities
            if name != self.issuing and self.signs(name) and not self._one_root(name, self.issuing)
        ]
        return tuple(sorted(others, key=lambda name: (name != self.trusted, name)))

    @property
    def depth(self) -> int:
        """How many authorities stand between a client of the issuing authority and the root that
        the listeners trust, the cross certificate included.
        """
        above = [self.issuing, *(name for name in self.certifiers if name == self.trusted)]
        return sum(len(found.certificates) if (found := self.brought(name)) else 1 for name in above) - 1

    def _one_root(self, one: str, other: str) -> bool:
        first, second = self.brought(one), self.brought(other)
        return first is not None and second is not None and first.root_pem == second.root_pem


def _doubled_listeners(listeners: Mapping[str, ListenerArgs]) -> list[str]:
    seen: dict[tuple[str, int], str] = {}
    problems = []
    for name, listener in listeners.items():
        first = seen.setdefault((listener.alb_config, listener.port), name)
        if first != name:
            problems.append(
                f"listeners.{name}: AlbConfig {listener.alb_config!r} port {listener.port} is"
                f" listeners.{first} already; remove one of the two"
            )
    return problems


def _clients_alike(clients: Mapping[str, ClientArgs]) -> list[str]:
    seen: dict[str, str] = {}
    problems = []
    for name in clients:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            problems.append(
                f"clients.{name}: differs from clients.{first} only in case, and their exported files would"
                " overwrite each other; rename one"
            )
    return problems


def _shared_secrets(clients: Mapping[str, ClientArgs]) -> list[str]:
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for name, client in clients.items():
        if client.secret is None:
            continue
        place = (client.secret.namespace, client.secret.name)
        first = seen.setdefault(place, name)
        if first != name:
            problems.append(
                f"clients.{name}.secret: {'/'.join(place)} is the Secret of clients.{first} already; give it"
                " another name"
            )
    return problems


def _brought(certificate: str) -> BroughtAuthority:
    # imports cryptography, which takes 0.1 s
    from alb_mutual_tls.pki.brought import BroughtAuthority

    return BroughtAuthority.load(certificate)


def _unusable_authorities(
    authorities: Mapping[str, AuthorityArgs],
    private_keys: Mapping[str, str],
    clients: Mapping[str, ClientArgs],
) -> Iterator[str]:
    for name in private_keys:
        if name not in authorities:
            yield (
                f"authorityPrivateKeys.{name}: there is no authority of that name; remove it, the authorities"
                f" are {', '.join(authorities)}"
            )
        elif authorities[name].generated:
            yield (
                f"authorityPrivateKeys.{name}: authorities.{name} is generated, and its key with it; remove"
                " it, or bring the certificate too"
            )
    identifiers: dict[str, str] = {}
    for name, authority in authorities.items():
        if authority.ca_certificate_id is not None:
            first = identifiers.setdefault(authority.ca_certificate_id, name)
            if first != name:
                yield (
                    f"authorities.{name}.caCertificateId: is that of authorities.{first} too; remove one of"
                    " the two"
                )
        if authority.certificate is None:
            continue
        try:
            found = _brought(authority.certificate)
        except UserError as error:
            yield f"authorities.{name}.certificate: {error}"
            continue
        if name in private_keys and (fault := found.fault_of_key(private_keys[name])):
            yield f"authorityPrivateKeys.{name}: {fault}"
        for client, wanted in clients.items():
            if found.named_like(wanted.subject_fields(client)):
                yield (
                    f"clients.{client}.subject: is that of a certificate of authorities.{name}, which"
                    " verifiers take for a self-signed certificate; give the client another commonName"
                )


def _missing_keys(args: AlbMutualTlsArgs) -> list[str]:
    """Keys that the configuration needs to sign with, and does not have."""
    set_it = "set it (pulumi config set --secret --path authorityPrivateKeys.{0} < key.pem)"
    if args.clients and not args.signs(args.issuing):
        return [
            f"authorityPrivateKeys.{args.issuing}: not set, and {args.issuing} is to sign clients;"
            f" {set_it.format(args.issuing)}, or set issuingAuthority to an authority whose key is here"
        ]
    if args.clients and args.issuing != args.trusted and not args.signs(args.trusted) and not args.cut_off:
        return [
            f"authorityPrivateKeys.{args.trusted}: not set, and during a rotation the trusted authority"
            f" certifies the issuing one; {set_it.format(args.trusted)}, or set cutOff to true if the"
            " listeners are to refuse these clients until trustedAuthority changes"
        ]
    return []


def _forbidden_names(args: AlbMutualTlsArgs) -> Iterator[str]:
    """Names of clients that the authorities above them do not allow, so that no listener would let
    these clients in.
    """
    for authority in dict.fromkeys((args.issuing, args.trusted)):
        found = args.brought(authority)
        if found is None:
            continue
        for name, client in args.clients.items():
            for clause in found.forbids(client.subject_fields(name), client.uri_names(name, "0" * 8)):
                yield (
                    f"clients.{name}: {clause} (authorities.{authority}); give the client names that they"
                    " allow"
                )


def _short_paths(args: AlbMutualTlsArgs) -> Iterator[str]:
    """During a rotation the trusted authority stands above the issuing one, and above what stands
    between that one and its root.
    """
    trusted = args.brought(args.trusted) if args.trusted in args.certifiers else None
    if trusted is None:
        return
    issuing = args.brought(args.issuing)
    if clause := trusted.too_short_for(len(issuing.certificates) if issuing else 1):
        yield (
            f"authorities.{args.trusted}: cannot certify {args.issuing} for a rotation: {clause}; "
            "give clients certificates of both, for instance from a second stack"
        )


def _subjects_alike(authorities: Mapping[str, AuthorityArgs], clients: Mapping[str, ClientArgs]) -> list[str]:
    problems = []
    subjects: dict[str, Subject] = {}
    for name, authority in authorities.items():
        if not authority.generated:
            continue
        if "commonName" not in authority.subject:
            problems += [
                f"authorities.{name}: {fault}"
                for fault in check_subject(authority.subject_fields(name, "0" * 8))
            ]
        subject = authority.subject_fields(name, _IDENTITY_PLACEHOLDER)
        for other, taken in subjects.items():
            if same_subject(subject, taken):
                problems.append(
                    f"authorities.{name}.subject: is the subject of authorities.{other} too; give one of them"
                    " another commonName"
                )
        subjects[name] = subject
    for name, client in clients.items():
        for other, taken in subjects.items():
            if same_subject(client.subject_fields(name), taken):
                problems.append(
                    f"clients.{name}.subject: is the subject of authorities.{other}, which verifiers take for"
                    " a self-signed certificate; give the client another commonName"
                )
    return problems
