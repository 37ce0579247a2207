"""Stand-ins refuse every environment but the sandbox's."""

from __future__ import annotations

from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.toolchain.plugins.sandbox_only import SandboxOnly, refusal


class StandIn(SandboxOnly):
    name = "tls"


@pytest.fixture
def sandbox(tmp_path: Path) -> dict[str, str]:
    directory = tmp_path / "a sandbox"
    directory.mkdir()
    (directory / "sandbox.json").write_text("{}")
    return {
        "ALB_MUTUAL_TLS_SANDBOX": str(directory),
        "PULUMI_BACKEND_URL": f"file://{directory}/state?metadata=skip",
    }


def test_the_sandbox_is_served(sandbox: dict[str, str]) -> None:
    assert refusal("tls", sandbox) is None
    StandIn(sandbox).configure({})


def test_an_escaped_path_and_a_trailing_slash_name_the_same_directory(sandbox: dict[str, str]) -> None:
    state = Path(sandbox["ALB_MUTUAL_TLS_SANDBOX"]) / "state"
    assert refusal("tls", sandbox | {"PULUMI_BACKEND_URL": f"file://{state}/".replace(" ", "%20")}) is None


@pytest.mark.parametrize("name", ["ALB_MUTUAL_TLS_SANDBOX", "PULUMI_BACKEND_URL"])
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("plugin", ["tls", "kubernetes"])
def test_without_a_part_of_the_environment_nothing_is_served(
    sandbox: dict[str, str], plugin: str, name: str, value: str | None
) -> None:
    environment = {key: found for key, found in (sandbox | {name: value}).items() if found is not None}
    sentence = refusal(plugin, environment)
    assert sentence is not None
    assert (
        f"the {plugin} stand-in serves only the sandbox, and {name} is not set: run `. .sandbox/env` first"
        in sentence
    )
    assert f"`pulumi plugin install resource {plugin}`" in sentence


@pytest.mark.parametrize(
    "backend",
    [
        "https://api.pulumi.com",
        "s3://states?region=cn-hangzhou",
        "file://~",
        "file:///",
        "file://host{state}",
        "{state}",
        "http://{state}",
    ],
)
def test_another_state_backend_is_refused(sandbox: dict[str, str], backend: str) -> None:
    state = f"{sandbox['ALB_MUTUAL_TLS_SANDBOX']}/state"
    sentence = refusal("tls", sandbox | {"PULUMI_BACKEND_URL": backend.format(state=state)})
    assert sentence is not None
    assert f"not file://{state}" in sentence


def test_credentials_in_an_address_are_not_shown(sandbox: dict[str, str]) -> None:
    sentence = refusal("tls", sandbox | {"PULUMI_BACKEND_URL": "s3://user:hunter2@bucket/a?secret=hunter2"})
    assert sentence is not None
    assert "s3://bucket/a" in sentence
    assert "hunter2" not in sentence


def test_a_directory_that_is_no_sandbox_is_refused(sandbox: dict[str, str]) -> None:
    Path(sandbox["ALB_MUTUAL_TLS_SANDBOX"], "sandbox.json").unlink()
    with pytest.raises(UserError, match=r"which holds no sandbox\.json"):
        StandIn(sandbox).configure({})
