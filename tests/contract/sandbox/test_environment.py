"""The file that shells source."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from dev.sandbox import environment
from dev.sandbox.layout import Layout

SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shutil.which(shell)]
NASTY = 'it\'s a "path" with $HOME, `id`, \\ and * ü\nand a second line'


def sourced(shell: str, file: Path, times: int, path: str = "/usr/bin:/bin") -> dict[str, str]:
    """The environment of a shell with unset variables as errors, after sourcing."""
    command = "set -eu; " + f'. "{file}"; ' * times + "env -0"
    shown = subprocess.run(
        [str(shutil.which(shell)), "-c", command],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(entry.split("=", 1) for entry in shown.split("\0") if entry)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_the_values_as_they_are(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(environment.script({"NASTY": NASTY, "EMPTY": ""}, ["/a dir/it's"]))
    found = sourced(shell, file, 1)
    assert found["NASTY"] == NASTY
    assert found["EMPTY"] == ""
    assert found["PATH"] == "/a dir/it's:/usr/bin:/bin"


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_it_twice_changes_nothing_more(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(environment.script({"A": "1"}, ["/x/[*]", "/y"]))
    once, thrice = sourced(shell, file, 1), sourced(shell, file, 3)
    assert once["PATH"] == "/x/[*]:/y:/usr/bin:/bin"
    assert once == thrice


def test_directories_that_are_on_path_already_but_not_in_front_come_to_the_front(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(environment.script({}, ["/x"]))
    assert sourced("sh", file, 2, "/usr/bin:/bin:/x")["PATH"] == "/x:/usr/bin:/bin:/x"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")))
def test_a_quoted_word_is_the_word(text: str) -> None:
    shown = subprocess.run(
        ["sh", "-c", f"printf %s {environment.quote(text)}"], capture_output=True, check=True
    ).stdout
    assert shown.decode() == text


def test_a_checkout_that_cannot_stand_in_path_is_refused() -> None:
    with pytest.raises(UserError, match="holds a colon"):
        environment.script({}, ["/a:b/bin"])


def test_a_name_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not a name of a variable"):
        environment.script({"A; rm": "1"}, [])


def test_a_child_process_gets_what_a_shell_gets_that_sourced_the_file(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "d")
    environment.write(layout)
    base = {"PATH": "/usr/bin:/bin"}
    found = sourced("sh", layout.env, 1)
    given_to_child = environment.for_process(layout, base)
    assert {name: found[name] for name in given_to_child} == given_to_child
    assert found["PULUMI_BACKEND_URL"] == f"file://{layout.state}?metadata=skip"
    assert found["KUBECONFIG"] == str(layout.kubeconfig)
    assert layout.env.stat().st_mode & 0o777 == 0o600
