"""The least privileges of docs/permissions.md: on the API server they suffice for a whole life, and
with one verb less some command says which.

The real engine, as users who have just what the files grant. Nothing of RAM can be tried here; that
the policies list just the actions that are called is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.sandbox.cloud.seeds import PRIVATE_CA_ID
from dev.sandbox.layout import ACK_CLUSTER_ID
from tests.integration.engine import ALB, CAS, REPOSITORY, STS, Sandbox, Stack, run
from tests.integration.permissions import Permission, Users, actions, permissions

pytestmark = pytest.mark.campaign

RAM = {name: f"{code}:{name}" for code, names in (("yundun-cert", CAS), ("alb", ALB)) for name in names}
"""Action of the API -> that of RAM. STS has none here: GetCallerIdentity needs no permission."""
NOWHERE = "nowhere"
"""An AlbConfig that the users may read and that is not there."""
Command = Callable[[Stack], str]


# --- commands that need what is taken away; each returns what was said


def fails(command: str, **settings: object) -> Command:
    def act(stack: Stack) -> str:
        with changed(stack, **settings):
            return stack.fails(command)

    return act


def mtls(*arguments: str, ends: int) -> Command:
    def act(stack: Stack) -> str:
        place = ("--stack", stack.name, "--cwd", str(stack.directory))
        done = run(
            REPOSITORY / "mtls", *arguments, *place, env=stack.sandbox.env | stack.env, cwd=stack.directory
        )
        assert done.returncode == ends, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return act


def unconfirmed(stack: Stack) -> str:
    """ALB does not follow, and the controller's warnings would tell why."""
    assert stack.sandbox("fault", "controller", "stale").returncode == 0
    try:
        with changed(stack, caEnabled=False, awaitTimeoutSeconds=1):
            return stack.fails("up")
    finally:
        assert stack.sandbox("fault", "controller", "none").returncode == 0


def authority_removed(stack: Stack) -> str:
    """An authority that is wished no more goes from CAS, where a Service may have named it."""
    both = {name: {"keyAlgorithm": "ECDSA-P256"} for name in ("root", "spare")}
    with changed(stack, authorities=both, trustedAuthority="root", issuingAuthority="root"):
        stack.up()
    return stack.up()


@contextmanager
def changed(stack: Stack, **settings: object) -> Iterator[None]:
    """Settings for the time of a command."""
    before = dict(stack.config)
    stack.set(**settings)
    try:
        yield
    finally:
        stack.config = before


GONE = {"listeners": {"gone": {"albConfig": NOWHERE, "port": 443}}}
VERIFY = mtls("verify", "--json", ends=2)
STATUS = mtls("status", "--json", ends=2)
REHEARSE = mtls("rehearse", "--yes", ends=2)
SWITCH_OFF = fails("up", caEnabled=False)

COMMANDS: dict[str, dict[str, Command]] = {
    "deploy": {
        "get namespaces": fails("refresh"),
        "get albconfigs": fails("refresh"),
        "patch albconfigs": SWITCH_OFF,
        "list albconfigs": fails("preview", **GONE),
        "list ingresses": VERIFY,
        "list ingressclasses": VERIFY,
        "list services": authority_removed,
        "list events": unconfirmed,
        "get configmaps": fails("preview", caEnabled=False),
    },
    "preview": {
        "get namespaces": STATUS,
        "get albconfigs": STATUS,
        "list albconfigs": fails("preview", **GONE),
        "list ingresses": VERIFY,
        "list ingressclasses": VERIFY,
        "list services": mtls("audit", "--strict", "--json", ends=2),
        "get configmaps": fails("preview", caEnabled=False),
    },
    "rehearse": {
        "get namespaces": REHEARSE,
        "get albconfigs": REHEARSE,
        "patch albconfigs": REHEARSE,
        "list ingresses": REHEARSE,
        "list ingressclasses": REHEARSE,
        "list events": mtls("rehearse", "--yes", ends=0),
    },
}
"""User -> verb and resource -> a command that does not do without."""


@pytest.fixture(scope="module")
def beginning(sandbox: Sandbox) -> int:
    """Where these tests begin in api.log."""
    return len(sandbox.api_log())


