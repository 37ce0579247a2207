"""STS 2015-04-01 (GetCallerIdentity, AssumeRole) and whose access key is whose.

An account with two RAM users, one of whom may use nothing of ALB and of Container Service, and
another account with one. Any role of the first account can be assumed by whoever has valid
credentials, and may do everything; trust policies and `Policy` (checked to be JSON only) are not
looked at. AssumeRoleWithOIDC and signatures of version 1.0 are not covered.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.sandbox.cloud.errors import ApiError, invalid
from dev.sandbox.cloud.parameters import Parameter, Values, uncovered
from dev.sandbox.cloud.store import Store
from dev.sandbox.layout import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    NO_ALB_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ID,
)

_ROLE_ARN: Final = re.compile(r"acs:ram::(\d+):role/([A-Za-z0-9.-]{1,64})")
_SESSION_NAME: Final = re.compile(r"[\w.@-]{2,64}", re.ASCII)
_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)

PARAMETERS: Final[dict[str, tuple[Parameter, ...]]] = {
    "GetCallerIdentity": (),
    "AssumeRole": (
        Parameter("RoleArn", required=True),
        Parameter("RoleSessionName", required=True),
        Parameter("DurationSeconds", "integer", minimum=900, maximum=3600, default=3600),
        Parameter("ExternalId"),
        Parameter("Policy"),
        *uncovered("SourceIdentity"),
    ),
}


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    access_key_id: str
    secret: str
    identity: dict[str, Any]
    """What GetCallerIdentity answers."""
    denied: frozenset[str] = frozenset()
    """Versions of the APIs that RAM permits nothing of."""

    @property
    def account(self) -> str:
        """Whose resources are meant."""
        return str(self.identity["AccountId"])

    @property
    def user(self) -> str:
        """Whom flow control counts."""
        return str(self.identity["PrincipalId"])


def _user(
    access_key_id: str, account: str, name: str, number: str, denied: frozenset[str] = frozenset()
) -> Caller:
    arn = f"acs:ram::{account}:user/{name}"
    identity = {
        "IdentityType": "RAMUser",
        "AccountId": account,
        "Arn": arn,
        "PrincipalId": number,
        "UserId": number,
    }
    return Caller(access_key_id, f"{access_key_id}-secret", identity, denied)


USERS: Final = {
    caller.access_key_id: caller
    for caller in (
        _user(ACCESS_KEY_ID, ACCOUNT_ID, "sandbox", "200000000000000001"),
        _user(
            NO_ALB_ACCESS_KEY_ID,
            ACCOUNT_ID,
            "no-alb",
            "200000000000000002",
            frozenset({"2020-06-16", "2015-12-15"}),
        ),
        _user(OTHER_ACCOUNT_ACCESS_KEY_ID, OTHER_ACCOUNT_ID, "other", "200000000000000003"),
    )
}
"""Access key -> its RAM user."""


class Identities:
    """The access keys of the sandbox's users and the sessions of AssumeRole.

    The sessions are kept on disk.

    Args:
        file: where sessions are kept.
        clock: seconds since 1970.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._store = Store(file, {"sessions": []})
        self._clock = clock

    def find(self, access_key_id: str, security_token: str | None) -> Caller:
        """Who has an access key.

        Args:
            security_token: the request's, None if it has none.
        Raises:
            ApiError: nobody has the key, or the token is missing, foreign or expired.
        """
        if access_key_id in USERS:
            if security_token is not None:
                raise _foreign_token()
            return USERS[access_key_id]
        with self._store.reading() as content:
            session = next((one for one in content["sessions"] if one["AccessKeyId"] == access_key_id), None)
            if session is None:
                raise ApiError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
            if security_token is None:
                raise ApiError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
            if not secrets.compare_digest(security_token.encode(), session["SecurityToken"].encode()):
                raise _foreign_token()
            if session["Expires"] <= self._clock():
                raise ApiError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
            return Caller(access_key_id, session["AccessKeySecret"], dict(session["Identity"]))

    def assume_role(self, values: Values) -> dict[str, Any]:
        """Make a session."""
        arn, name = str(values["RoleArn"]), str(values["RoleSessionName"])
        found = _ROLE_ARN.fullmatch(arn)
        if found is None:
            raise invalid("RoleArn", "it has the form acs:ram::<account>:role/<name>")
        account, role = found.groups()
        if account != ACCOUNT_ID:
            raise ApiError(404, "EntityNotExist.Role", "The role not exists in current account.")
        if not _SESSION_NAME.fullmatch(name):
            raise invalid("RoleSessionName", "it has 2 to 64 of letters, digits, and . @ - _")
        if "ExternalId" in values and not _EXTERNAL_ID.fullmatch(str(values["ExternalId"])):
            raise invalid("ExternalId", "it has 2 to 1224 of letters, digits, and = , . @ : / - _ +")
        if "Policy" in values:
            _check_policy(str(values["Policy"]))
        now = self._clock()
        role_id = f"3{sum(role.encode()):017d}"
        principal = f"{role_id}:{name}"
        user = {"Arn": f"acs:ram::{ACCOUNT_ID}:role/{role}/{name}", "AssumedRoleId": principal}
        expires = int(now) + int(str(values["DurationSeconds"]))
        session = {
            "AccessKeyId": f"STS.{secrets.token_hex(12)}",
            "AccessKeySecret": secrets.token_urlsafe(32),
            "SecurityToken": secrets.token_urlsafe(96),
            "Expires": expires,
            "Identity": {
                "IdentityType": "AssumedRoleUser",
                "AccountId": ACCOUNT_ID,
                "Arn": f"acs:ram::{ACCOUNT_ID}:assumed-role/{role}/{name}",
                "PrincipalId": principal,
                "RoleId": role_id,
            },
        }
        with self._store.changing() as content:
            # A day is kept, so that an expired key is told from an unknown one.
            content["sessions"] = [one for one in content["sessions"] if one["Expires"] > now - 86400] + [
                session
            ]
        credentials = {key: session[key] for key in ("AccessKeyId", "AccessKeySecret", "SecurityToken")}
        expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        return {"AssumedRoleUser": user, "Credentials": {**credentials, "Expiration": expiration}}


def _foreign_token() -> ApiError:
    return ApiError(
        400,
        "InvalidSecurityToken.MismatchWithAccessKey",
        "Specified SecurityToken mismatch with the AccessKey.",
    )


def _check_policy(text: str) -> None:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if len(text) > 2048 or not isinstance(policy, dict) or "Statement" not in policy:
        raise invalid("Policy", "it is not a policy document in JSON of at most 2048 characters")
