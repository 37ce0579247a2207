"""Layout: ports and files of a sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox.layout import Layout, write_atomically


def test_ports_follow_from_the_two_bases(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 17000, 20000)
    assert (layout.openapi_port, layout.backends_port, layout.data_plane_port) == (17080, 17081, 17082)
    assert (layout.etcd_port, layout.etcd_peer_port, layout.apiserver_port) == (17379, 17380, 17443)
    assert (layout.listener_port(80), layout.listener_port(443)) == (20080, 20443)


def test_each_albconfig_has_a_loopback_address_of_its_own() -> None:
    assert [Layout.listener_address(index) for index in (0, 1, 253)] == [
        "127.0.0.1",
        "127.0.0.2",
        "127.0.0.254",
    ]
    with pytest.raises(UserError, match="AlbConfig number 255"):
        Layout.listener_address(254)


def test_a_saved_layout_is_loaded_again(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 28000, 31000)
    layout.save()
    assert Layout.load(tmp_path) == layout
    assert json.loads(layout.file.read_text()) == {
        "portBase": 28000,
        "listenerBase": 31000,
        "directory": str(tmp_path),
    }


def test_a_start_keeps_the_recorded_ports_unless_others_are_given(tmp_path: Path) -> None:
    assert Layout.choose(tmp_path) == Layout(tmp_path, 17000, 20000)
    Layout(tmp_path, 28000, 31000).save()
    assert Layout.choose(tmp_path) == Layout(tmp_path, 28000, 31000)
    assert Layout.choose(tmp_path, port_base=29000) == Layout(tmp_path, 29000, 31000)
    assert Layout.choose(tmp_path, listener_base=32000) == Layout(tmp_path, 28000, 32000)


def test_a_relative_directory_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Layout(Path("here")).directory == tmp_path / "here"


def test_a_directory_without_a_sandbox_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"there is no sandbox in .*; make one with `python -m dev.sandbox start"
    ):
        Layout.load(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"portBase": "x", "listenerBase": 20000}',
        '{"portBase": null, "listenerBase": 1}',
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "sandbox.json").write_text(text)
    with pytest.raises(UserError, match=r"sandbox.json is damaged .* delete it"):
        Layout.load(tmp_path)


@pytest.mark.parametrize(
    ("port_base", "listener_base"), [(80, 20000), (65000, 20000), (17000, 443), (17000, 65000)]
)
def test_a_base_out_of_range_is_refused(tmp_path: Path, port_base: int, listener_base: int) -> None:
    with pytest.raises(UserError, match="out of range; choose one from 1024"):
        Layout(tmp_path, port_base, listener_base)


def test_overlapping_bases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="overlap"):
        Layout(tmp_path, 20000, 20500)


def test_a_listener_without_a_port_number_is_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 17000, 60000)
    assert layout.listener_port(5535) == 65535
    with pytest.raises(UserError, match="would be served on port 65536"):
        layout.listener_port(5536)


def test_a_written_file_is_readable_by_its_owner_alone_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret"
    write_atomically(file, "one")
    write_atomically(file, "two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["secret"]
