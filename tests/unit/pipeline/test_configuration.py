"""Which configuration was deployed last, and how the checkout's becomes that again; `pulumi` is a script that notes what it is told."""

from __future__ import annotations

import json
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
from alb_mutual_tls.pipeline import configuration
from alb_mutual_tls.pipeline.configuration import Entry, Value

SECRET = Value("the former key", secret=True)


def entry(kind: str = "update", *, succeeded: bool = True, targeted: bool = False, **keys: Any) -> Entry:
    return Entry(kind, succeeded, targeted, {key: value if isinstance(value, Value) else Value(value) for key, value in keys.items()})


def test_the_last_update_of_the_whole_stack_that_succeeded_is_what_is_deployed() -> None:
    wanted = entry(caEnabled="true")
    later = [entry(succeeded=False), entry("refresh"), entry(targeted=True)]
    assert configuration.deployed([*later, wanted, entry()]) is wanted


def test_after_a_destroy_nothing_is_deployed() -> None:
    assert configuration.deployed([entry(succeeded=False), entry("destroy"), entry()]) is None
    assert configuration.deployed([entry("destroy", succeeded=False), wanted := entry()]) is wanted
    assert configuration.deployed([]) is None


def test_values_are_read_as_pulumi_tells_them_and_never_shown() -> None:
    told = {
        "p:caEnabled": {"value": "true", "secret": False},
        "p:clients": {"value": '{"a":{}}', "objectValue": {"a": {}}, "secret": False},
        "p:authorityPrivateKeys": {"value": '{"a":"KEY"}', "objectValue": {"a": "KEY"}, "secret": True},
    }
    found = configuration.values(told)
    assert found == {
        "p:caEnabled": Value("true"),
        "p:clients": Value({"a": {}}),
        "p:authorityPrivateKeys": Value({"a": "KEY"}, secret=True),
    }
    assert "KEY" not in repr(found) and "KEY" not in repr(entry(k=SECRET))


def test_a_failed_run_in_between_does_not_lend_its_values() -> None:
    encrypted = {"a": "new", "key": {"secure": "v1:..."}, "extra": 1}
    latest = {"a": Value("new"), "key": SECRET, "extra": Value(1)}
    wanted = {"a": Value("old"), "key": SECRET, "b": Value({"x": [1]})}
    assert configuration.merged(encrypted, latest=latest, wanted=wanted) == {"a": "old", "b": {"x": [1]}, "key": {"secure": "v1:..."}}


@pytest.mark.parametrize("latest", [{}, {"key": Value("another key", secret=True)}])
def test_a_secret_that_a_failed_run_has_changed_cannot_be_had_again(latest: dict[str, Value]) -> None:
    with pytest.raises(UserError, match="the secret key was changed by a run that failed") as error:
        configuration.merged({}, latest=latest, wanted={"key": SECRET})
    assert "former key" not in str(error.value)


def test_text_of_a_boolean_or_number_is_no_difference() -> None:
    one = {"a": Value("true"), "b": Value("90"), "c": Value({"x": 1}), "d": Value("x")}
    other = {"a": Value(True), "b": Value(90), "c": Value({"x": 1}), "e": Value("x")}
    assert configuration.different(one, other) == ["d", "e"]


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
    """A `pulumi` that writes the configuration of the latest run to where it is told, and notes its arguments."""
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
    assert yaml.safe_load(file.read_text()) == {"encryptionsalt": "v1:salt", "config": {"a": "old", "k": {"secure": "v1:text"}}}
    assert f"config refresh --config-file {file} --force --stack prod" in (pulumi / "noted").read_text()


def test_the_latest_configuration_is_taken_as_it_is(pulumi: Path) -> None:
    latest = entry(a="new", k=SECRET)
    configuration.write(pulumi, "prod", [latest], latest, pulumi / "former.yaml")
    assert (pulumi / "former.yaml").read_text() == "encryptionsalt: v1:salt\nconfig:\n  k: {secure: v1:text}\n  a: new\n"


def test_what_pulumi_says_becomes_one_sentence(pulumi: Path) -> None:
    with pytest.raises(UserError, match="there is no stack prod"):
        configuration.history(pulumi, "prod")


def test_history_is_read_newest_first(pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        {
            "kind": "update",
            "result": "succeeded",
            "environment": {"pulumi.flag.target": "set"},
            "config": {"a": {"value": "1", "secret": False}},
        },
        {"kind": "destroy", "result": "failed", "environment": {}, "config": None},
    ]
    monkeypatch.setattr(configuration, "pulumi", lambda *_: json.dumps(told))
    assert configuration.history(pulumi, "prod") == (entry(targeted=True, a="1"), entry("destroy", succeeded=False))
