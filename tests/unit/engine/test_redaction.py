"""What must not be read in a summary, whoever repeats it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alb_mutual_tls.alibaba.credential_choice import _KEY_FAMILIES
from alb_mutual_tls.engine.redaction import REDACTED, SECRET_VARIABLES, redacted, secrets_of


def test_every_variable_that_a_key_of_alibaba_cloud_can_come_from_is_hidden() -> None:
    secret = {name for _, *names in _KEY_FAMILIES for name in names}
    assert secret <= set(SECRET_VARIABLES)


def test_values_are_hidden_also_where_one_is_the_beginning_of_another() -> None:
    given = {
        "ALICLOUD_SECRET_KEY": "abc",
        "PULUMI_CONFIG_PASSPHRASE": "abcdef",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "shown",
        "VAULT_TOKEN": "",
    }
    assert redacted("shown abcdef abc", secrets_of(given)) == f"shown {REDACTED} {REDACTED}"


@pytest.mark.parametrize(
    "name",
    ["VAULT_SERVER_TOKEN", "AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING", "GOOGLE_CREDENTIALS"],
)
def test_what_opens_a_backend_or_a_secrets_provider_of_another_cloud_is_hidden(name: str) -> None:
    assert redacted("it says s3same", secrets_of({name: "s3same"})) == f"it says {REDACTED}"


def test_the_passphrase_is_hidden_also_where_it_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("open sesame\n")
    assert secrets_of({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}) == ("open sesame",)
    assert secrets_of({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "missing")}) == ()
    assert secrets_of({}) == ()


@pytest.mark.timeout(5)
def test_a_passphrase_that_comes_by_a_pipe_is_left_to_the_engine(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert secrets_of({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "pipe")}) == ()
