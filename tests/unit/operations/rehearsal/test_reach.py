"""Where a temporary listener is, and the process that added it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.rehearsal.reach import moved_address
from alb_mutual_tls.operations.rehearsal.runner import alive, this_runner
from alb_mutual_tls.stack.deployed import DeployedListener

LISTENER = DeployedListener("https", "alb", 443, True)


def test_without_an_address_it_is_where_the_cluster_says() -> None:
    assert moved_address(LISTENER, 8443) is None


def test_an_address_without_a_port_stays() -> None:
    assert moved_address(replace(LISTENER, address="127.0.0.9"), 8443) == "127.0.0.9"


def test_a_port_is_moved_as_far_as_that_of_the_real_one() -> None:
    assert moved_address(replace(LISTENER, address="127.0.0.1:20443"), 8443) == "127.0.0.1:28443"
    assert moved_address(replace(LISTENER, address="[::1]:20443"), 8443) == "[::1]:28443"


def test_a_port_that_cannot_be_is_an_error() -> None:
    with pytest.raises(UserError, match="give another --port"):
        moved_address(replace(LISTENER, address="127.0.0.1:60000"), 8443)


def test_this_process_is_the_runner_and_not_another_one_that_lives() -> None:
    assert this_runner().pid == os.getpid()
    assert not alive(os.getpid())


def test_another_process_lives_until_it_has_ended() -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert alive(other.pid)
    other.communicate()
    assert not alive(other.pid)
