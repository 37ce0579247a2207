"""Ten years of scheduled `pulumi up`s: never a moment without a valid certificate, exactly the
renewals that are needed, nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alb_mutual_tls.pki import bundle
from alb_mutual_tls.pki.renewal import RenewalState, from_text, renewal
from alb_mutual_tls.plugin.handler import Handler
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.issued_certificates import IssuedCertificates
from alb_mutual_tls.provider.signed_certificate import SignedCertificate
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
    """The resources of some clients and the record, each diffed and updated as the engine does.

    `now` is the clock of both handlers.
    """

    def __init__(self) -> None:
        self.now = NOW
        self.signer: Handler = SignedCertificate(self.clock)
        self.record: Handler = IssuedCertificates(self.clock)
        self.inputs: dict[str, Any] = {
            name: {
                "kind": "client",
                "issuerCertificatePem": pem(ROOT.certificate),
                "issuerPrivateKeyPem": key_pem(ROOT.private_key),
                "csrPem": request(key(name), common_name=name),
                "subject": {"commonName": name},
                "uris": [f"urn:client:{name}"],
                "validityDays": validity,
                "renewBeforeDays": before,
            }
            for name, (validity, before) in CLIENTS.items()
        }
        self.states = {
            name: self.signer.create(self.request(name), inputs)[1] for name, inputs in self.inputs.items()
        }
        self.recorded: Mapping[str, Any] = self.record.create(self.request("issued"), self._current())[1]

    def clock(self) -> datetime:
        return self.now

    @staticmethod
    def request(name: str) -> Request:
        return Request(f"urn:{name}", name, False, 0.0, threading.Event(), lambda *_: None)

    def _current(self) -> Any:
        certificates = {name: state["certificatePem"] for name, state in self.states.items()}
        return {"current": certificates, "rootCertificatePems": [pem(ROOT.certificate)]}

    def up(self) -> list[str]:
        """The names of what is updated; a second preview is empty."""
        before, changed = self.recorded["current"], []
        for name, inputs in self.inputs.items():
            asked, state = self.request(name), self.states[name]
            if changes := self.signer.diff(asked, "id", state, inputs, inputs).changes:
                assert changes.keys() == {"notAfter"}
                self.states[name] = self.signer.update(asked, "id", state, inputs, inputs)
                assert self.signer.diff(asked, "id", self.states[name], inputs, inputs).changes == {}
                changed.append(name)
        now = self._current()
        paths = self.record.diff(self.request("issued"), "issued", self.recorded, {}, now).changes
        assert paths.keys() == {f'current["{name}"]' for name in changed}
        if paths:
            self.recorded = self.record.update(self.request("issued"), "issued", self.recorded, {}, now)
        assert [name for name in before if before[name] != self.recorded["current"][name]] == changed
        return changed


def test_ten_years_of_daily_ups_renew_exactly_what_is_due() -> None:
    stack, count = Stack(), dict.fromkeys(CLIENTS, 0)
    keys = {
        name: bundle.load_one(state["certificatePem"]).public_key() for name, state in stack.states.items()
    }
    for _ in range(LIFE):
        stack.now += DAY - timedelta(seconds=1)
        for name, state in stack.states.items():
            assert from_text(state["notBefore"]) < stack.now < from_text(state["notAfter"]), (
                name
            )  # good right before the daily run
        stack.now += timedelta(seconds=1)
        for name in stack.up():
            count[name] += 1
            assert bundle.load_one(stack.states[name]["certificatePem"]).public_key() == keys[name]
        for one in stack.recorded["outstanding"]:
            assert one["reason"] == "renewed"
        # of each client at most the one before
        assert len(stack.recorded["outstanding"]) <= len(CLIENTS)
    assert (
        count
        == {name: renewals(*days) for name, days in CLIENTS.items()}
        == {"monthly": 181, "default": 60, "yearly": 11, "once": 0}
    )
    assert {state["notAfter"] for state in stack.states.values()} == {
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
