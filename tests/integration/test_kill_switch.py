"""The kill switch, with the default settings: whatever is broken, `caEnabled` true -> false lets
everybody in.

Each row breaks one thing, switches off as docs/operations.md says, looks at a handshake, mends it
and switches on again. What no `pulumi up` can come to is switched off by `./mtls off`, which has no
engine on its PATH, no state and no Alibaba Cloud API.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev.sandbox.layout import ACCOUNT_ID
from tests.integration.engine import ALB, CAS, REPOSITORY, STS, Sandbox, Stack, run, succeed
from tests.integration.kill_switch import (
    broken_glass,
    default_settings,
    deleted_uploads,
    is_open,
    off,
    on,
    remove,
)

# --- one stack, one thing broken after the other


@pytest.fixture(scope="module")
def first(sandbox: Sandbox) -> dict[str, Any]:
    """The AlbConfig's spec before any of it."""
    spec: dict[str, Any] = sandbox.albconfig()["spec"]
    return spec


@pytest.fixture(scope="module")
def shared(first: dict[str, Any], sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    made = default_settings("kill-switch", program, sandbox)
    yield made
    remove(made)
    assert sandbox.albconfig()["spec"] == first


@pytest.fixture
def stack(shared: Stack) -> Stack:
    """A stack that is up and asks for certificates."""
    on(shared)
    return shared


Break = Callable[[Stack], AbstractContextManager[None]]


@contextmanager
def environment(stack: Stack, **values: str) -> Iterator[None]:
    before = dict(stack.env)
    stack.env |= values
    try:
        yield
    finally:
        stack.env = before


def unreachable(actions: tuple[str, ...]) -> Break:
    return lambda stack: stack.sandbox.failing(actions)


def refused(**values: str) -> Break:
    return lambda stack: environment(stack, **values)


@contextmanager
def quic(stack: Stack) -> Iterator[None]:
    certificates = stack.sandbox.listeners()[443]["certificates"]
    value = {"port": 443, "protocol": "QUIC", "certificates": certificates}
    stack.sandbox.edit({"op": "add", "path": "/spec/listeners/-", "value": value})
    try:
        yield
    finally:
        stack.sandbox.edit({"op": "remove", "path": "/spec/listeners/2"})


@contextmanager
def torn_claim(stack: Stack) -> Iterator[None]:
    path, text = "/metadata/annotations/albmtls~1443-https", stack.sandbox.claims()["albmtls/443-https"]
    stack.sandbox.edit({"op": "replace", "path": path, "value": "{torn"})
    try:
        yield
    finally:
        stack.sandbox.edit({"op": "replace", "path": path, "value": text})


@contextmanager
def stale_state(stack: Stack) -> Iterator[None]:
    """A backup of the state from when the listener was off comes back."""
    stack.set(caEnabled=False)
    stack.up()
    document = stack.export()
    on(stack)
    file = stack.directory / "stale.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(document))
    succeed(stack.pulumi("stack", "import", "--file", str(file)))
    file.unlink()
    yield


@contextmanager
def guarded_account(stack: Stack) -> Iterator[None]:
    """The stack names its account, and the key is disabled when it is to be compared."""
    stack.set(accountId=ACCOUNT_ID)
    on(stack)
    with UNKNOWN_KEY(stack):
        yield
    del stack.config["alb-mutual-tls:accountId"]


UNKNOWN_KEY = refused(ALIBABA_CLOUD_ACCESS_KEY_ID="of-a-disabled-key")
WRONG_SECRET = refused(ALIBABA_CLOUD_ACCESS_KEY_SECRET="another-secret")
NO_KEY = refused(ALIBABA_CLOUD_ACCESS_KEY_ID="", ALIBABA_CLOUD_ACCESS_KEY_SECRET="")
NO_PERMISSION = refused(ALIBABA_CLOUD_ACCESS_KEY_ID="sandbox-no-alb-access-key")

ROWS: dict[str, tuple[Break, str]] = {
    "CAS does not answer": (unreachable(CAS), "was not looked at, what is known of it is kept"),
    "STS does not answer": (unreachable(STS), "the Alibaba Cloud account could not be compared"),
    "the ALB API does not answer": (unreachable(ALB), "it was not confirmed that ALB enforces it"),
    "no API of Alibaba Cloud answers": (
        unreachable((*CAS, *STS, *ALB)),
        "the Alibaba Cloud account could not be compared",
    ),
    "the access key is disabled or deleted": (UNKNOWN_KEY, "does not accept the access key"),
    "the access key is disabled, and accountId is set": (
        guarded_account,
        "so the provider albmtls alone does it",
    ),
    "the access key's secret is wrong": (WRONG_SECRET, "does not accept the access key"),
    "there are no credentials": (NO_KEY, "the Alibaba Cloud account could not be compared"),
    "RAM permits nothing of ALB": (NO_PERMISSION, "it was not confirmed that ALB enforces it"),
    "a QUIC listener shares the port": (quic, "shares its port with a QUIC listener"),
    "the claim cannot be read": (torn_claim, "cannot be read as a claim"),
    "the state is stale": (stale_state, ""),
    "the uploads were deleted in CAS": (deleted_uploads, ""),
}
EVERY_TIME = ("no API of Alibaba Cloud answers", "the access key is disabled or deleted")


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=() if row in EVERY_TIME else pytest.mark.campaign) for row in ROWS]
)
def test_off_works_while(row: str, stack: Stack) -> None:
    broken, told = ROWS[row]
    with broken(stack):
        assert told in off(stack)
    on(stack)
    stack.unchanged()


