"""Ten years of scheduled `pulumi up`s: never a moment without a valid certificate, exactly the
renewals that are needed, nothing else.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any, Final, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.register import due
from alb_mutual_tls.pki.renewal import RenewalState, from_text, renewal
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from tests.examples import examples
from tests.unit.pki.material import DAY, NOW, authority, key, key_pem, pem, request

LIFE: Final = 3650
"""Days that the authority lasts."""
ROOT = authority("root a", end=NOW + LIFE * DAY)
CLIENTS: Final = {"monthly": (30, 10), "default": (90, 30), "yearly": (365, 60), "once": (3650, 30)}
"""Validity and time of renewal, in days."""


def renewals(validity: int, before: int) -> int:
    """How many there are until a certificate ends with its authority: each one is `validity -
    before` days after the last.
    """
    return max(0, -(-(LIFE - validity) // (validity - before)))


class Stack:
    """The register of some clients, diffed and updated as the engine does; `now` is its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.register: Handler = IssuedCertificates(self.clock)
        self.inputs: Any = {
            "issuerCertificatePem": pem(ROOT.certificate),
            "issuerPrivateKeyPem": key_pem(ROOT.private_key),
            "rootCertificatePems": [pem(ROOT.certificate)],
            "clients": {
                name: {
                    "csrPem": request(key(name), common_name=name),
                    "subject": {"commonName": name},
                    "uris": [f"urn:client:{name}"],
                    "validityDays": validity,
                    "renewBeforeDays": before,
                }
                for name, (validity, before) in CLIENTS.items()
            },
        }
        self.state = self.register.create(self.request(), cast(Any, self.inputs))[1]

    def clock(self) -> datetime:
        return self.now

    @staticmethod
    def request() -> Request:
        return Request("urn:issued", "issued", False, 0.0, threading.Event(), lambda *_: None)

    def issued(self) -> dict[str, Any]:
        return {name: self.state[f"client:{name}"] for name in CLIENTS}

    def changes(self) -> list[str]:
        found = self.register.diff(self.request(), "issued", self.state, self.inputs, self.inputs).changes
        return [str(due(path)) for path in found]

    def up(self) -> list[str]:
        """The names of what is updated; a second preview is empty."""
        before, changed = self.issued(), self.changes()
        if changed:
            self.state = self.register.update(self.request(), "issued", self.state, self.inputs, self.inputs)
            assert self.changes() == []
        assert [name for name, last in before.items() if last != self.issued()[name]] == [
            name for name in CLIENTS if name in changed
        ]
        return changed


def test_ten_years_of_daily_ups_renew_exactly_what_is_due() -> None:
    stack, count = Stack(), dict.fromkeys(CLIENTS, 0)
    keys = {name: bundle.load_one(one["certificatePem"]).public_key() for name, one in stack.issued().items()}
    for _ in range(LIFE):
        stack.now += DAY - timedelta(seconds=1)
        for name, one in stack.issued().items():
            # good right before the daily run
            assert from_text(one["notBefore"]) < stack.now < from_text(one["notAfter"]), name
        stack.now += timedelta(seconds=1)
        for name in stack.up():
            count[name] += 1
            assert bundle.load_one(stack.issued()[name]["certificatePem"]).public_key() == keys[name]
        for one in stack.state["outstanding"]:
            assert one["reason"] == "renewed"
        # of each client at most the one before
        assert len(stack.state["outstanding"]) <= len(CLIENTS)
    assert (
        count
        == {name: renewals(*days) for name, days in CLIENTS.items()}
        == {"monthly": 181, "default": 60, "yearly": 11, "once": 0}
    )
    assert {one["notAfter"] for one in stack.issued().values()} == {
        "2036-11-20T12:00:00Z"
    }  # all with their authority, and not due for ever
    assert stack.up() == []


@settings(max_examples=examples(50))
@given(st.integers(2, 400), st.data(), st.lists(st.integers(1, 60), min_size=1, max_size=8))
@example(90, None, [30])
def test_whoever_runs_up_at_least_once_in_the_time_of_renewal_is_never_without(
    validity: int, data: st.DataObject | None, pauses: list[int]
) -> None:
    """The pauses between runs, in days, repeat; none is longer than the time of renewal."""
    before = 30 if data is None else data.draw(st.integers(1, validity - 1))
    end, now, authority_end, done = NOW + validity * DAY, NOW, NOW + LIFE * DAY, 0
    end = min(end, authority_end)
    while now < authority_end:
        for pause in pauses:
            now += min(pause, before) * DAY
            assert now < end or now >= authority_end
            match renewal(now, end, before, authority_end):
                case RenewalState.DUE:
                    last, end, done = end, min(now + validity * DAY, authority_end), done + 1
                    assert end > last
                case RenewalState.ENDS_WITH_AUTHORITY:
                    assert end == authority_end
                case RenewalState.NOT_YET:
                    assert now < end - before * DAY
    assert done <= renewals(validity, before)  # a late run renews less often, never more
