"""The resource while `mtls rehearse` has a temporary listener beside its own: it tells about it,
and nothing else is different.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alb_mutual_tls.listener.declared import find_listener
from alb_mutual_tls.listener.rehearsal_claim import RehearsalClaim, Runner
from alb_mutual_tls.listener.temporary import plan_add, temporary
from tests.unit.provider.fakes import CA_2, B, World, wanted

TOLD = (
    "AlbConfig alb has the temporary listener 8443/HTTPS of a rehearsal of listener 443/HTTPS (process 42 on"
    " there, since 2026-03-01T12:00:00Z)"
)

OPENS = "alb:443 will let everybody in without a client certificate"


def rehearsed(world: World, port: int = 443) -> None:
    """Add a temporary listener for a rehearsal of the listener on `port`."""
    document, since = world.cluster.albconfig("alb"), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert document is not None
    real = find_listener(document, 443)
    added = temporary(document, real, 8443, CA_2)
    claim = RehearsalClaim(
        "r", "1a2b3c4d", "mtls", port, Runner("there", "", 42), since, since + timedelta(hours=1), added
    )
    world.cluster.patch_albconfig("alb", plan_add(document, real, claim))


@pytest.mark.parametrize("ca_enabled", [True, False])
def test_it_sees_no_change_and_tells_what_stands_there(ca_enabled: bool) -> None:
    world = World()
    inputs = wanted(caEnabled=ca_enabled)
    state = world.create(inputs)
    rehearsed(world)
    assert world.warnings() == []
    refreshed = world.refresh(state)
    assert refreshed == state
    assert world.changes(state, inputs) == {}
    (warning,) = world.warnings()
    assert warning == f"{TOLD}: unless that still runs, take it away with ./mtls rehearse --clean"


def test_it_is_created_updated_and_deleted_beside_it_and_tells_each_time() -> None:
    world = World()
    rehearsed(world)
    state = world.create(wanted(issuingFingerprint=B))
    state = world.update(state, wanted(caEnabled=False, issuingFingerprint=B))
    assert [warning.startswith(TOLD) for warning in world.warnings() if warning != OPENS] == [True, True]
    assert world.listener(8443)["caCertificates"] == [{"CertificateId": CA_2}]
    world.delete(state)
    assert list(world.annotations()) == ["albmtls/8443-https-rehearsal"]


def test_it_does_not_tell_about_another_listener_s() -> None:
    world = World()
    state = world.create(wanted())
    rehearsed(world, port=444)
    world.refresh(state)
    assert world.warnings() == []


def test_it_tells_about_an_annotation_that_nobody_can_read() -> None:
    world = World()
    state = world.create(wanted())
    world.cluster.documents["alb"]["metadata"]["annotations"]["albmtls/8443-https-rehearsal"] = "{}"
    world.refresh(state)
    assert "annotation albmtls/8443-https-rehearsal of AlbConfig alb cannot be read" in world.warnings()[0]
