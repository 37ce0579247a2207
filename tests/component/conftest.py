"""What the tests of the component share."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.arguments import AlbMutualTlsArgs
from tests.component.mocks import Declare, Engine, Place
from tests.event_loops import event_loops


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declares an `AlbMutualTls` with the given arguments; returns the engine and the component's
    registered outputs.

    `kubernetes`: the component gets a provider of Kubernetes; `refused`: the program is to fail.
    """

    def run(
        *, kubernetes: bool = False, refused: bool = False, **arguments: Any
    ) -> tuple[Engine, dict[str, Any]]:
        for user in ("components.authority", "alb_mutual_tls.pki.tls_secret"):
            monkeypatch.setattr(f"{user}.fingerprint", lambda pem: f"fingerprint of {pem}")
        monkeypatch.setattr("components.authority.not_after", lambda pem: f"end of {pem}")
        engine = Engine()
        seen: dict[str, Any] = {}
        with event_loops():
            pulumi.runtime.set_mocks(engine, preview=False)

            @pulumi.runtime.test  # type: ignore[untyped-decorator]
            def program() -> pulumi.Output[None]:
                from components.mutual_tls import AlbMutualTls

                providers: list[pulumi.ProviderResource] = [Place()] if kubernetes else []
                # outputs can only be made where a program runs
                made = {key: value() if callable(value) else value for key, value in arguments.items()}
                component = AlbMutualTls(
                    "mtls", AlbMutualTlsArgs(**made), pulumi.ResourceOptions(providers=providers)
                )
                outputs = component._state()
                if not refused:  # whose outputs nobody would await
                    outputs |= component.packaged_outputs()
                    outputs["secret"] = outputs["clientPrivateKeys"].is_secret()
                return pulumi.Output.all(**outputs).apply(lambda values: seen.update(values))

            program()
        return engine, seen

    return run
