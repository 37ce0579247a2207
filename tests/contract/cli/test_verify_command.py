"""`mtls verify` as a command: exit codes, the table and JSON, what a user gets wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack.deployed import DeployedComponent, DeployedListener
from alb_mutual_tls.verdict import Verdict
from tests.contract.cli.laboratory import ON, Laboratory, mtls
from tests.contract.cli.verifications import OFF, at, component, run


@pytest.fixture
def without_bypasses(laboratory: Laboratory) -> Path:
    path: Path = laboratory.cluster({"port": 443, "protocol": "HTTPS"}, listen_ports=[{"HTTPS": 443}])
    return path


def test_the_command_ends_with_0_and_a_table_without_colour_codes_or_keys(
    laboratory: Laboratory, project: Any, without_bypasses: Path
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    done = mtls(
        laboratory, project(ports.https, kubeconfig=without_bypasses), "verify", "--with-authority-key"
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.splitlines()[0] == "held: 24 checks held at 1 listener, 1 not checked"
    assert "This is what the data plane does now at these addresses" in done.stdout
    assert "TLS" in done.stdout and "rejected" in done.stdout and "HTTP 400" in done.stdout
    assert "\x1b" not in done.stdout and "PRIVATE KEY" not in done.stdout


def test_the_command_ends_with_1_when_something_fell_short_and_says_what_it_means(
    laboratory: Laboratory, project: Any, without_bypasses: Path
) -> None:
    ports = laboratory.nginx(OFF)
    done = mtls(laboratory, project(ports.https, kubeconfig=without_bypasses), "verify")
    assert done.returncode == 1
    assert (
        "fell short: no certificate, foreign CA, self-signed with the CA's name, tampered signature: the"
        " listener lets this in" in done.stdout
    )
    assert (
        "not checked: client of authority root, expired, serverAuth only, not yet valid: only the CA itself"
        " can sign it" in done.stdout
    )
    assert (
        done.stdout.splitlines()[0] == "fell short: 2 checks held at 1 listener, 14 fell short, 5 not checked"
    )


def test_the_json_of_the_command_says_the_same_and_holds_no_key(laboratory: Laboratory, project: Any) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    done = mtls(laboratory, project(ports.https), "verify", "--json", "--with-authority-key")
    document = json.loads(done.stdout)
    assert (done.returncode, document["exitCode"], document["verdict"]) == (2, 2, "not decided")
    assert "PRIVATE KEY" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--listener", "nope"], "--listener nope is none of this stack's listeners: it has https"),
        (["--component", "nope"], "the stack has no AlbMutualTls named 'nope': it has mtls"),
        (["--cert", "x.crt"], "--cert and --key go together"),
        (["--cert", "x.crt", "--key", "x.key"], "--cert x.crt cannot be read: No such file or directory"),
        (
            ["--cert", "server-ca.crt", "--key", "server.key"],
            "--key server.key is not the key of the first certificate in --cert server-ca.crt",
        ),
        (["--cert", "server.key", "--key", "server.key"], "--cert server.key holds no PEM certificate"),
        (["--ca-file", "nope.crt"], "--ca-file nope.crt cannot be used: No such file or directory"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_sentence_and_exit_code_2(
    laboratory: Laboratory, project: Any, without_bypasses: Path, arguments: list[str], message: str
) -> None:
    environment = project(1, kubeconfig=without_bypasses)
    done = mtls(laboratory, environment, "verify", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"mtls: {message}") and done.stderr.count("\n") == 1
    document = json.loads(mtls(laboratory, environment, "verify", "--json", *arguments).stdout)
    assert (document["verdict"], document["exitCode"], document["listeners"]) == ("not decided", 2, [])
    assert document["error"].startswith(message)


def test_a_listener_that_cannot_be_approached_does_not_keep_others_from_being_verified(
    laboratory: Laboratory,
) -> None:
    ports = laboratory.nginx(ON.format(folder=laboratory.folder))
    lost = component(laboratory, DeployedListener("lost", "alb", 8443, True))
    report = run(laboratory, component(laboratory, at(ports.https)), lost)
    assert [one.listener.name for one in report.listeners] == ["https", "lost"]
    assert [check.case for check in report.listeners[1].checks] == ["all cases"]
    assert report.verdict is Verdict.NOT_DECIDED


def test_a_stack_without_listeners_has_nothing_to_verify(laboratory: Laboratory) -> None:
    with pytest.raises(UserError, match="declares no listener"):
        run(laboratory, DeployedComponent("mtls", (), (), "root", laboratory.client_ca.pem))
