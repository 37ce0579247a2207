"""The right account, compared by the program before it declares anything.

The provider `albmtls` compares `accountId` and `ackClusterId` too, and has the last word. Both are
needed:

- The program runs first: with pulumi-alicloud's `get_account` it ends before a key is made or a
  resource is registered. But destroy and refresh run no program, `get_account` believes
  ALIBABA_CLOUD_ACCOUNT_ID without asking anybody, and it takes its credentials as the provider
  `alicloud` does.
- The provider is configured for every command, with the credentials that it then works with. But it
  is only asked once the program declares resources.

A cluster cannot be compared here: only the provider reads it, so nothing of a guarded stack is
declared before the provider has been configured (`after`). Nothing of this is imported, started or
asked in a stack that sets neither key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from alb_mutual_tls.access.keys import under
from alb_mutual_tls.tokens import PROJECT


def require_account(properties: Mapping[str, Any], *, default_provider: bool = True) -> None:
    """Compare `accountId`, if it is set, with the account of the credentials.

    Raises `pulumi.RunError` when it is another. Without a default provider of alicloud
    (`pulumi:disable-default-providers`) nobody can be asked here, and the provider alone compares.
    If STS is down this only warns, so an outage never blocks switching off.
    """
    expected = properties.get("accountId")
    if expected is None or not default_provider:
        return
    from pulumi_alicloud import get_account

    try:
        account = str(get_account().id)
    except Exception as error:  # the SDK raises nothing more special
        pulumi.log.warn(
            f"the program could not compare accountId ({_reason(error)}), so the provider albmtls alone"
            " does it"
        )
        return
    if account != str(expected):
        raise pulumi.RunError(
            f"alicloud:get_account says that the credentials belong to the account {account}, and the key"
            f" accountId wants {expected}: use credentials of that account, or correct accountId; nothing was"
            " declared"
        )


def after(
    providers: Sequence[pulumi.ProviderResource], properties: Mapping[str, Any]
) -> pulumi.ResourceOptions:
    """The options of a component that is declared with these providers.

    A guarded stack is declared only once they are configured: ours compares account and cluster
    then.
    """
    guarded = not properties.keys().isdisjoint(under(PROJECT))
    return pulumi.ResourceOptions(providers=list(providers), depends_on=list(providers) if guarded else None)


def _reason(error: Exception) -> str:
    """What the plugin says, in one line without the engine's words around it."""
    said = str(error).rpartition("returned an error: ")[2] or str(error)
    return " ".join(said.split())[:300]
