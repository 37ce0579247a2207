"""A steady stream of requests to a listener, each over a fresh TLS connection, counted by what came
of them.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alb_mutual_tls.operations.verification.handshake import outcome_of
from alb_mutual_tls.operations.verification.outcome import Alert

HOST = "demo.alb.ingress.top"
_PAUSE = 0.006
"""Seconds between two requests of a stream: this machine has a stack to update meanwhile."""
_REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
_REFUSED = re.compile(r"SSL certificate error|No required SSL certificate")
PASSED, REJECTED, FAILED = "passed", "rejected", "failed"


@dataclass
class Tally:
    """What came of requests: a rejection is an HTTP 400 for the certificate or a TLS alert,
    anything else that is no answer of the backend failed.
    """

    counted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By phase, bundle and result."""
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, phase: str, bundle: str, result: str, why: str) -> None:
        with self._lock:
            self.counted[phase, bundle, result] += 1
            if result is FAILED:
                self.failures.append(f"{phase}, {bundle}: {why}")

    def of(self, phase: str, bundle: str) -> tuple[int, int, int]:
        """How many passed, were rejected, failed otherwise."""
        with self._lock:
            passed, rejected, failed = (
                self.counted[phase, bundle, result] for result in (PASSED, REJECTED, FAILED)
            )
        return passed, rejected, failed


class Stream(threading.Thread):
    """One client that sends a request after the other, with its bundle and in one version of TLS,
    to the ports in turn.
    """

    def __init__(
        self, traffic: Traffic, bundle: str, files: tuple[Path, Path], version: ssl.TLSVersion
    ) -> None:
        super().__init__(daemon=True)
        self._traffic, self._bundle = traffic, bundle
        self._tls = ssl.create_default_context(cafile=str(traffic.server_ca))
        self._tls.minimum_version = self._tls.maximum_version = version
        self._tls.load_cert_chain(*files)
        self.ended = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self.ended.wait(_PAUSE):
            phase, began = self._traffic.phase, time.monotonic()
            result, why = self._send(self._traffic.ports[turn % len(self._traffic.ports)])
            self._traffic.tally.add(
                phase, self._bundle, result, f"{why}, after {time.monotonic() - began:.3f} s"
            )
            if result is REJECTED:
                self._traffic.first_rejection.setdefault((phase, self._bundle), time.monotonic())
            turn += 1

    def _send(self, port: int) -> tuple[str, str]:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
                self._tls.wrap_socket(raw, server_hostname=HOST) as connection,
            ):
                connection.sendall(_REQUEST)
                answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode("utf-8", "replace")
        except OSError as error:
            outcome = outcome_of(error)
            return (REJECTED if isinstance(outcome, Alert) else FAILED), f"{outcome} ({error!r})"
        if answer.startswith("HTTP/1.1 200 "):
            return PASSED, ""
        return (
            REJECTED if answer.startswith("HTTP/1.1 400 ") and _REFUSED.search(answer) else FAILED
        ), answer[:200]


@dataclass
class Traffic:
    """Streams to the listeners of a sandbox, at `ports` of this machine."""

    server_ca: Path
    ports: tuple[int, ...]
    phase: str = ""
    tally: Tally = field(default_factory=Tally)
    first_rejection: dict[tuple[str, str], float] = field(default_factory=dict)
    """When (`time.monotonic()`) a bundle was rejected first in a phase."""
    phases: list[str] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    bundles: list[str] = field(default_factory=list)

    def start(self, bundle: str, files: tuple[Path, Path]) -> None:
        """From now on clients with this bundle (certificate and key) are among the traffic, in TLS
        1.2 and 1.3.
        """
        self.bundles.append(bundle)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            stream = Stream(self, bundle, files, version)
            self.streams.append(stream)
            stream.start()

    @contextmanager
    def during(self, phase: str, at_least: int = 0) -> Iterator[None]:
        """A phase, which lasts until every bundle has been sent `at_least` times in it."""
        self.phase = phase
        self.phases.append(phase)
        yield
        deadline = time.monotonic() + 120
        while any(sum(self.tally.of(phase, bundle)) < at_least for bundle in self.bundles):
            assert all(stream.is_alive() for stream in self.streams)
            assert time.monotonic() < deadline, self.table()
            time.sleep(0.02)

    def end(self) -> None:
        for stream in self.streams:
            stream.ended.set()
        for stream in self.streams:
            stream.join(timeout=20)

    def table(self) -> str:
        """Requests by phase and bundle."""
        rows = [f"{'phase':<34} {'bundle':<12} {'requests':>9} {'passed':>9} {'rejected':>9} {'failed':>9}"]
        for phase in self.phases:
            for bundle in self.bundles:
                counted = self.tally.of(phase, bundle)
                if sum(counted):
                    rows.append(
                        f"{phase:<34} {bundle:<12} {sum(counted):>9} "
                        + " ".join(f"{count:>9}" for count in counted)
                    )
        return "\n".join(rows)
