"""The handler and everybody who wants the same listener: killed runs, moved resources, other
stacks, pruned annotations, other authorities.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from functools import partial

import pytest
from cryptography import x509

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.claim import ClaimedByAnother, ClaimUnreadable
from alb_mutual_tls.pki.profile import BACKDATE
from alb_mutual_tls.pki.renewal import to_text
from alb_mutual_tls.wire import UNKNOWN
from tests.unit.pki.material import DAY, NOW, authority, pem
from tests.unit.provider.fakes import CA_1, CA_2, KEY, ON, URN, A, B, World, alb, raised, wanted

PAST = NOW - DAY / 2
NAME = "alb-mutual-tls-alb-443"

# --- claims


def test_a_run_that_was_killed_after_its_patch_is_taken_up_with_the_first_values() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", "caCertificates": []}))
    lost = world.create(wanted())
    state = world.create(wanted())
    assert state["previous"] == lost["previous"] == '{"caCertificates":[]}'
    assert state["claimId"] != lost["claimId"]
    world.delete(state)
    assert world.listener() == {"port": 443, "protocol": "HTTPS", "caCertificates": []}


def test_a_resource_that_moved_is_never_off_and_its_old_self_leaves_it_alone() -> None:
    world = World()
    old = world.create(wanted(), "https")
    new = world.create(wanted(), "renamed")
    world.delete(old, "https")
    assert {key: world.listener()[key] for key in ON} == ON
    assert (
        "INFO",
        f"listener 443/HTTPS of AlbConfig alb is left as it is, {URN.format('renamed')} has taken it over",
    ) in world.said
    assert world.changes(new, wanted()) == {}
    world.delete(new, "renamed")
    assert "caEnabled" not in world.listener()


def test_a_resource_that_is_replaced_under_its_own_name_is_never_off() -> None:
    world = World()
    old = world.create(wanted())
    world.create(wanted())
    world.delete(old)
    assert {key: world.listener()[key] for key in ON} == ON


def test_two_resources_of_one_stack_on_one_listener_are_an_error() -> None:
    world = World()
    one = world.create(wanted(), "one")
    world.create(wanted(), "two")
    live = world.refresh(one)
    assert live is not None
    assert world.changes(live, wanted()) == {"owner": "UPDATE"}
    sentence = raised(ClaimedByAnother, lambda: world.update(live, wanted(), "one"))
    assert "another resource of this stack, two: " in sentence


def test_another_stack_is_refused_by_name_and_may_take_over_with_the_first_values() -> None:
    world = World()
    first = world.create(wanted())
    theirs = wanted(owner="99999999", caCertificateId=CA_2, trustedFingerprint=B, issuingFingerprint=B)
    for preview in (True, False):
        sentence = raised(
            ClaimedByAnother,
            lambda: world.handler.create(world.request("https", preview=preview), theirs),  # noqa: B023
        )
        assert "stack dev (1a2b3c4d)" in sentence
    assert {key: world.listener()[key] for key in ON} == ON
    for preview in (True, False):
        sentence = raised(
            UserError,
            lambda: world.handler.create(
                world.request("https", preview=preview),  # noqa: B023
                {**theirs, "takeOver": True},
            ),
        )
        assert (
            "would be taken over with another one, so everybody would be locked out: let authorities name"
            " that one" in sentence
        )
    assert {key: world.listener()[key] for key in ON} == ON
    second = world.create({**theirs, "takeOver": True, "cutOff": True})
    assert "every client of alb:443 is rejected until it has installed a new certificate" in world.warnings()
    assert second["previous"] == first["previous"]
    live = world.refresh(first)
    assert live is not None
    assert live["owner"] == "stack dev (99999999)"
    world.said.clear()
    world.delete(first)
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]
    assert world.warnings() == [
        "listener 443/HTTPS of AlbConfig alb is left as it is, because stack dev (99999999) has claimed it"
    ]


def test_a_pruned_annotation_is_shown_and_repaired_and_the_first_values_survive() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", "caCertificates": None}))
    state = world.create(wanted())
    world.cluster.documents["alb"]["metadata"]["annotations"].clear()
    live = world.refresh(state)
    assert live is not None
    assert world.changes(live, wanted()) == {"owner": "UPDATE"}
    repaired = world.update(live, wanted())
    assert repaired == state
    world.cluster.documents["alb"]["metadata"]["annotations"].clear()
    world.delete(repaired)
    assert world.listener() == {"port": 443, "protocol": "HTTPS", "caCertificates": None}


def test_an_altered_annotation_is_shown_and_repaired() -> None:
    world = World()
    state = world.create(wanted())
    annotations = world.cluster.documents["alb"]["metadata"]["annotations"]
    good = annotations[KEY]
    annotations[KEY] = good.replace(A, B)
    live = world.refresh(state)
    assert live is not None
    assert world.changes(live, wanted()) == {"owner": "UPDATE"}
    assert world.update(live, wanted()) == state
    assert world.annotations()[KEY] == good


def test_an_unreadable_annotation_is_not_overwritten_but_switching_off_goes_on() -> None:
    world = World()
    state = world.create(wanted())
    world.cluster.documents["alb"]["metadata"]["annotations"][KEY] = "{torn"
    live = world.refresh(state)
    assert live is not None
    raised(ClaimUnreadable, lambda: world.update(live, wanted()))
    raised(ClaimUnreadable, lambda: world.create(wanted()))
    raised(ClaimUnreadable, lambda: world.delete(state))
    world.update(live, wanted(caEnabled=False))
    assert world.listener()["caEnabled"] is False
    assert world.annotations()[KEY] == "{torn"
    assert any("cannot be read as a claim" in warning for warning in world.warnings())


# --- trust


def test_trust_changes_only_to_the_authority_that_was_issuing() -> None:
    world = World()
    state = world.create(wanted())
    flip = wanted(trustedFingerprint=B, issuingFingerprint=B, caCertificateId=CA_2)
    sentence = raised(UserError, lambda: world.changes(state, flip))
    assert (
        sentence
        == "listener 443/HTTPS of AlbConfig alb would trust an authority that no client has a certificate of"
        " (that of SHA-256 bbbbbbbbbbbbbbbb...), so everybody would be locked out: set issuingAuthority to it"
        " first and run pulumi up, let the clients install their certificates, then set trustedAuthority"
        " (docs/rotation.md); if writing authorities has removed the implicit root, add root: {} there; set"
        " cutOff to true only to lock everybody out"
    )
    raised(UserError, lambda: world.update(state, flip))
    raised(UserError, lambda: world.handler.update(world.request(preview=True), "alb/443", state, {}, flip))
    unknown = raised(
        UserError, lambda: world.changes(state, wanted(trustedFingerprint=UNKNOWN, caCertificateId=UNKNOWN))
    )
    assert "one that has not been made yet" in unknown
    assert {key: world.listener()[key] for key in ON} == ON

    issuing = world.update(state, wanted(issuingFingerprint=B))
    assert world.changes(issuing, flip) == {"trustedFingerprint": "UPDATE", "caCertificateId": "UPDATE"}
    world.update(issuing, flip)
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]


def test_an_ended_authority_locks_nobody_out_and_refuses_nothing_to_what_is_on_or_goes_off() -> None:
    ended = to_text(PAST)
    world = World()
    off = world.create(wanted(caEnabled=False, trustedNotAfter=ended))
    on = wanted(trustedNotAfter=ended)
    sentence = (
        "listener 443/HTTPS of AlbConfig alb would ask for certificates of an authority that ended on"
        f" {to_text(PAST)}, so everybody would be locked out: let it trust another authority"
        " (docs/rotation.md), or leave caEnabled false"
    )
    for request in (world.request(preview=True), world.request()):
        assert raised(UserError, partial(world.handler.create, request, on)) == sentence
        assert raised(UserError, partial(world.handler.update, request, "alb/443", off, {}, on)) == sentence
    flip = wanted(
        trustedFingerprint=B,
        issuingFingerprint=B,
        caCertificateId=CA_2,
        cutOff=True,
        trustedNotAfter=ended,
    )
    good = world.update(off, wanted(trustedNotAfter=to_text(datetime.now(UTC) + DAY)))
    assert raised(UserError, lambda: world.update(good, flip)) == sentence
    on_still = world.update(good, {**on, "owner": good["owner"]})
    assert world.listener()["caEnabled"] is True
    world.update(on_still, {**on, "caEnabled": False})
    assert world.listener()["caEnabled"] is False


def test_trust_goes_back_to_an_authority_only_while_the_cross_certificates_lead_to_it() -> None:
    world = World()
    issuing = world.update(world.create(wanted()), wanted(issuingFingerprint=B, crossFingerprints=[A]))
    flipped = wanted(trustedFingerprint=B, issuingFingerprint=B, crossFingerprints=[A], caCertificateId=CA_2)
    state = world.update(issuing, flipped)
    back = {**flipped, "trustedFingerprint": A, "caCertificateId": CA_1}
    assert world.changes(state, back) == {"trustedFingerprint": "UPDATE", "caCertificateId": "UPDATE"}
    patches = len(world.cluster.patches)
    assert world.changes(state, {**flipped, "crossFingerprints": []}) == {"crossFingerprints": "UPDATE"}
    without = world.update(state, {**flipped, "crossFingerprints": []})
    assert len(world.cluster.patches) == patches
    raised(UserError, lambda: world.changes(without, back))
    raised(UserError, lambda: world.update(without, back))
    world.update(state, back)
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_1}]


def test_trust_does_not_go_to_an_authority_that_never_was_trusted_whatever_cross_certificates_there_are() -> (
    None
):
    world = World()
    flip = wanted(trustedFingerprint=B, caCertificateId=CA_2, crossFingerprints=[B])
    state = world.update(world.create(wanted()), wanted(crossFingerprints=[B]))
    assert state["formerFingerprints"] == []
    raised(UserError, lambda: world.changes(state, flip))


def test_a_listener_that_is_added_between_a_change_of_trust_and_its_way_back_goes_back_with_the_others() -> (
    None
):
    world = World()
    state = world.create(
        wanted(trustedFingerprint=B, issuingFingerprint=B, crossFingerprints=[A], caCertificateId=CA_2)
    )
    assert "trustedFingerprint" in world.changes(state, wanted(issuingFingerprint=B, crossFingerprints=[A]))


def test_a_state_of_before_there_were_cross_fingerprints_is_no_difference() -> None:
    world = World()
    state = world.create(wanted())
    del state["crossFingerprints"]
    assert world.changes(state, wanted()) == {}
    assert world.changes(state, wanted(crossFingerprints=UNKNOWN)) == {"crossFingerprints": "UPDATE"}


def test_a_take_over_by_a_stack_that_is_up_counts_what_the_claim_says_and_not_its_own_old_state() -> None:
    world = World()
    mine = world.create(wanted())
    theirs = wanted(owner="99999999", caCertificateId=CA_2, trustedFingerprint=B, issuingFingerprint=B)
    world.create({**theirs, "takeOver": True, "cutOff": True})
    live = world.refresh(mine)
    assert live is not None
    again = wanted(takeOver=True)
    sentence = raised(UserError, lambda: world.update(live, again))
    assert "asks for clients of the certificate authority with the SHA-256 bbbbbbbbbbbbbbbb..." in sentence
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]
    world.update(live, {**again, "caEnabled": False})
    assert world.listener()["caEnabled"] is False
    with_theirs = wanted(takeOver=True, caCertificateId=CA_2, trustedFingerprint=B)
    assert "trustedFingerprint" in world.changes(live, with_theirs)


def test_trust_that_was_changed_while_off_is_refused_when_it_is_switched_on() -> None:
    world = World()
    on = world.create(wanted())
    off = world.update(on, wanted(caEnabled=False))
    changed = wanted(trustedFingerprint=B, caCertificateId=CA_2)
    moved = world.update(off, {**changed, "caEnabled": False})
    assert any(
        "so switching it on will be refused unless cutOff is set" in warning for warning in world.warnings()
    )
    raised(UserError, lambda: world.changes(moved, changed))
    raised(UserError, lambda: world.update(moved, changed))
    assert world.listener()["caEnabled"] is False
    assert world.changes(moved, wanted()) != {}  # back to what was trusted
    assert world.changes(moved, {**changed, "cutOff": True}) == {"caEnabled": "UPDATE"}
    never_on = World()
    first = never_on.create(wanted(caEnabled=False))
    raised(
        UserError, lambda: never_on.changes(never_on.update(first, {**changed, "caEnabled": False}), changed)
    )


def test_a_flip_names_the_clients_whose_old_bundles_are_rejected_and_a_cut_off_says_that_all_are() -> None:
    world = World()
    certificate = pem(authority("app").certificate)
    date = f"{x509.load_pem_x509_certificate(certificate.encode()).not_valid_before_utc + BACKDATE:%Y-%m-%d}"
    world.issued["alb-mutual-tls-issued"] = {"partner": certificate, "app": certificate}
    issuing = world.update(
        world.create(wanted(), NAME), wanted(issuingFingerprint=B, crossFingerprints=[A]), NAME
    )
    flip = wanted(trustedFingerprint=B, issuingFingerprint=B, crossFingerprints=[A], caCertificateId=CA_2)
    for preview in (True, False):
        world.said.clear()
        flipped = world.handler.update(world.request(NAME, preview=preview), "alb/443", issuing, {}, flip)
        assert world.warnings() == [
            f"from now on alb:443 rejects old bundles of app, partner (new ones were issued on {date})"
        ]
    world.said.clear()
    back = {**flip, "trustedFingerprint": A, "caCertificateId": CA_1}
    world.update(flipped, back, NAME)
    assert world.warnings() == []
    cut = wanted(trustedFingerprint=UNKNOWN, issuingFingerprint=UNKNOWN, caCertificateId=UNKNOWN, cutOff=True)
    world.issued["alb-mutual-tls-issued"] = {"partner": UNKNOWN, "app": UNKNOWN}
    world.handler.update(world.request(NAME, preview=True), "alb/443", flipped, {}, cut)
    assert world.warnings() == [
        "every client of alb:443 is rejected until it has installed a new certificate: app, partner"
    ]


@pytest.mark.parametrize("changes", [{"cutOff": True}, {"caEnabled": False}])
def test_trust_changes_at_once_with_cut_off_and_where_it_locks_nobody_out(changes: dict[str, bool]) -> None:
    world = World()
    state = world.create(wanted())
    inputs = wanted(trustedFingerprint=B, issuingFingerprint=B, caCertificateId=CA_2, **changes)
    assert "trustedFingerprint" in world.changes(state, inputs)
    world.update(state, inputs)
    assert any("when it is switched on, clients" in warning for warning in world.warnings()) is (
        "caEnabled" in changes
    )
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]


def test_a_create_that_goes_on_after_a_killed_run_may_not_change_trust_either() -> None:
    world = World()
    world.create(wanted())
    raised(
        UserError,
        lambda: world.create(wanted(trustedFingerprint=B, issuingFingerprint=B, caCertificateId=CA_2)),
    )
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_1}]


def test_a_listener_that_was_on_with_a_foreign_ca_is_taken_and_the_change_shown() -> None:
    world = World(
        alb(
            {
                "port": 443,
                "protocol": "HTTPS",
                "certificates": [{}],
                "caEnabled": True,
                "caCertificates": [{"CertificateId": CA_2}],
            }
        )
    )
    state = world.create(wanted())
    assert world.warnings() == [
        f"listener 443/HTTPS of AlbConfig alb already asks for client certificates ({CA_2}): from now on only"
        " clients of this stack's authority get in"
    ]
    world.delete(state)
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]


def test_previous_values_that_name_our_own_upload_are_restored_as_off() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", **ON}))
    state = world.create(wanted())
    world.delete(state)
    assert world.listener() == {"port": 443, "protocol": "HTTPS", "caEnabled": False}


def test_a_listener_that_was_on_with_a_ca_that_stays_in_cas_is_adopted_and_given_back_as_it_was() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", **ON}))
    before = copy.deepcopy(world.cluster.documents["alb"]["spec"])
    state = world.create(wanted(caCertificateExisting=True))
    assert world.cluster.documents["alb"]["spec"] == before
    assert world.changes(state, wanted(caCertificateExisting=True)) == {}
    world.delete(state)
    assert world.cluster.documents["alb"] == {**world.cluster.documents["alb"], "spec": before}
    assert world.cluster.documents["alb"]["metadata"].get("annotations", {}) == {}


def test_an_adopted_listener_gets_its_first_ca_back_after_a_rotation_to_one_of_the_stack() -> None:
    world = World(alb({"port": 443, "protocol": "HTTPS", **ON}))
    adopted = world.create(wanted(caCertificateExisting=True, issuingFingerprint=B))
    rotated = world.update(adopted, wanted(caCertificateId=CA_2, trustedFingerprint=B, issuingFingerprint=B))
    assert world.listener()["caCertificates"] == [{"CertificateId": CA_2}]
    world.delete(rotated)
    assert world.listener() == {"port": 443, "protocol": "HTTPS", **ON}


def test_the_state_of_a_version_that_did_not_know_of_adoption_is_no_difference() -> None:
    world = World()
    state = {key: value for key, value in world.create(wanted()).items() if key != "caCertificateExisting"}
    assert world.changes(state, wanted(caCertificateExisting=True)) == {}
    world.delete(state)
    assert "caCertificates" not in world.listener()