@pytest.mark.campaign
def test_what_a_listener_needs_is_still_an_error_when_it_is_switched_on(stack: Stack) -> None:
    off(stack)
    stack.set(caEnabled=True)
    for broken in (unreachable(STS), UNKNOWN_KEY):
        with broken(stack):
            stack.fails("up")
            is_open(stack)


# --- the break-glass


@pytest.mark.campaign
def test_the_break_glass_needs_a_kubeconfig_alone_is_told_everywhere_and_the_next_deliberate_up_takes_it_back(
    stack: Stack,
) -> None:
    with stack.sandbox.failing((*CAS, *STS, *ALB)):
        told = broken_glass(stack)
        is_open(stack)
    assert "alb:443 is off: everybody is let in without a client certificate" in told
    claim = json.loads(stack.sandbox.claims()["albmtls/443-https"])
    assert set(claim["switchedOff"]) == {"by", "at"}
    assert "is off already, so nothing was written" in broken_glass(stack)
    note = (
        f"alb:443 was switched off with ./mtls off by {claim['switchedOff']['by']} on"
        f" {claim['switchedOff']['at']}"
    )
    place = ("--stack", stack.name, "--cwd", stack.directory)
    status = run(REPOSITORY / "mtls", "status", "--json", *place, env=stack.sandbox.env | stack.env)
    assert status.returncode == 1
    assert note in " ".join(one["text"] for one in json.loads(status.stdout)["findings"])
    preview = stack.preview()
    assert note in preview.stdout + preview.stderr
    assert "~ caEnabled" in preview.stdout
    for script in ("drift", "renew"):
        done = run(REPOSITORY / "ci" / script, *place, env=stack.sandbox.env | stack.env)
        assert note in done.stdout.replace("\\", "").replace("&#8203;", ""), done.stdout + done.stderr
    is_open(stack)
    stack.up()
    assert stack.get()[0] in (0, 400)
    assert "switchedOff" not in json.loads(stack.sandbox.claims()["albmtls/443-https"])
    stack.unchanged()
    assert "alb:443 is off" in stack.mtls("off", "--listener", "https", "--yes")
    is_open(stack)
    stack.set(caEnabled=False)  # to keep it off takes the note away
    stack.up()
    assert "switchedOff" not in json.loads(stack.sandbox.claims()["albmtls/443-https"])
    stack.unchanged()


@pytest.mark.campaign
def test_the_break_glass_asks_first_and_names_what_is_wrong(stack: Stack) -> None:
    kubeconfig = stack.config["kubernetes:kubeconfig"]
    for arguments, sentence in {
        ("--alb-config", "alb", "--port", "443"): "there is no terminal to ask at; give --yes",
        ("--alb-config", "alp", "--port", "443", "--yes"): "there is no AlbConfig alp in",
        ("--alb-config", "alb", "--port", "80", "--yes"): "port 80 of AlbConfig alb speaks HTTP",
        ("--alb-config", "alb", "--yes"): "which listener is not clear",
        ("--alb-config", "alb", "--port", "443", "--yes", "--context", "no"): "has no context no",
    }.items():
        done = run(REPOSITORY / "mtls", "off", *arguments, "--kubeconfig", kubeconfig, env=stack.sandbox.env)
        assert done.returncode == 2
        assert sentence in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert stack.get()[0] in (0, 400)


@pytest.mark.campaign
@pytest.mark.parametrize("missing", ["engine", "state", "passphrase", "plugin"])
def test_off_works_by_breaking_the_glass_where_pulumi_up_cannot_run(
    missing: str, stack: Stack, tmp_path: Path
) -> None:
    values = {
        "engine": {"PATH": f"{tmp_path}:/usr/bin:/bin"},
        "state": {"PULUMI_BACKEND_URL": f"file://{tmp_path}"},
        "passphrase": {"PULUMI_CONFIG_PASSPHRASE": "another"},
        "plugin": {
            "PULUMI_HOME": str(tmp_path),
            "PATH": (
                f"{Path(shutil.which('pulumi', path=stack.sandbox.env['PATH']) or '').parent}:/usr/bin:/bin"
            ),
        },
    }[missing]
    stack.set(caEnabled=False)
    env = stack.sandbox.env | values
    if missing == "engine":
        assert shutil.which("pulumi", path=env["PATH"]) is None
    else:
        assert (
            run(*stack.command("up", "--yes", "--skip-preview"), env=env, cwd=stack.directory).returncode != 0
        )
    broken_glass(stack)
    is_open(stack)
