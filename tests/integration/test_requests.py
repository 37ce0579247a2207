"""What a stack costs: the requests of a first up, of one that has nothing to do, and of a toggle,
counted by the servers themselves.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.integration.engine import CAS, Sandbox, Stack

pytestmark = pytest.mark.campaign

WRITES = ("CreateWarehouse", "UploadPCACert", "DeletePCACert", "DeleteWarehouse")


class Counted:
    """The requests of one `pulumi up`, by OpenAPI action, and by verb and kind at
    kube-apiserver.
    """

    def __init__(self, stack: Stack) -> None:
        sandbox = stack.sandbox
        before, asked = len(sandbox.audit_log()), len(sandbox.api_log())
        stack.up()
        self.actions = Counter(line["action"] for line in sandbox.api_log()[asked:])
        self.kube = Counter(
            f"{event['verb']} {event['objectRef']['resource']}"
            for event in sandbox.audit_log()[before:]
            if event["user"]["username"] == "alb-mutual-tls-sandbox"
        )
        self.cas = sum(self.actions[action] for action in CAS)
        self.writes = sum(self.actions[action] for action in WRITES)
        self.patches = sum(
            count for what, count in self.kube.items() if what.split()[0] not in ("get", "list")
        )
        self.figures = (
            f"CAS {self.cas} (writes {self.writes}), all of OpenAPI {self.actions.total()}:"
            f" {dict(self.actions)}; kube-apiserver {self.kube.total()} (writes {self.patches}):"
            f" {dict(self.kube)}"
        )
        print(self.figures)


def test_a_first_up_asks_cas_six_times_at_most_and_each_changed_listener_costs_one_patch(
    sandbox: Sandbox, program: Path
) -> None:
    stack = Stack("requests", program, sandbox)
    stack.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}})
    try:
        first = Counted(stack)
        assert first.cas <= 6, first.figures
        assert first.writes == 2, first.figures
        assert first.patches == first.kube["patch albconfigs"] == 1, first.figures

        nothing = Counted(stack)
        assert nothing.writes == nothing.patches == 0, nothing.figures
        assert nothing.cas == 2, nothing.figures

        for wish in (False, True):
            stack.set(caEnabled=wish)
            toggle = Counted(stack)
            assert toggle.patches == toggle.kube["patch albconfigs"] == 1, toggle.figures
            assert toggle.writes == 0, toggle.figures
            assert toggle.cas == 2, toggle.figures
    finally:
        stack.remove()
