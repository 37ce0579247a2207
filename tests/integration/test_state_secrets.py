"""What stands in the state in the clear, and what is protected there, with the default settings: on
the real engine, read as anybody may read it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.provider.configuration import Configuration
from dev.sandbox.layout import ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION
from tests.integration.engine import Sandbox, Stack
from tests.ports import unused_port

ROLE = f"acs:ram::{ACCOUNT_ID}:role/deployer"
Start = Callable[..., Stack]


@pytest.fixture
def address(sandbox: Sandbox) -> Iterator[str]:
    """The URL of a server that hands out a session of the sandbox, as `credentialsUri` wants it."""
    chosen = {"region": REGION, "protocol": "HTTP", "endpoints": {"sts": sandbox.layout.openapi_endpoint}}
    keys = {"accessKey": ACCESS_KEY_ID, "secretKey": ACCESS_KEY_SECRET, "assumeRole": {"roleArn": ROLE}}
    session = Configuration.of(chosen | keys)._credential().resolve()
    content = {
        "Code": "Success",
        "AccessKeyId": session.access_key_id,
        "AccessKeySecret": session.access_key_secret,
        "SecurityToken": session.security_token,
        "Expiration": "2099-01-01T00:00:00Z",
    }

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """Not among the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", unused_port()), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hush-path"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def start(sandbox: Sandbox, program: Path) -> Iterator[Start]:
    """Makes a stack with default settings but for these keys; afterwards it is unprotected and
    destroyed.
    """
    made: list[Stack] = []

    def begin(name: str, **keys: Any) -> Stack:
        stack = Stack(name, program, sandbox)
        del stack.config["alb-mutual-tls:deletionProtection"]
        stack.set(**keys)
        made.append(stack)
        return stack

    yield begin
    for stack in made:
        stack.set(deletionProtection=False, caEnabled=False)
        stack.up()
        stack.remove()


def test_what_was_set_with_secret_stands_nowhere_in_the_state_in_the_clear(
    start: Start, sandbox: Sandbox
) -> None:
    sandbox.namespace("hushed")
    stack = start("hushed", clients={"web": {"secret": {"namespace": "hushed", "name": "web-tls"}}})
    stack.config["alicloud:assumeRole"] = {"roleArn": ROLE}
    secrets = {
        "alicloud:assumeRole.externalId": "hush-ticket",
        "alicloud:assumeRole.policy": '{"Statement": ["hush-policy"]}',
        "kubernetes:context": "alb-mutual-tls-sandbox",
        "alb-mutual-tls:repository": "hush-repository",
        "alb-mutual-tls:authorities.root.subject.organizationName": "hush-organization",
        "alb-mutual-tls:authorities.root.subject.commonName": "hush-root",
        "alb-mutual-tls:clients.web.subject.commonName": "hush-client",
        "alb-mutual-tls:clients.web.uris[0]": "urn:hush:web",
        "alb-mutual-tls:listeners.https.verify.serverName": "demo.alb.ingress.top",
    }
    for path, value in secrets.items():
        stack.set_secret(path, value)
    shown = stack.up()
    assert "authorities, clients, listeners: set with --secret, but names, AlbConfigs and ports" in shown
    stack.set_secret("alb-mutual-tls:clients.web.subject.commonName", "hush-other")
    shown += stack.up()

    exported = json.dumps(stack.export())
    for word in ("hush-", "urn:hush:web", "alb-mutual-tls-sandbox", "demo.alb.ingress.top"):
        assert word not in exported
        assert word not in shown
    stack.unchanged()
    assert "1 listener" in stack.mtls("status")
    assert stack.verify().returncode == 0


def test_a_secret_address_of_credentials_stands_nowhere_in_the_state_in_the_clear(
    address: str, start: Start
) -> None:
    stack = start("addressed", clients={}, listeners={})
    stack.set_secret("alicloud:credentialsUri", address)
    stack.up()
    assert "hush-path" not in json.dumps(stack.export())
    stack.unchanged()


def test_an_access_key_stands_nowhere_in_the_state_in_the_clear_however_it_was_set(start: Start) -> None:
    stack = start("keyed", clients={}, listeners={})
    stack.config |= {"alicloud:accessKey": ACCESS_KEY_ID, "alicloud:secretKey": ACCESS_KEY_SECRET}
    stack.up()
    assert ACCESS_KEY_ID not in json.dumps(stack.export())  # the secret begins with it
    stack.unchanged()


def test_secret_keys_stand_in_the_inputs_of_no_provider_in_the_clear(start: Start) -> None:
    stack = start(
        "keyed-secretly", clients={}, listeners={}, accountId=ACCOUNT_ID
    )  # which the provider alicloud is asked for too
    for key, value in (("alicloud:accessKey", ACCESS_KEY_ID), ("alicloud:secretKey", ACCESS_KEY_SECRET)):
        stack.set_secret(key, value)
    stack.up()
    exported = json.dumps(stack.export())
    for provider in ("albmtls", "alicloud"):
        assert f"pulumi:providers:{provider}::" in exported
    assert ACCESS_KEY_ID not in exported


def test_by_default_authorities_uploads_and_listeners_are_protected(start: Start, sandbox: Sandbox) -> None:
    stack = start("protected")
    stack.up()
    protected = sorted(
        item["urn"].rpartition("::")[0].rpartition("$")[2]
        for item in stack.export()["deployment"]["resources"]
        if item.get("protect")
    )
    assert protected == [
        "albmtls:index:AuthorityCertificate",
        "albmtls:index:CaCertificate",
        "albmtls:index:ListenerClientAuthentication",
        "tls:index/privateKey:PrivateKey",
    ]
    assert "protected" in stack.fails("destroy")
    assert stack.get()[0] in (0, 400)
