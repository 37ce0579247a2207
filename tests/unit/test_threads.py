from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from alb_mutual_tls.threads import in_thread, threads

ROOT = Path(__file__).parents[2]


def test_what_runs_in_a_thread_returns_and_raises_as_it_does() -> None:
    assert in_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 // 0)


def test_after_a_failure_what_has_begun_is_waited_for_and_nothing_else_begins() -> None:
    begun: list[int] = []
    may_end = threading.Event()

    def act(number: int) -> None:
        begun.append(number)
        may_end.wait(30)

    with pytest.raises(ValueError), threads(1) as pool:
        for number in range(3):
            pool.submit(act, number)
        while not begun:
            time.sleep(0.001)
        threading.Timer(0.05, may_end.set).start()
        raise ValueError
    assert (begun, may_end.is_set()) == ([0], True)


HANGS = """
import threading
from alb_mutual_tls.entry import run
from alb_mutual_tls.threads import in_thread

def hang():
    print("hangs", flush=True)
    threading.Event().wait(600)

run(lambda: lambda **_: in_thread(hang), "x")
"""


def test_ctrl_c_leaves_a_thread_behind_that_waits_for_an_answer() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 128 + signal.SIGINT
