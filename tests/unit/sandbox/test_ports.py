"""Busy ports."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from dev.sandbox import ports
from dev.sandbox.layout import Layout
from dev.sandbox.ports import Endpoint

CONFIGURATION = """\
http {
    # listen 127.0.0.1:1;
    server {
        listen 127.0.0.2:20443 ssl http2;
        listen   127.0.0.1:20080;
    }
    server { listen 127.0.0.1:20443 ssl; }
    server { listen 127.0.0.1:20443 ssl; server_name other; }
}
"""


def test_listeners_are_read_from_the_configuration_each_once_in_order() -> None:
    assert [str(endpoint) for endpoint in ports.parse_listeners(CONFIGURATION)] == [
        "127.0.0.1:20080",
        "127.0.0.1:20443",
        "127.0.0.2:20443",
    ]


def test_the_port_on_which_nginx_tells_its_configuration_is_no_listener(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 28000, 31000)
    layout.nginx_directory.mkdir()
    layout.nginx_configuration.write_text("http {\n listen 127.0.0.1:28082;\n listen 127.0.0.1:31443;\n}")
    assert [endpoint.port for endpoint in ports.listeners(layout)] == [31443]
    assert Endpoint("nginx", "127.0.0.1", 28082) in ports.services(layout)


def test_without_a_configuration_there_are_no_listeners(tmp_path: Path) -> None:
    assert ports.listeners(Layout(tmp_path)) == []


def test_a_port_that_somebody_listens_on_is_taken_and_it_is_known_by_whom() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint("etcd", "127.0.0.1", server.getsockname()[1])
        assert not ports.is_free(endpoint)
        assert f"(pid {os.getpid()}," in (ports.holder(endpoint) or "")
    assert ports.is_free(endpoint)
    assert ports.holder(endpoint) is None


def test_who_listens_on_all_addresses_is_found_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        endpoint = Endpoint("etcd", "127.0.0.1", server.getsockname()[1])
        assert not ports.is_free(endpoint)
        assert f"(pid {os.getpid()}," in (ports.holder(endpoint) or "")


def test_a_connection_that_was_closed_does_not_keep_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint("etcd", "127.0.0.1", server.getsockname()[1])
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()  # the server closes first: TIME_WAIT is on its side
    assert ports.is_free(endpoint)


def test_only_listening_sockets_of_the_port_count() -> None:
    table = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:6EBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 111
   1: 0100007F:6EBB 0100007F:8000 01 00000000:00000000 00:00000000 00000000  0  0 222
   2: 0200007F:6EBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 333
   3: 00000000:6EBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 444
   4: 0100007F:6EBC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 555
"""
    assert ports.listening_inodes(table, Endpoint("etcd", "127.0.0.1", 0x6EBB)) == ["111", "444"]


def test_the_sentence_names_port_part_holder_and_the_option_for_other_ports(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 28000, 31000)
    assert (
        ports.clash(Endpoint("etcd", "127.0.0.1", 28379), "python3 (pid 7)", layout)
        == "port 28379 on 127.0.0.1, needed by etcd, is taken by python3 (pid 7); end that one, or start with"
        " another --port-base (now 28000)"
    )
    assert (
        ports.clash(Endpoint("nginx", "127.0.0.2", 31443), None, layout)
        == "port 31443 on 127.0.0.2, needed by nginx, is taken by a process that cannot be seen from here; "
        "end that one, or start with another --listener-base (now 31000)"
    )
    assert "--port-base" in ports.clash(Endpoint("nginx", "127.0.0.1", 28082), None, layout)


def test_a_sentence_for_each_busy_port_and_none_for_free_ones(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        busy = [Endpoint("etcd", "127.0.0.1", server.getsockname()[1]) for server in (one, two)]
        assert len(ports.clashes(busy, Layout(tmp_path))) == 2
    assert ports.clashes(busy, Layout(tmp_path)) == []
