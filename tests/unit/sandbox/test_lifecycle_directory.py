"""Whose directory it is: a start fills and a purge empties only a sandbox's."""

from __future__ import annotations

from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox import __main__ as command_line
from dev.sandbox import binaries, lifecycle
from dev.sandbox.layout import Layout


def test_a_start_refuses_a_directory_with_other_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "find", lambda: {})
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(
        UserError, match=r"is not a sandbox and holds other things \(thesis.tex\); choose another --directory"
    ):
        lifecycle.start(Layout(tmp_path), print)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_purge_refuses_a_directory_that_is_no_sandboxs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="is not a sandbox"):
        lifecycle.purge(Layout(tmp_path), print)
    assert (tmp_path / "logs").exists()


def test_a_purge_removes_the_sandbox_and_names_what_it_leaves(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "d")
    layout.save()
    (layout.directory / "logs").mkdir()
    (layout.directory / ".sandbox.json.4711").write_text("of an interrupted write")
    (layout.directory / "thesis.tex").write_text("")
    said: list[str] = []
    lifecycle.purge(layout, said.append)
    assert [entry.name for entry in layout.directory.iterdir()] == ["thesis.tex"]
    assert said == [f"left in {layout.directory}, as the sandbox did not make it: thesis.tex"]


def test_a_purge_removes_the_directory_when_nothing_else_is_in_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "d")
    layout.save()
    lifecycle.purge(layout, print)
    assert not layout.directory.exists()
    lifecycle.purge(layout, print)


def test_a_stop_where_nothing_ever_was_is_fine_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["stop", "--directory", str(tmp_path / "never")]) == 0
    assert capsys.readouterr().out.startswith("sandbox: nothing was running in ")
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("command", [["status"], ["logs"], ["fault", "alb", "none"]])
def test_commands_without_a_sandbox_are_one_sentence(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main([*command, "--directory", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("error: there is no sandbox in ")
    assert shown.err.count("\n") == 1


def test_the_status_of_a_sandbox_that_is_stopped_is_not_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Layout(tmp_path, 28000, 31000).save()
    assert command_line.main(["status", "--directory", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [
        [name, "stopped"] for name in ("etcd", "kube-apiserver", "cloud", "nginx")
    ]


def test_an_unknown_log_is_refused_with_those_that_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Layout(tmp_path).save()
    assert command_line.main(["logs", "foo", "--directory", str(tmp_path)]) == 1
    assert (
        capsys.readouterr().err
        == "error: there is no log 'foo'; choose one of etcd, kube-apiserver, cloud, nginx, api, audit,"
        " access\n"
    )


def test_the_environment_chooses_directory_and_ports_and_options_go_before_it(tmp_path: Path) -> None:
    parser = command_line.parser(
        {"SANDBOX_DIRECTORY": str(tmp_path), "SANDBOX_PORT_BASE": "28000", "SANDBOX_LISTENER_BASE": ""}
    )
    options = parser.parse_args(["start"])
    assert (options.directory, options.port_base, options.listener_base) == (tmp_path, 28000, None)
    assert parser.parse_args(["start", "--port-base", "29000"]).port_base == 29000
