"""Who may take, keep and give back a listener."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.listener.claim import (
    Claim,
    ClaimedByAnother,
    ClaimEnding,
    ClaimUnreadable,
    Owner,
    annotation_key,
    for_create,
    for_delete,
    for_update,
    new_id,
    parse,
    render,
)

URN = "urn:pulumi:dev::p::albmtls:index:ListenerClientAuthentication::https"
CLAIM = Claim("c1", Owner("1a2b3c4d", URN), "a" * 64, "b" * 64, "ca-1", '{"caEnabled":null}')
WHAT = "listener 443/HTTPS of AlbConfig alb"


@given(
    st.builds(
        Claim,
        st.text(min_size=1),
        st.builds(Owner, st.text(min_size=1), st.text()),
        st.text(),
        st.text(),
        st.text(),
        st.just("{}"),
    )
)
def test_what_is_written_is_read_back(claim: Claim) -> None:
    assert parse(render(claim), "alb", "albmtls/443-https") == claim


def test_the_annotation_is_a_persisted_contract() -> None:
    assert annotation_key(443) == "albmtls/443-https"
    assert json.loads(render(CLAIM)) == {
        "version": 1,
        "claim": "c1",
        "identity": "1a2b3c4d",
        "urn": URN,
        "trusted": "a" * 64,
        "issuing": "b" * 64,
        "applied": "ca-1",
        "previous": '{"caEnabled":null}',
    }
    assert len(new_id()) == 16
    assert new_id() != new_id()


def altered(**changes: object) -> str:
    return json.dumps({**json.loads(render(CLAIM)), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "true",
        "{}",
        altered(version=2),
        altered(version=True),
        altered(surplus=1),
        altered(claim=""),
        altered(identity=""),
        altered(claim=1),
        altered(previous="x"),
        altered(previous='{"port":1}'),
        render(CLAIM)[:-1],
    ],
)
def test_an_annotation_that_is_not_ours_is_refused_and_says_how_to_look_at_it(text: str) -> None:
    with pytest.raises(ClaimUnreadable) as raised:
        parse(text, "alb", "albmtls/443-https")
    assert (
        str(raised.value)
        == "annotation albmtls/443-https of AlbConfig alb cannot be read as a claim of this program, and the"
        " listener's first values may be in it: look at it with kubectl get albconfig alb -o yaml and"
        " correct or remove it"
    )


def test_no_annotation_is_no_claim() -> None:
    assert parse(None, "alb", "albmtls/443-https") is None


def test_a_new_resource_starts_afresh_without_a_claim_and_goes_on_with_its_own_stacks() -> None:
    assert for_create(None, "1a2b3c4d", take_over=False, listener=WHAT) is None
    assert for_create(CLAIM, "1a2b3c4d", take_over=False, listener=WHAT) is CLAIM


@pytest.mark.parametrize("identity", ["99999999", None])
def test_another_stack_is_refused_by_name_unless_it_takes_over(identity: str | None) -> None:
    with pytest.raises(ClaimedByAnother) as raised:
        for_create(CLAIM, identity, take_over=False, listener=WHAT)
    assert (
        str(raised.value)
        == f"{WHAT} belongs to stack dev (1a2b3c4d): remove it from that stack's listeners and run pulumi up"
        " there; or take it over here: pulumi config set takeOver true"
    )
    assert for_create(CLAIM, identity, take_over=True, listener=WHAT) is CLAIM


def test_an_update_keeps_its_own_values_after_a_pruned_annotation_or_a_renamed_stack() -> None:
    own = CLAIM.owner
    assert for_update(None, "c1", own, take_over=False, listener=WHAT) is None
    assert for_update(CLAIM, "c1", own, take_over=False, listener=WHAT) is None
    assert (
        for_update(
            CLAIM, "c1", Owner(own.identity, URN.replace("dev", "prod")), take_over=False, listener=WHAT
        )
        is None
    )


def test_an_update_takes_its_own_urns_claim_back_from_an_older_state() -> None:
    assert for_update(CLAIM, "c0", CLAIM.owner, take_over=False, listener=WHAT) is CLAIM


@pytest.mark.parametrize("take_over", [True, False])
def test_an_update_never_takes_a_claim_from_another_resource_of_its_stack(take_over: bool) -> None:
    with pytest.raises(ClaimedByAnother, match="two resources cannot hold one listener"):
        for_update(CLAIM, "c0", Owner(CLAIM.owner.identity, URN + "2"), take_over=take_over, listener=WHAT)


def test_an_update_takes_another_stacks_claim_only_with_take_over() -> None:
    stranger = Owner("99999999", URN)
    with pytest.raises(ClaimedByAnother, match="belongs to stack dev"):
        for_update(CLAIM, "c0", stranger, take_over=False, listener=WHAT)
    assert for_update(CLAIM, "c0", stranger, take_over=True, listener=WHAT) is CLAIM


@pytest.mark.parametrize(
    ("found", "ids", "ending"),
    [
        (CLAIM, ("ca-1",), ClaimEnding.RESTORE),
        (None, ("ca-1",), ClaimEnding.RESTORE),
        (CLAIM, ("ca-2",), ClaimEnding.RELEASE),
        (CLAIM, ("ca-1", "ca-2"), ClaimEnding.RELEASE),
        (None, ("ca-2",), ClaimEnding.LEAVE),
        (None, (), ClaimEnding.LEAVE),
        (dataclasses.replace(CLAIM, id="c2"), ("ca-1",), ClaimEnding.LEAVE),
        (dataclasses.replace(CLAIM, id="c2"), ("ca-2",), ClaimEnding.LEAVE),
        (dataclasses.replace(CLAIM, id="c2"), (), ClaimEnding.LEAVE),
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
def test_a_deleted_resource_restores_only_what_is_still_its_own(
    found: Claim | None, ids: tuple[str, ...], ending: ClaimEnding, enabled: bool
) -> None:
    assert for_delete(found, "c1", "ca-1", ids, enabled=enabled) is ending


@pytest.mark.parametrize(("enabled", "ending"), [(True, ClaimEnding.RESTORE), (False, ClaimEnding.RELEASE)])
def test_a_listener_that_asks_for_certificates_of_no_ca_is_restored_and_one_that_asks_for_none_is_left(
    enabled: bool, ending: ClaimEnding
) -> None:
    assert for_delete(CLAIM, "c1", "ca-1", (), enabled=enabled) is ending
