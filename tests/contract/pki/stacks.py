"""Stacks of every kind of authority, in any mix of key algorithms; each is deployed once per
process.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from alb_mutual_tls.pki.signing import Issuer
from components.models import ClientArgs
from tests.contract.pki.issued import (
    CLIENTS,
    DAY,
    NOW,
    Stack,
    Wanted,
    brought,
    client,
    company_root,
    generated,
    issuer,
    root,
    stack,
    subordinate,
)
from tests.unit.pki.material import authority

DEFAULT: Final = "ECDSA-P256"
"""The key algorithm of a client that says nothing about it."""
EVERY_FIELD: Final = {
    "countryName": "CN",
    "stateOrProvinceName": "北京",
    "localityName": "Beijing",
    "organizationName": "alibaba",
    "organizationalUnitName": "test",
    "emailAddress": "somebody@example.com",
}
_ONE: Final = {DEFAULT: client(DEFAULT)}


# --- one authority


@cache
def simple(algorithm: str) -> Stack:
    """A root, with a client of every key algorithm."""
    return stack(root("root", algorithm), clients={one: client(one) for one in CLIENTS})


@cache
def named(algorithm: str) -> Stack:
    """A root and clients with other names than the default ones."""
    wanted = generated("named", algorithm, subject=EVERY_FIELD | {"commonName": "a root"})
    clients = {
        "every field": ClientArgs(subject=EVERY_FIELD | {"commonName": "一"}),
        "no names": ClientArgs(uris=()),
        "https": ClientArgs(uris=("https://example.com/client",)),
    }
    return stack(wanted, clients={name.replace(" ", "-"): one for name, one in clients.items()})


@cache
def below(lower: str, upper: str) -> Stack:
    """A brought subordinate."""
    above = issuer("root", upper)
    return stack(brought("subordinate", subordinate(above, lower), above), clients=_ONE)


@cache
def without_key_usage(algorithm: str) -> Stack:
    """A brought root as `openssl req -x509` makes it."""
    private_key = issuer("root", algorithm).private_key
    bare = authority("without key usage", private_key, start=NOW - DAY, end=NOW + 1000 * DAY, usage=None)
    return stack(brought("bare", bare), clients=_ONE)


@cache
def without_identifier(lower: str, upper: str) -> Stack:
    """A brought subordinate that does not name its issuer's key."""
    above = issuer("root", upper)
    return stack(brought("bare", subordinate(above, lower, identified=False), above), clients=_ONE)


@cache
def ended(algorithm: str) -> Stack:
    """A root that ended 5 days ago, and with it its client."""
    return stack(_short_lived(algorithm), clients=_ONE, days_ago=20)


@cache
def expired(client_algorithm: str, algorithm: str) -> Stack:
    """A client that expired a day ago, of a root that is still good."""
    short = client(client_algorithm).model_copy(update={"validity_days": 1, "renew_before_days": 0})
    return stack(root("root", algorithm), clients={client_algorithm: short}, days_ago=2)


# --- rotations: the new authority signs, the listeners still trust the old one


@cache
def rotation(new: str, old: str) -> Stack:
    """From root to root."""
    return stack(root("next", new), root("root", old), clients=_ONE)


@cache
def rotation_to_subordinate(lower: str, new: str, old: str) -> Stack:
    """From a root to a brought subordinate."""
    return stack(_new_subordinate(lower, new), root("root", old), clients=_ONE)


@cache
def rotation_from_subordinate(new: str, lower: str, old: str) -> Stack:
    """From a brought subordinate to a root."""
    return stack(root("next", new), _old_subordinate(lower, old), clients=_ONE)


@cache
def rotation_between_subordinates(new_lower: str, new: str, old_lower: str, old: str) -> Stack:
    """From a brought subordinate to another."""
    return stack(_new_subordinate(new_lower, new), _old_subordinate(old_lower, old), clients=_ONE)


@cache
def rotation_of_namesakes(new: str, old: str) -> Stack:
    """From a company's root to one with another key and the same name."""
    return stack(brought("next", namesake("next", new)), brought("root", namesake("root", old)), clients=_ONE)


@cache
def rotation_that_lasted(new: str, old: str) -> Stack:
    """The old root, and with it the cross certificate, ended 5 days ago; the client is
    still valid.
    """
    return stack(root("next", new), _short_lived(old), clients=_ONE, days_ago=20)


@cache
def namesake(role: str, algorithm: str) -> Issuer:
    """A company's root that is named as its other ones."""
    return company_root("root", issuer(role, algorithm).private_key)


def _new_subordinate(lower: str, new: str) -> Wanted:
    above = issuer("next", new)
    return brought("new-subordinate", subordinate(above, lower), above)


def _old_subordinate(lower: str, old: str) -> Wanted:
    """Without a path length: with that of 0 it could not certify the new authority, which the
    program says.
    """
    above = issuer("root", old)
    return brought("old-subordinate", subordinate(above, lower, path_length=None), above)


def _short_lived(algorithm: str) -> Wanted:
    return generated("short-lived", algorithm, validity_days=25)
