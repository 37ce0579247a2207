"""What is remembered of certificates that no client has any more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.pki.issued import (
    IssuedCertificate,
    Outstanding,
    accepted_until,
    authority_identity,
    entry,
    identities,
    kept,
    outstanding,
)
from alb_mutual_tls.pki.renewal import from_text, to_text
from tests.unit.pki.material import DAY, NOW, authority, client, key, name_of, pem, subordinate

ROOT, OTHER = authority("root a"), authority("root b")
ACCEPTED = identities([pem(ROOT.certificate)])
FIRST = entry(pem(client(ROOT)), ACCEPTED)
RENEWED = entry(pem(client(ROOT, now=NOW + 60 * DAY)), ACCEPTED)


def made(
    number: int, days: int = 90, holder: str = "h", accepted_by: tuple[str, ...] = ("a",)
) -> IssuedCertificate:
    return IssuedCertificate(
        certificatePem="",
        serialNumber=f"{number:x}",
        notBefore=to_text(NOW),
        notAfter=to_text(NOW + days * DAY),
        fingerprint=f"{number:064x}",
        holder=holder,
        acceptedBy=list(accepted_by),
    )


def left(client: str, one: IssuedCertificate, reason: str, days: int = 0) -> Outstanding:
    return Outstanding(
        client=client,
        serialNumber=one["serialNumber"],
        notAfter=one["notAfter"],
        fingerprint=one["fingerprint"],
        acceptedBy=one["acceptedBy"],
        reason=reason,
        since=to_text(NOW + days * DAY),
    )


# --- what is remembered of a certificate


def test_an_entry_tells_number_end_and_who_accepts_it() -> None:
    certificate = client(ROOT)
    roots = [pem(OTHER.certificate), pem(ROOT.certificate), pem(ROOT.certificate)]
    found = entry(pem(certificate), identities(roots))
    assert found["certificatePem"] == pem(certificate)
    assert int(found["serialNumber"], 16) == certificate.serial_number
    assert found["notAfter"] == "2027-02-21T12:00:00Z"
    assert found["acceptedBy"] == sorted(
        [authority_identity(ROOT.certificate), authority_identity(OTHER.certificate)]
    )


def test_a_renewal_has_the_same_holder_and_any_other_key_name_or_issuer_another() -> None:
    assert RENEWED["holder"] == FIRST["holder"]
    assert RENEWED["fingerprint"] != FIRST["fingerprint"]
    others = [
        client(ROOT, key("another")),
        client(ROOT, subject={"commonName": "renamed"}),
        client(ROOT, uris=["urn:x"]),
        client(ROOT, uris=[]),
        client(OTHER),
    ]
    assert (
        len({FIRST["holder"], *(entry(pem(other), ACCEPTED)["holder"] for other in others)})
        == len(others) + 1
    )


def test_an_authority_is_known_by_name_and_key_however_long_its_certificate_lasts() -> None:
    longer = authority("root a", end=NOW + 5000 * DAY)
    assert authority_identity(longer.certificate) == authority_identity(ROOT.certificate)
    assert authority_identity(authority("root a", key("thief")).certificate) != authority_identity(
        ROOT.certificate
    )
    assert authority_identity(authority("root x", key("of root a")).certificate) != authority_identity(
        ROOT.certificate
    )
    assert authority_identity(subordinate(ROOT, "root b").certificate) == authority_identity(
        OTHER.certificate
    )  # a cross certificate
    assert name_of("root b") == OTHER.certificate.subject


# --- what becomes of it


def test_a_renewed_certificate_is_outstanding_until_it_ends() -> None:
    at = NOW + 60 * DAY
    found = outstanding({"one": FIRST}, [], {"one": RENEWED}, at)
    assert found == [left("one", FIRST, "renewed", 60)]
    end = from_text(FIRST["notAfter"])
    assert outstanding({"one": RENEWED}, found, {"one": RENEWED}, end - timedelta(seconds=1)) == found
    assert outstanding({"one": RENEWED}, found, {"one": RENEWED}, end) == []


def test_a_removed_clients_certificates_are_all_outstanding_as_removed() -> None:
    one, two = made(1, 10), made(2, 90)
    found = outstanding({"a": two}, [left("a", one, "renewed")], {}, NOW)
    assert found == [left("a", one, "removed"), left("a", two, "removed")]
    assert accepted_until("a", {"a": two}, [left("a", one, "renewed")], NOW) == two["notAfter"]


def test_a_shorter_successor_leaves_the_longer_certificate_accepted() -> None:
    long, short = made(1, 3650), made(2, 90)
    found = outstanding({"a": long}, [], {"a": short}, NOW)
    assert found == [left("a", long, "renewed")]
    assert accepted_until("a", {"a": short}, found, NOW) == long["notAfter"]


def test_another_key_is_a_replacement_and_another_client_is_nobodys_business() -> None:
    assert outstanding({"a": made(1), "b": made(9)}, [], {"a": made(2, holder="x"), "b": made(9)}, NOW) == [
        left("a", made(1), "replaced")
    ]


def test_a_client_that_comes_back_leaves_what_it_had_removed() -> None:
    before = [left("a", made(1), "removed")]
    assert outstanding({}, before, {"a": made(2)}, NOW) == before


def test_a_certificate_that_is_current_again_is_not_outstanding() -> None:
    """A state that was restored from a backup."""
    assert outstanding({"a": made(2)}, [left("a", made(1), "renewed")], {"a": made(1)}, NOW) == [
        left("a", made(2), "renewed")
    ]


def test_what_has_ended_is_accepted_no_more() -> None:
    assert accepted_until("a", {"a": made(1, 5)}, [], NOW + 5 * DAY) is None
    assert accepted_until("b", {"a": made(1, 5)}, [], NOW) is None
    assert outstanding({"a": made(1, 5)}, [], {}, NOW + 5 * DAY) == []


def test_roots_that_once_accepted_a_certificate_are_remembered_with_it() -> None:
    """Who got the cross certificate of a rotation is let in again when the trust goes back."""
    crossed, flipped = made(1, accepted_by=("a", "b")), made(1, accepted_by=("b",))
    assert kept({"x": crossed}, {"x": flipped}) == {"x": crossed}
    assert kept({"x": crossed}, {"x": made(2, accepted_by=("b",)), "y": flipped}) == {
        "x": made(2, accepted_by=("b",)),
        "y": flipped,
    }


# --- whatever happens, in whatever order


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, dict[str, IssuedCertificate]]]:
    """Days that pass, and what is current then: clients come, go, are renewed and replaced."""
    number, current, steps = 0, dict[str, IssuedCertificate](), []
    for _ in range(draw(st.integers(1, 12))):
        for name in draw(st.sets(st.sampled_from("abc"))):
            number += 1
            if name in current and draw(st.booleans()):
                del current[name]
            else:
                holder = draw(st.sampled_from(["h", "other"]))
                current[name] = made(number, draw(st.integers(1, 400)), holder)
        steps.append((draw(st.integers(0, 120)), dict(current)))
    return steps


@given(histories())
@pytest.mark.parametrize("killed", [False, True])
def test_every_certificate_that_was_recorded_and_has_not_ended_is_current_or_outstanding(
    killed: bool, history: list[tuple[int, dict[str, IssuedCertificate]]]
) -> None:
    ever: dict[str, IssuedCertificate] = {}
    known: dict[str, IssuedCertificate] = {}
    found: list[Outstanding] = []
    now = NOW
    for step, (days, current) in enumerate(history):
        now += days * DAY
        if killed and step % 2:
            continue  # before the record was written: the next one goes on from what the state has
        found = outstanding(known, found, current, now)
        known = kept(known, current)
        ever |= {one["fingerprint"]: one for one in current.values()}
        standing = {one["fingerprint"] for one in known.values()}
        lasting = {fingerprint for fingerprint, one in ever.items() if from_text(one["notAfter"]) > now}
        assert {one["fingerprint"] for one in found} == lasting - standing
        assert len({one["fingerprint"] for one in found}) == len(found)
        assert all((one["reason"] == "removed") for one in found if one["client"] not in current)
        assert outstanding(known, found, current, now) == found  # a second look changes nothing
