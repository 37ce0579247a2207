"""The rules that the parts of a configuration keep together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.pki.profile import Subject, check_subject, same_subject
from alb_mutual_tls.text import did_you_mean

from .models import ClientArgs, ListenerArgs

if TYPE_CHECKING:
    from .arguments import AlbMutualTlsArgs

# No subject that a user writes can hold a control character, so the part of a default that is only
# known in state is compared as one.
_IDENTITY_PLACEHOLDER: Final = "\x01"


def broken_rules(args: AlbMutualTlsArgs) -> list[str]:
    """What is wrong between the parts, a sentence each; empty when all fit together."""
    problems = [
        *_doubled_listeners(args.listeners),
        *_clients_alike(args.clients),
        *_subjects_alike(args),
        *_shared_secrets(args.clients),
        *_misplaced_keys(args),
        *_unusable_authorities(args),
        *_unchosen_authorities(args),
    ]
    return problems or [*_missing_keys(args), *_forbidden_names(args), *_short_paths(args)]


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


def _misplaced_keys(args: AlbMutualTlsArgs) -> Iterator[str]:
    authorities = args.authorities
    for name in args.authority_private_keys:
        if name not in authorities:
            yield (
                f"authorityPrivateKeys.{name}: there is no authority of that name; remove it, the authorities"
                f" are {', '.join(authorities)}{did_you_mean(name, authorities)}"
            )
        elif authorities[name].generated:
            yield (
                f"authorityPrivateKeys.{name}: authorities.{name} is generated, and its key with it; remove"
                " it, or bring the certificate too"
            )


def _unusable_authorities(args: AlbMutualTlsArgs) -> Iterator[str]:
    identifiers: dict[str, str] = {}
    for name, authority in args.authorities.items():
        if authority.ca_certificate_id is not None:
            first = identifiers.setdefault(authority.ca_certificate_id, name)
            if first != name:
                yield (
                    f"authorities.{name}.caCertificateId: is that of authorities.{first} too; remove one of"
                    " the two"
                )
        try:
            brought = args.brought(name)
        except UserError as error:
            yield f"authorities.{name}.certificate: {error}"
            continue
        if brought is None:
            continue
        private_key = args.authority_private_keys.get(name)
        if isinstance(private_key, str) and (fault := brought.fault_of_key(private_key)):
            yield f"authorityPrivateKeys.{name}: {fault}"
        for place, subject, _ in args.subjects():
            if brought.named_like(subject):
                yield (
                    f"{place}.subject: is that of a certificate of authorities.{name}, which"
                    " verifiers take for a self-signed certificate; give the client another commonName"
                )


def _unchosen_authorities(args: AlbMutualTlsArgs) -> Iterator[str]:
    names = ", ".join(args.authorities)
    for key, chosen in (
        ("issuingAuthority", args.issuing_authority),
        ("trustedAuthority", args.trusted_authority),
    ):
        if chosen is None and len(args.authorities) > 1:
            yield f"{key}: not set, but there are several authorities; set it to one of {names}"
        elif chosen is not None and chosen not in args.authorities:
            near = did_you_mean(chosen, args.authorities)
            yield f"{key}: {chosen!r} is not one of the authorities; set it to one of {names}{near}"


def _missing_keys(args: AlbMutualTlsArgs) -> list[str]:
    """Keys that the configuration needs to sign with, and does not have."""
    set_it = "set it (pulumi config set --secret --path authorityPrivateKeys.{0} < key.pem)"
    if args.issues and not args.signs(args.issuing):
        return [
            f"authorityPrivateKeys.{args.issuing}: not set, and {args.issuing} is to sign clients;"
            f" {set_it.format(args.issuing)}, or set issuingAuthority to an authority whose key is here"
        ]
    if args.issues and args.issuing != args.trusted and not args.signs(args.trusted) and not args.cut_off:
        return [
            f"authorityPrivateKeys.{args.trusted}: not set, and during a rotation the trusted authority"
            f" certifies the issuing one; {set_it.format(args.trusted)}, or set cutOff to true if the"
            " listeners are to refuse these clients until trustedAuthority changes"
        ]
    return []


def _forbidden_names(args: AlbMutualTlsArgs) -> Iterator[str]:
    """Names of clients that the authorities above them do not allow.

    No listener would let these clients in.
    """
    for authority in dict.fromkeys((args.issuing, args.trusted)):
        brought = args.brought(authority)
        if brought is None:
            continue
        for place, subject, uris in args.subjects():
            for clause in brought.forbids(subject, uris):
                yield (f"{place}: {clause} (authorities.{authority}); give the client names that they allow")


def _short_paths(args: AlbMutualTlsArgs) -> Iterator[str]:
    """Path lengths that leave no room for a rotation.

    Then the trusted authority stands above the issuing one, and above what stands between that one
    and its root.
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


def _subjects_alike(args: AlbMutualTlsArgs) -> list[str]:
    problems = []
    subjects: dict[str, Subject] = {}
    for name, authority in args.authorities.items():
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
    for place, subject, _ in args.subjects():
        for other, taken in subjects.items():
            if same_subject(subject, taken):
                problems.append(
                    f"{place}.subject: is the subject of authorities.{other}, which verifiers take for"
                    " a self-signed certificate; give the client another commonName"
                )
    return problems
