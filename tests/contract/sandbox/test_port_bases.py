"""`make up PORT_BASE=...`: which ports a checkout's sandbox gets, and what is said when they are
taken, before anything is built.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev import port_bases, up
from dev.sandbox import lifecycle, ports
from dev.sandbox.layout import REPOSITORY, Layout
from dev.sandbox.parts import cloud
from tests.ports import unused_base

OFFSETS = (80, 81, 82, 379, 380, 443, 3080, 3443)
"""Of what a sandbox listens on at first, from its port base on."""


def bases(arguments: list[str], directory: Path) -> tuple[int, int]:
    layout = port_bases.chosen(arguments, directory)
    return layout.port_base, layout.listener_base


def test_the_listeners_follow_the_port_base_unless_they_are_chosen_too(tmp_path: Path) -> None:
    assert bases([], tmp_path) == (17000, 20000)
    assert bases(["--port-base", "", "--listener-base", ""], tmp_path) == (17000, 20000)
    assert bases(["--port-base", "27000"], tmp_path) == (27000, 30000)
    assert bases(["--port-base", "27000", "--listener-base", "41000"], tmp_path) == (27000, 41000)
    assert bases(["--listener-base", "41000"], tmp_path) == (17000, 41000)


def test_a_checkout_remembers_its_ports(tmp_path: Path) -> None:
    Layout(tmp_path, 27000, 41000).save()
    assert bases([], tmp_path) == (27000, 41000)
    assert bases(["--port-base", "27000"], tmp_path) == (27000, 41000)
    assert bases(["--port-base", "17000"], tmp_path) == (17000, 20000)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--port-base", "27k"],
            (
                "PORT_BASE '27k' is not a number: give the first port of a range, for instance make up"
                " PORT_BASE=27000"
            ),
        ),
        (["--listener-base", "-1"], "LISTENER_BASE '-1' is not a number: give the first port of a range"),
        (["--port-base", "80"], "port base 80 is out of range; choose one from 1024 to 64535"),
        (["--port-base", "63000"], "listener base 66000 is out of range"),
    ],
)
def test_a_base_that_cannot_be_is_refused_in_one_sentence(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        port_bases.chosen([f"{arguments[0]}={arguments[1]}"], tmp_path)


def test_a_taken_port_its_holder_and_the_remedy_are_said_in_one_sentence_that_helps_when_it_is_followed(
    tmp_path: Path,
) -> None:
    with unused_base(range(4200, 9000, 100), OFFSETS) as base:
        layout = Layout(tmp_path, base, base + 3000)
        assert port_bases.refusal(layout) is None
        with (
            socket.create_server(("127.0.0.1", base + 443)),
            socket.create_server(("127.0.0.1", base + 3443)),
        ):
            said = port_bases.refusal(layout)
    assert said is not None
    found = re.fullmatch(
        rf"port {base + 443} on 127\.0\.0\.1, needed by kube-apiserver, is taken by python\S* \(pid"
        rf" {os.getpid()}.*\) \(and 1 more\); "
        r"end that one, or choose other ports, which this checkout then remembers: make up PORT_BASE=(\d+)",
        said,
    )
    assert found, said
    other = port_bases.chosen(["--port-base", found[1]], tmp_path)
    assert all(map(ports.is_free, [*ports.services(other), *lifecycle.first_listeners(other)]))


def test_a_sandbox_that_runs_here_already_is_no_obstacle_but_other_ports_for_it_are(tmp_path: Path) -> None:
    with unused_base(range(4250, 9000, 100), OFFSETS) as base:
        layout = Layout(tmp_path, base, base + 3000)
        layout.save()
        served = f"servers = [socket.create_server(('127.0.0.1', {base} + port)) for port in (80, 81)]"
        code = f"import pathlib, socket, time; {served}; pathlib.Path('up').touch(); time.sleep(600)"
        part = cloud(layout)
        running = replace(part, command=(sys.executable, "-c", code, *part.command[2:])).start()
        try:
            deadline = time.monotonic() + 20
            while not (layout.directory / "up").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert port_bases.refusal(layout) is None
            with pytest.raises(
                UserError, match=r"runs with port base .* stop it first to start it with 27000 and 30000"
            ):
                port_bases.refusal(Layout(tmp_path, 27000, 30000))
        finally:
            running.kill()
            running.wait()


def test_the_look_at_the_ports_needs_nothing_but_python(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from pathlib import Path; from dev import port_bases\n"
        f"port_bases.refusal(port_bases.chosen([], Path({str(tmp_path)!r})))\n"
        "own = {'dev', 'alb_mutual_tls', '__main__'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - own))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n", done.stderr


# The stack's file

STACK_FILE = (REPOSITORY / "Pulumi.dev.yaml").read_text()


def test_the_stacks_file_is_led_to_other_ports_and_back_and_nothing_else_of_it_changes(
    tmp_path: Path,
) -> None:
    default = up.led_to(STACK_FILE, Layout(tmp_path))
    more = default.replace(
        "  alb-mutual-tls:clients:",
        "    second:\n      albConfig: two\n      port: 8443\n      verify:\n        address:"
        " 127.0.0.2:28443\n    third:\n      albConfig: three\n      port: 443\n      verify:\n       "
        " address: 192.0.2.1:20443\n  alb-mutual-tls:clients:",
    )
    led = up.led_to(more, Layout(tmp_path, 27000, 30000))
    changed = [line.strip() for line in set(led.splitlines()) - set(more.splitlines())]
    assert sorted(changed) == [
        "- alb: 127.0.0.1:27080",
        "address: 127.0.0.1:30443",
        "address: 127.0.0.2:38443",
        "cas: 127.0.0.1:27080",
        "cs: 127.0.0.1:27080",
        "sts: 127.0.0.1:27080",
    ]
    assert up.led_to(led, Layout(tmp_path)) == more


def test_a_stacks_file_without_listeners_or_with_a_secret_address_is_led_too(tmp_path: Path) -> None:
    for listeners in (
        "{}",
        "{a: {albConfig: a, port: 1, verify: {address: {secure: v1}}}}",
        "{a: {albConfig: a, port: 1}}",
    ):
        text = (
            f"config:\n  alb-mutual-tls:listeners: {listeners}\n  alicloud:endpoints: {{cas:"
            " 127.0.0.1:17080}\n"
        )
        assert up.led_to(text, Layout(tmp_path, 27000, 30000)) == text.replace("17080", "27080")
