"""What must not be read in a summary, whoever repeats it."""

from __future__ import annotations

from alb_mutual_tls.alibaba import credentials
from alb_mutual_tls.pipeline.redaction import REDACTED, SECRET_VARIABLES, redacted, secrets_of


def test_every_variable_that_a_key_of_alibaba_cloud_can_come_from_is_hidden() -> None:
    secret = {name for _, *names in credentials._KEY_FAMILIES for name in names}
    assert secret <= set(SECRET_VARIABLES)


def test_values_are_hidden_also_where_one_is_the_beginning_of_another() -> None:
    given = {"ALICLOUD_SECRET_KEY": "abc", "PULUMI_CONFIG_PASSPHRASE": "abcdef", "ALIBABA_CLOUD_ACCESS_KEY_ID": "shown", "VAULT_TOKEN": ""}
    assert redacted("shown abcdef abc", secrets_of(given)) == f"shown {REDACTED} {REDACTED}"
