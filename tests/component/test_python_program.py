"""The Python example on Pulumi's mocks: the AlbConfig that it declares itself carries the two
fields, for the sandbox has no plugin that makes one.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockResourceArgs

from tests.component.mocks import LISTENER, UPLOAD, Engine
from tests.event_loops import event_loops
from tests.unit.pki.material import request

PROGRAM = Path(__file__).resolve().parents[2] / "examples/python-program/__main__.py"


class WithRequests(Engine):
    """Answers with requests that can be read."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made, outputs = super().new_resource(args)
        return made, {**outputs, "certRequestPem": request()} if "CertRequest" in args.typ else outputs


def run(monkeypatch: pytest.MonkeyPatch, **config: str) -> Engine:
    """The example with these values beside those that its Pulumi.yaml gives."""
    for user in ("components.authority", "alb_mutual_tls.pki.tls_secret"):
        monkeypatch.setattr(f"{user}.fingerprint", lambda pem: f"fingerprint of {pem}")
    monkeypatch.setattr("components.authority.not_after", lambda pem: f"end of {pem}")
    values = {
        "caEnabled": "true",
        "declareAlbConfig": "false",
        "provider": json.dumps({"region": "cn-hangzhou"}),
        **config,
    }
    engine = WithRequests()
    with event_loops():
        pulumi.runtime.set_mocks(engine, project="python-program", preview=False)
        pulumi.runtime.set_all_config({f"python-program:{key}": value for key, value in values.items()})

        @pulumi.runtime.test  # type: ignore[untyped-decorator]
        def program() -> None:
            runpy.run_path(str(PROGRAM))

        program()
    return engine


def test_an_albconfig_of_the_program_carries_the_two_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = run(monkeypatch, declareAlbConfig="true", serverCertificateId="12-cn")
    (config,) = engine.named("kubernetes:alibabacloud.com/v1:AlbConfig").values()
    (upload,) = engine.named(UPLOAD)
    (listener,) = config.inputs["spec"]["listeners"]
    assert listener["caEnabled"] is True
    assert listener["caCertificates"] == [{"CertificateId": f"id-of-{upload}"}]
    assert engine.named(LISTENER) == {}


def test_else_the_component_changes_the_listener_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = run(monkeypatch)
    assert engine.named(LISTENER).keys() == {"mtls-alb-443"}
    assert engine.named("kubernetes:alibabacloud.com/v1:AlbConfig") == {}