@pytest.fixture(scope="module")
def users(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    made = Users(sandbox, tmp_path_factory.mktemp("users") / "kubeconfig", ("alb", NOWHERE))
    made.create(*COMMANDS, "client-secrets")
    yield made
    made.delete(*COMMANDS, "client-secrets")


@pytest.fixture(scope="module")
def stack(users: Users, sandbox: Sandbox, program: Path) -> Iterator[Stack]:
    """A stack that reaches the cluster as whoever acts; the tests of this module follow
    each other.
    """
    spec = sandbox.albconfig()["spec"]
    made = Stack(
        "least",
        program,
        sandbox,
        {"kubernetes:kubeconfig": str(users.kubeconfig)},
        {"SSL_CERT_FILE": str(sandbox.server_ca)},
    )
    made.set(authorities={"root": {"keyAlgorithm": "ECDSA-P256"}}, ackClusterId=ACK_CLUSTER_ID)
    yield made
    users.act_as("deploy")
    made.remove()
    assert sandbox.albconfig()["spec"] == spec


def called(sandbox: Sandbox, since: int) -> set[str]:
    """The RAM actions of the requests from place `since` of the sandbox's api.log on."""
    return {RAM[line["action"]] for line in sandbox.api_log()[since:] if line["action"] not in STS}


def refused(users: Users, since: int) -> list[tuple[str, str, int]]:
    return [request for request in users.requests(since) if request[2] == 403]


def test_the_rules_suffice_from_the_first_preview_to_a_rehearsal(
    beginning: int, users: Users, stack: Stack, sandbox: Sandbox
) -> None:
    audited = len(sandbox.audit_log())
    users.act_as("preview")
    assert stack.preview().returncode == 0
    users.act_as("deploy")
    stack.up()
    users.act_as("preview")
    reading = len(sandbox.api_log())
    stack.unchanged()
    assert stack.carry_out("refresh").returncode == 0
    stack.mtls("status")
    assert stack.verify().returncode == 0
    theirs = {"root": {"keyAlgorithm": "ECDSA-P256"}, "theirs": {"caCertificateId": PRIVATE_CA_ID}}
    with changed(stack, authorities=theirs, trustedAuthority="root", issuingAuthority="root"):
        assert stack.preview().returncode == 0
    assert called(sandbox, reading) <= actions("preview")
    users.act_as("deploy")
    for wish in (False, True):
        stack.set(caEnabled=wish)
        stack.up()
    users.act_as("rehearse")
    stack.mtls("rehearse", "--yes")
    assert refused(users, audited) == []
    assert called(sandbox, beginning) <= actions("deploy")


CASES = [(user, permission) for user in COMMANDS for permission in permissions(user)]


@pytest.mark.parametrize(
    ("user", "permission"), CASES, ids=[f"{user} without {permission}" for user, permission in CASES]
)
def test_one_verb_less_is_missed_by_a_command_that_says_which(
    users: Users, stack: Stack, user: str, permission: Permission
) -> None:
    users.act_as(user)
    command = COMMANDS[user][f"{permission.verb} {permission.resource}"]
    with users.without(user, permission):
        said = " ".join(command(stack).split())
    if command in (SWITCH_OFF, unconfirmed):
        stack.up()
    account = f"system:serviceaccount:alb-mutual-tls:alb-mutual-tls-{user}"
    verb, resource = permission.verb, permission.resource
    sentence = (
        f'forbids user "{account}" to {verb} {resource}: grant the verb {verb} on {resource} (apiGroup'
        f' "{permission.group}")'
    )
    print(said)
    assert sentence in said.replace('\\"', '"')


def test_every_verb_of_the_files_has_a_command_that_needs_it_and_no_command_is_for_another() -> None:
    for user, commands in COMMANDS.items():
        assert sorted(f"{one.verb} {one.resource}" for one in permissions(user)) == sorted(commands)


# --- clients' Secrets


SECRET = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
STEPS = {
    "create": ("apply", "--server-side", "--field-manager=test", "-f"),
    "get": ("get", "-f"),
    "patch": ("apply", "--server-side", "--field-manager=test", "--force-conflicts", "-f"),
    "delete": ("delete", "--wait=false", "-f"),
}
"""Verb -> what kubectl is asked for that needs it, one after the other; a real apply, read and
removal of a Secret.
"""
PLUGIN = {"list", "watch"}
"""Only the official plugin of Kubernetes needs these, so they are not tried."""


def live(users: Users, folder: Path, name: str = "client-tls") -> list[str]:
    """The life of a Secret, as who acts; what was refused."""
    said = []
    for number, arguments in enumerate(STEPS.values()):
        file = folder / "secret.json"
        data = {"tls.crt": f"{number}", "tls.key": "none"}
        file.write_text(
            json.dumps({**SECRET, "metadata": {"namespace": "shop", "name": name}, "stringData": data})
        )
        done = run("kubectl", *arguments, file, env=users.sandbox.env | {"KUBECONFIG": str(users.kubeconfig)})
        said += [] if done.returncode == 0 else [done.stderr]
    return said


def test_the_rules_for_clients_secrets_suffice_and_each_is_missed(users: Users, tmp_path: Path) -> None:
    users.act_as("deploy")
    assert live(users, tmp_path) == []
    assert len(live(users, tmp_path, "somebody-elses")) == len(STEPS)
    granted = permissions("client-secrets")
    assert {one.verb for one in granted} == set(STEPS) | PLUGIN
    for permission in granted:
        if permission.verb not in PLUGIN:
            with users.without("deploy", permission):
                refusals = live(users, tmp_path)
            assert any(f'cannot {permission.verb} resource "secrets"' in refusal for refusal in refusals), (
                refusals
            )
            users.sandbox.kubectl(
                "delete", "secret", "--namespace", "shop", "client-tls", "--ignore-not-found"
            )


def test_the_users_can_destroy_it_all_and_the_policies_allow_what_was_called(
    beginning: int, users: Users, stack: Stack, sandbox: Sandbox
) -> None:
    audited = len(sandbox.audit_log())
    users.act_as("deploy")
    stack.destroy()
    assert refused(users, audited) == []
    assert called(sandbox, beginning) == actions("deploy")
