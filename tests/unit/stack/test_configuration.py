"""How the checkout's configuration becomes the one that was deployed last again; `pulumi` is a
script that notes what it is told.
"""

from __future__ import annotations

import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.stack import configuration
from alb_mutual_tls.stack.history import HistoryEntry, Value

SECRET = Value("the former key", secret=True)


def entry(
    kind: str = "update", *, succeeded: bool = True, targeted: bool = False, **keys: Any
) -> HistoryEntry:
    return HistoryEntry(
        kind,
        succeeded,
        targeted,
        {key: value if isinstance(value, Value) else Value(value) for key, value in keys.items()},
    )


def test_a_failed_run_in_between_does_not_lend_its_values() -> None:
    encrypted = {"a": "new", "key": {"secure": "v1:..."}, "extra": 1}
    latest = {"a": Value("new"), "key": SECRET, "extra": Value(1)}
    wanted = {"a": Value("old"), "key": SECRET, "b": Value({"x": [1]})}
    assert configuration.merged(encrypted, latest=latest, wanted=wanted) == {
        "a": "old",
        "b": {"x": [1]},
        "key": {"secure": "v1:..."},
    }


@pytest.mark.parametrize("latest", [{}, {"key": Value("another key", secret=True)}])
def test_a_secret_that_a_failed_run_has_changed_cannot_be_had_again(latest: dict[str, Value]) -> None:
    with pytest.raises(UserError, match="the secret key was changed by a run that failed") as error:
        configuration.merged({}, latest=latest, wanted={"key": SECRET})
    assert "former key" not in str(error.value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\0"), min_size=1, max_size=60))
def test_commands_go_to_the_shell_as_they_are_meant(value: str) -> None:
    (command,) = configuration.commands("prod", now={}, wanted={"p:k": Value(value)})
    assert shlex.split(command) == ["pulumi", "config", "set", "p:k", value, "--stack", "prod"]


def test_commands_set_remove_and_never_show_a_secret() -> None:
    now = {"p:a": Value("1"), "p:gone": Value("x"), "p:same": Value("s")}
    wanted = {"p:a": Value({"x": 1}), "p:same": Value("s"), "p:key": SECRET, "p:long": Value("x" * 300)}
    assert configuration.commands("prod", now=now, wanted=wanted) == [
        """pulumi config set p:a '{"x": 1}' --stack prod""",
        "pulumi config rm p:gone --stack prod",
        "# p:key: give it the value that it had in the last good deployment",
        "# p:long: give it the value that it had in the last good deployment",
    ]


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that writes the configuration of the latest run to where it is told, and notes its
    arguments.
    """
    script = tmp_path / "bin/pulumi"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
        f"Path({str(tmp_path / 'noted')!r}).write_text(' '.join(sys.argv[1:]))\n"
        "if '--config-file' in sys.argv:\n"
        "    file = Path(sys.argv[sys.argv.index('--config-file') + 1])\n"
        "    file.write_text('encryptionsalt: v1:salt\\nconfig:\\n  k: {secure: v1:text}\\n  a: new\\n')\n"
        "else:\n    sys.exit('error: no stack named \\'prod\\' found')\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent))
    return tmp_path


def test_the_file_is_ours_alone_and_has_its_secrets_encrypted(pulumi: Path) -> None:
    latest, wanted = entry(succeeded=False, a="new", k=SECRET), entry(a="old", k=SECRET)
    file = pulumi / "former.yaml"
    configuration.write(pulumi, "prod", [latest, wanted], wanted, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert yaml.safe_load(file.read_text()) == {
        "encryptionsalt": "v1:salt",
        "config": {"a": "old", "k": {"secure": "v1:text"}},
    }
    assert f"config refresh --config-file {file} --force --stack prod" in (pulumi / "noted").read_text()


def test_the_latest_configuration_is_taken_as_it_is(pulumi: Path) -> None:
    latest = entry(a="new", k=SECRET)
    configuration.write(pulumi, "prod", [latest], latest, pulumi / "former.yaml")
    assert (
        pulumi / "former.yaml"
    ).read_text() == "encryptionsalt: v1:salt\nconfig:\n  k: {secure: v1:text}\n  a: new\n"
