"""Apply the name constraints of an authority to the names of its clients.

Name constraints (RFC 5280 section 4.2.1.10) are judged as OpenSSL judges them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from cryptography import x509

from alb_mutual_tls.pki.authority_faults import extension
from alb_mutual_tls.pki.names import to_name
from alb_mutual_tls.pki.profile import Subject, normalized

_DNS_NAME: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")
_HOST: Final = re.compile(r"[^:/?#]+://(?:[^/?#@]*@)?(?P<host>[^:/?#]+)")


def forbidden_names(authority: x509.Certificate, subject: Subject, uris: Sequence[str]) -> list[str]:
    """Return the names of a client that an authority's name constraints forbid.

    The authority stands above the client. Each name is given in words.
    """
    constraints = extension(authority, x509.NameConstraints)
    if constraints is None:
        return []
    excluded, permitted = constraints.excluded_subtrees or [], constraints.permitted_subtrees or []
    return [
        words
        for kind, words, within in _names(subject, uris)
        if not _allowed(kind, within, excluded, permitted)
    ]


_Within = Callable[[x509.GeneralName], bool]


def _allowed(
    kind: type[x509.GeneralName],
    within: _Within,
    excluded: list[x509.GeneralName],
    permitted: list[x509.GeneralName],
) -> bool:
    if any(within(tree) for tree in excluded if isinstance(tree, kind)):
        return False
    trees = [tree for tree in permitted if isinstance(tree, kind)]
    return not trees or any(map(within, trees))


def _names(subject: Subject, uris: Sequence[str]) -> Iterator[tuple[type[x509.GeneralName], str, _Within]]:
    yield (
        x509.DirectoryName,
        f"the subject {to_name(subject).rfc4514_string()}",
        lambda tree: _below_name(tree.value, to_name(subject)),
    )
    for uri in uris:
        yield x509.UniformResourceIdentifier, f"the URI {uri!r}", partial(_below_host, uri)
    if email := subject.get("emailAddress"):
        yield x509.RFC822Name, f"the e-mail address {email!r}", lambda tree: _below_mailbox(tree.value, email)
    common_name = subject.get("commonName", "")
    if _DNS_NAME.fullmatch(
        common_name
    ):  # without DNS names among the others, OpenSSL takes such a common name for one
        yield (
            x509.DNSName,
            f"the commonName {common_name!r}",
            lambda tree: _below_domain(tree.value, common_name),
        )


def _below_name(tree: x509.Name, name: x509.Name) -> bool:
    wanted = _attributes(tree)
    return _attributes(name)[: len(wanted)] == wanted


def _attributes(name: x509.Name) -> list[tuple[str, str]]:
    return [
        (
            attribute.oid.dotted_string,
            normalized(attribute.value) if isinstance(attribute.value, str) else attribute.value.hex(),
        )
        for attribute in name
    ]


def _below_host(uri: str, tree: x509.GeneralName) -> bool:
    match = _HOST.match(uri)
    if match is None:
        return False
    host, wanted = match["host"].lower(), tree.value.lower()
    return host.endswith(wanted) and host != wanted if wanted.startswith(".") else host == wanted


def _below_mailbox(tree: str, address: str) -> bool:
    local, _, host = address.rpartition("@")
    if "@" in tree:
        wanted, _, at = tree.rpartition("@")
        return (wanted, at.lower()) == (local, host.lower())
    return host.lower().endswith(tree.lower()) if tree.startswith(".") else host.lower() == tree.lower()


def _below_domain(tree: str, name: str) -> bool:
    tree, name = tree.lower(), name.lower()
    return not tree or name == tree or name.endswith(tree if tree.startswith(".") else f".{tree}")
