"""What is left out of each resource, and how a program ends that the engine has given up."""

from __future__ import annotations

import sys

import grpc
import pulumi
import pytest
from pulumi.runtime import resource as sdk

from components.registration import light_registration


class Ended(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.CANCELLED

    def details(self) -> str:
        return "context canceled"


def test_a_call_that_the_engine_has_given_up_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)
    monkeypatch.setitem(vars(sdk), "handle_grpc_error", vars(sdk)["handle_grpc_error"])
    with light_registration():
        assert (sys.tracebacklimit or 1000) < 20
        with pytest.raises(pulumi.RunError, match="has terminated"):
            vars(sdk)["handle_grpc_error"](Ended())
    assert not hasattr(sys, "tracebacklimit")
