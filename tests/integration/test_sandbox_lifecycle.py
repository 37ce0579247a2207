"""The sandbox starts, is mended, and leaves nothing behind: real processes, in a directory and on
ports of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.sandbox import processes
from dev.sandbox.layout import REPOSITORY
from dev.sandbox.parts import NAMES
from tests.integration.lifecycles import Lifecycle, await_true, with_free_ports

ALL_RUNNING = dict.fromkeys(NAMES, "running")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Lifecycle]:
    """Not started; stopped in the end. Its directory has what paths may have."""
    made = Lifecycle(with_free_ports(tmp_path / "a sandbox's $directory"))
    yield made
    made("stop")


@pytest.fixture(scope="class")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lifecycle]:
    """Started once for the tests of a class, which leave all parts running."""
    made = Lifecycle(with_free_ports(tmp_path_factory.mktemp("lifecycle") / "running"))
    made.succeed("start")
    yield made
    made.succeed("stop")
    assert made.leftovers() == []


class TestRunning:
    """All of these share one sandbox, which is stopped before the other tests begin."""

    @pytest.fixture(autouse=True)
    def all_running(self, running: Lifecycle) -> None:
        assert running.states() == ALL_RUNNING

    def test_a_second_start_says_that_it_runs_and_starts_nothing(self, running: Lifecycle) -> None:
        before = running.pids()
        assert "already running" in running.succeed("start")
        assert running.pids() == before

    def test_its_status_names_parts_pids_ports_and_listeners(self, running: Lifecycle) -> None:
        done = running("status")
        assert done.returncode == 0
        for name, pid in running.pids().items():
            assert any(line.startswith(name) and f" {pid} " in line for line in done.stdout.splitlines()), (
                done.stdout
            )
        assert json.loads(running.succeed("status", "--json"))["listeners"] == [
            f"127.0.0.1:{running.layout.listener_port(port)}" for port in (80, 443)
        ]

    @pytest.mark.campaign
    @pytest.mark.parametrize("name", NAMES)
    def test_a_crashed_part_is_seen_and_mended_and_the_others_go_on(
        self, running: Lifecycle, name: str
    ) -> None:
        before = running.pids()
        running.kill(name)
        done = running("status")
        assert done.returncode == 1
        assert f"{name} crashed" in done.stdout
        assert str(running.layout.log(name)) in done.stdout
        assert f"{name} is ready" in running.succeed("start")
        assert running.states() == ALL_RUNNING
        after = running.pids()
        assert {part for part in before if before[part] != after[part]} == {name}

    @pytest.mark.campaign
    def test_the_cluster_keeps_its_identity_when_everything_is_killed(self, running: Lifecycle) -> None:
        before = running.cluster()
        assert len(before) == 36
        running.kill(*NAMES)
        assert set(running.states().values()) == {"crashed"}
        running.succeed("start")
        assert running.cluster() == before

    @pytest.mark.campaign
    def test_lost_keys_are_made_anew_under_the_same_data(self, running: Lifecycle) -> None:
        before = running.cluster()
        (running.layout.pki / "etcd.key").unlink()
        running.succeed("start")
        assert running.states() == ALL_RUNNING
        assert running.cluster() == before

    @pytest.mark.campaign
    def test_other_ports_are_refused_while_it_runs(self, running: Lifecycle) -> None:
        done = running("start", "--port-base", str(running.layout.port_base - 1))
        assert done.returncode == 1
        assert f"runs with port base {running.layout.port_base}" in done.stderr
        assert "stop it first" in done.stderr

    @pytest.mark.parametrize("name", ["etcd", "kube-apiserver"])
    def test_nobody_gets_in_without_a_certificate(self, running: Lifecycle, name: str) -> None:
        port, authority, path = {
            "etcd": (running.layout.etcd_port, "etcd-ca.crt", "/health"),
            "kube-apiserver": (
                running.layout.apiserver_port,
                "kube-ca.crt",
                "/api/v1/namespaces/kube-system",
            ),
        }[name]
        tls = ssl.create_default_context(cafile=str(running.layout.pki / authority))
        answer = b""
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            tls.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            try:
                connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                answer = connection.recv(100)
            except (ssl.SSLError, ConnectionError):
                pass
        assert answer == b"" if name == "etcd" else answer.startswith(b"HTTP/1.0 401")

    def test_a_shell_that_sourced_env_reaches_the_cluster(self, running: Lifecycle) -> None:
        command = [
            "sh",
            "-c",
            '. "$1"; . "$1"; kubectl get namespace kube-system -o name',
            "sh",
            str(running.layout.env),
        ]
        assert (
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
            == "namespace/kube-system\n"
        )

    @pytest.mark.campaign
    def test_the_audit_log_has_requests_of_people_and_none_of_the_sandboxs_own_looks(
        self, running: Lifecycle
    ) -> None:
        running.cluster()
        running.succeed("status")
        events = [json.loads(line) for line in running.layout.audit_log.read_text().splitlines()]
        users = {event["user"].get("username") for event in events}
        assert {"alb-mutual-tls-sandbox", "alb-ingress-controller"} <= users
        assert not users & {"sandbox-probe", "system:apiserver"}
        assert {event["level"] for event in events} == {"Metadata"}

    def test_a_fault_is_in_force_when_the_command_ends_and_ends_with_none(self, running: Lifecycle) -> None:
        running.succeed("fault", "alb", "answers-400")
        assert json.loads(running.layout.faults_applied_file.read_text()) == {"alb": "answers-400"}
        assert "fault of alb: answers-400" in running.succeed("status")
        running.succeed("fault", "alb", "none")
        assert "fault of" not in running.succeed("status")

    @pytest.mark.campaign
    def test_the_audit_log_has_one_line_for_each_request_with_its_verb_and_who_sent_it(
        self, running: Lifecycle
    ) -> None:
        before = len(running.layout.audit_log.read_text().splitlines())
        for _ in range(3):
            running.cluster()
        events = [json.loads(line) for line in running.layout.audit_log.read_text().splitlines()[before:]]
        assert {event["stage"] for event in events} == {"ResponseComplete"}
        ours = [
            event
            for event in events
            if event["user"]["username"] == "alb-mutual-tls-sandbox" and "kube-system" in event["requestURI"]
        ]
        assert [(event["verb"], event["userAgent"].partition("/")[0]) for event in ours] == [
            ("get", "kubectl")
        ] * 3

    @pytest.mark.campaign
    def test_a_paused_kube_apiserver_is_seen_and_hangs_until_it_is_resumed(self, running: Lifecycle) -> None:
        before = running.pids()
        assert "kube-apiserver is paused" in running.succeed("fault", "apiserver", "pause")
        done = running("status")
        assert done.returncode == 1
        assert (
            "kube-apiserver is paused (it answers nobody until `python -m dev.sandbox start` lets it go on)"
            in done.stdout
        )
        assert running.states() == {**ALL_RUNNING, "kube-apiserver": "paused"}
        with socket.create_connection(("127.0.0.1", running.layout.apiserver_port)) as connection:
            connection.sendall(b"x")
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(1)
        running.succeed("fault", "apiserver", "resume")
        assert running.states() == ALL_RUNNING
        for command in (("start",), ("fault", "none")):
            running.succeed("fault", "apiserver", "pause")
            assert "kube-apiserver was paused and goes on" in running.succeed(*command)
            assert running.states() == ALL_RUNNING
        assert running.pids() == before

    @pytest.mark.campaign
    def test_writers_reorder_the_listeners_all_the_time_and_put_everything_back(
        self, running: Lifecycle
    ) -> None:
        first = running.albconfig()
        running.succeed("fault", "albconfig", "writers")
        assert "fault of albconfig: writers" in running.succeed("status")
        seen = set()

        def are_all_seen() -> bool:
            listeners = running.albconfig()["spec"]["listeners"]
            assert sorted(listener["port"] for listener in listeners) == [80, 443]
            seen.add((listeners[0]["port"], listeners[0]["sandboxWrites"]))
            return len({port for port, _ in seen}) == 2 and len(seen) > 3

        await_true(are_all_seen)
        # a writer that is killed finds the way back too
        running.kill("cloud")
        assert running.albconfig()["metadata"]["annotations"]
        running.succeed("start")
        await_true(
            lambda: running.albconfig()["metadata"]["generation"] > first["metadata"]["generation"] + 10
        )
        running.succeed("fault", "albconfig", "none")
        last = running.albconfig()
        assert last["spec"] == first["spec"]
        assert last["metadata"].get("annotations") == first["metadata"].get("annotations")
        managers = [entry["manager"] for entry in last["metadata"]["managedFields"]]
        assert "sandbox-writers" in managers

    def test_logs_show_the_last_lines_and_follow(self, running: Lifecycle, tmp_path: Path) -> None:
        assert running.succeed("logs", "nginx", "--lines", "1").count("\n") == 1
        shown = tmp_path / "shown"

        def is_shown() -> bool:
            running.cluster()
            return "/api/v1/namespaces/kube-system" in shown.read_text()

        with shown.open("w") as output:
            reader = subprocess.Popen(
                running.command("logs", "audit", "--lines", "0", "-f"), cwd=REPOSITORY, stdout=output
            )
        try:
            await_true(is_shown)
        finally:
            reader.send_signal(signal.SIGINT)
            code = reader.wait(timeout=30)
        assert code == 130


class TestAlone:
    """Each of these starts and stops a sandbox of its own."""

    @pytest.fixture(autouse=True)
    def ports_are_free(self, sandbox: Lifecycle) -> None:
        assert sandbox.leftovers() == []

    def test_stop_leaves_no_process_and_no_port_and_can_be_repeated(self, sandbox: Lifecycle) -> None:
        sandbox.succeed("start")
        assert sandbox.leftovers() != []
        assert "stopped" in sandbox.succeed("stop")
        assert sandbox.leftovers() == []
        assert set(sandbox.states().values()) == {"stopped"}
        assert "nothing was running" in sandbox.succeed("stop")
        sandbox.succeed("stop", "--purge")
        assert not sandbox.layout.directory.exists()

    @pytest.mark.campaign
    def test_stop_ends_a_paused_kube_apiserver_without_killing_it(self, sandbox: Lifecycle) -> None:
        sandbox.succeed("start")
        sandbox.succeed("fault", "apiserver", "pause")
        assert "killed" not in sandbox.succeed("stop")
        assert sandbox.leftovers() == []

    @pytest.mark.campaign
    def test_a_stop_finds_the_parts_of_a_directory_that_was_deleted(self, sandbox: Lifecycle) -> None:
        sandbox.succeed("start")
        subprocess.run(["rm", "-rf", sandbox.layout.directory], check=True)
        sandbox.succeed("stop")
        assert sandbox.leftovers() == []

    @pytest.mark.campaign
    def test_the_cluster_comes_up_on_other_ports_with_its_data(
        self, sandbox: Lifecycle, tmp_path: Path
    ) -> None:
        other = with_free_ports(tmp_path, sandbox.layout)
        sandbox.succeed(
            "start", "--port-base", str(other.port_base), "--listener-base", str(other.listener_base)
        )
        before = sandbox.cluster()
        sandbox.succeed("stop")
        sandbox.succeed("start")
        assert sandbox.states() == ALL_RUNNING
        assert sandbox.cluster() == before

    @pytest.mark.campaign
    def test_pid_files_that_name_somebody_else_harm_nobody(self, sandbox: Lifecycle) -> None:
        sandbox.layout.pids.mkdir(parents=True)
        with subprocess.Popen(["sleep", "600"], start_new_session=True) as bystander:
            identity = processes.identify(bystander.pid)
            for name in NAMES:
                text = f"{identity.pid} {identity.started - 100} {identity.boot}\n"
                (sandbox.layout.pids / f"{name}.pid").write_text(text)
            sandbox.succeed("start")
            sandbox.succeed("stop")
            assert bystander.poll() is None
            bystander.kill()

    def test_a_busy_port_is_named_with_who_has_it_and_nothing_is_left_running(
        self, sandbox: Lifecycle
    ) -> None:
        with socket.create_server(("127.0.0.1", sandbox.layout.apiserver_port)):
            done = sandbox("start")
        assert done.returncode == 1
        assert (
            f"port {sandbox.layout.apiserver_port} on 127.0.0.1, needed by kube-apiserver, is taken by"
            f" {Path(sys.executable).resolve().name[:6]}" in done.stderr
        )
        assert f"(pid {os.getpid()}" in done.stderr
        assert "--port-base" in done.stderr
        assert sandbox.leftovers() == []

    @pytest.mark.campaign
    def test_a_busy_listener_port_is_named_too(self, sandbox: Lifecycle) -> None:
        with socket.create_server(("127.0.0.1", sandbox.layout.listener_port(443))):
            done = sandbox("start")
        assert done.returncode == 1
        assert (
            f"port {sandbox.layout.listener_port(443)} on 127.0.0.1, needed by nginx, is taken" in done.stderr
        )
        assert "--listener-base" in done.stderr
        assert sandbox.leftovers() == []

    @pytest.mark.campaign
    def test_a_part_that_cannot_start_is_named_with_its_reason_and_nothing_is_left_running(
        self, sandbox: Lifecycle
    ) -> None:
        write_ahead_log = sandbox.layout.etcd_directory / "member" / "wal"
        write_ahead_log.mkdir(parents=True)
        (write_ahead_log / "0000000000000000-0000000000000000.wal").write_bytes(b"\xff" * 4096)
        done = sandbox("start")
        assert done.returncode == 1
        assert "error: etcd ended with exit code" in done.stderr
        assert str(sandbox.layout.log("etcd")) in done.stderr
        assert sandbox.leftovers() == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_start_leaves_nothing_running(
        self, sandbox: Lifecycle, number: signal.Signals
    ) -> None:
        command, environment = sandbox.command("start"), sandbox.environment()
        with subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as starting:
            await_true((sandbox.layout.pids / "kube-apiserver.pid").exists)
            starting.send_signal(number)
            errors = starting.communicate(timeout=60)[1]
        assert starting.returncode == 130
        assert f"interrupted by {number.name}" in errors
        assert sandbox.leftovers() == []

    @pytest.mark.campaign
    def test_of_two_starts_at_the_same_time_one_waits_for_the_other(self, sandbox: Lifecycle) -> None:
        command, environment = sandbox.command("start"), sandbox.environment()
        both = [
            subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        shown = [one.communicate(timeout=120)[0] for one in both]
        assert [one.returncode for one in both] == [0, 0]
        assert sorted("already running" in text for text in shown) == [False, True]
        assert sandbox.states() == ALL_RUNNING

    @pytest.mark.campaign
    def test_two_sandboxes_do_not_disturb_each_other(self, sandbox: Lifecycle, tmp_path: Path) -> None:
        other = Lifecycle(with_free_ports(tmp_path / "other", sandbox.layout))
        sandbox.succeed("start")
        try:
            other.succeed("start")
            assert other.cluster() != sandbox.cluster()
            sandbox.succeed("stop")
            assert other.states() == ALL_RUNNING
        finally:
            other.succeed("stop")
        assert other.leftovers() == []

    @pytest.mark.campaign
    def test_processes_outlive_the_shell_that_started_them(self, sandbox: Lifecycle) -> None:
        # The output is read to its end: it would not end if a part held it open.
        command, environment = sandbox.command("start"), sandbox.environment()
        subprocess.run(
            ["sh", "-c", '"$@"; kill -HUP $$', "sh", *command],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            start_new_session=True,
            timeout=120,
        )
        assert sandbox.states() == ALL_RUNNING
