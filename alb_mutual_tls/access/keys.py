"""The table of the provider keys: what says where a stack works, and as whom.

The provider `albmtls` takes them as properties, a stack's file holds them under `alicloud:`,
`kubernetes:` and this project's own name. Everything that names or checks a key reads it here; what
a key does is said where it is done (`cloud.py`, `alibaba/credentials.py`). Imports nothing slow,
because every program and command starts with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from alb_mutual_tls.tokens import PROJECT

ALICLOUD: Final = "alicloud"
KUBERNETES: Final = "kubernetes"


@dataclass(frozen=True)
class Field:
    """A field of an object: a text, a number of seconds, or HOST or HOST:PORT."""

    name: str
    description: str
    kind: Literal["text", "seconds", "host"] = "text"
    required: bool = False


@dataclass(frozen=True)
class Key:
    """A property of the provider, which stands under a namespace in the stack's file.

    `kind`: a path never is the file's content, digits may be a number. `secret`: encrypted in the
    state, and never shown. `base`: a way to get credentials, of which only one may be given.
    """

    namespace: str
    name: str
    description: str
    kind: Literal["text", "path", "digits", "choice", "object"] = "text"
    choices: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    required: bool = False
    example: str | None = None
    secret: bool = False
    base: bool = False

    @property
    def full(self) -> str:
        """The key as it stands in a stack's file."""
        return f"{self.namespace}:{self.name}"

    @property
    def help(self) -> str:
        """The description for editors."""
        return (
            self.description if self.example is None else f"{self.description}, for instance {self.example}"
        )

    @property
    def required_fields(self) -> tuple[str, ...]:
        """The names of the fields that must be given."""
        return tuple(field.name for field in self.fields if field.required)

    def field(self, name: str) -> Field | None:
        """The field of that name."""
        return next((field for field in self.fields if field.name == name), None)

    def plain(self, value: Any) -> Any:
        """A value as it is meant: an object where the key wants one.

        The engine hands objects over as JSON text, with numbers as text. The Alibaba Cloud provider
        keeps an object as a list of one, or of several that complete each other. Raises
        `ValueError` for anything else.
        """
        if self.kind != "object":
            return str(value) if self.kind == "digits" else value
        written = json.loads(value) if isinstance(value, str) else value
        blocks = written if isinstance(written, list) else [written]
        if not all(isinstance(block, Mapping) for block in blocks):
            raise ValueError(self.name)
        given = {name: item for block in blocks for name, item in block.items() if item not in (None, "")}
        return {name: self._plain_field(name, item) for name, item in given.items()}

    def _plain_field(self, name: str, value: Any) -> Any:
        field = self.field(name)
        seconds = field is not None and field.kind == "seconds" and isinstance(value, str) and value.isdigit()
        return int(value) if seconds else value


_SESSION_POLICY: Final = Field("policy", description="a RAM policy (JSON text) that narrows the session down")
_ROLE_ARN: Final = Field("roleArn", description="acs:ram::<account>:role/<name>", required=True)
_SESSION_SECONDS: Final = "how many seconds the session lasts, 900 to 43200"

KEYS: Final = (
    Key(ALICLOUD, "region", description="the region of the ALB", required=True, example="cn-hangzhou"),
    Key(
        ALICLOUD,
        "accountType",
        description=(
            "international outside Chinese mainland; it decides where Certificate Management Service is asked"
        ),
        kind="choice",
        choices=("domestic", "international"),
    ),
    Key(
        ALICLOUD,
        "endpoints",
        description="hosts of the APIs, by product, where they are not those of the region",
        kind="object",
        fields=(
            Field(
                "cas",
                description="host of the Certificate Management Service API: HOST or HOST:PORT",
                kind="host",
            ),
            Field("alb", description="host of the ALB API: HOST or HOST:PORT", kind="host"),
            Field(
                "sts", description="host of the Security Token Service API: HOST or HOST:PORT", kind="host"
            ),
            Field("cs", description="host of the Container Service API: HOST or HOST:PORT", kind="host"),
        ),
    ),
    Key(
        ALICLOUD,
        "protocol",
        description="HTTPS (default) or HTTP, towards the APIs",
        kind="choice",
        choices=("https", "http"),
    ),
    Key(
        ALICLOUD,
        "accessKey",
        description=(
            "the id of an access key, beside secretKey; an OIDC token or a profile need not stand in a file"
        ),
        secret=True,
        base=True,
    ),
    Key(
        ALICLOUD,
        "secretKey",
        description="the secret of the access key: pulumi config set --secret alicloud:secretKey",
        secret=True,
    ),
    Key(ALICLOUD, "profile", description="a profile of ~/.aliyun/config.json", base=True),
    Key(
        ALICLOUD,
        "credentialsUri",
        description="the URI of a local service that hands out temporary keys",
        base=True,
    ),
    Key(
        ALICLOUD,
        "ecsRoleName",
        description="the RAM role of the ECS instance on which pulumi runs",
        base=True,
    ),
    Key(
        ALICLOUD,
        "assumeRoleWithOidc",
        description="a RAM role to take on with an OIDC token, for pipelines and pods",
        kind="object",
        fields=(
            _ROLE_ARN,
            Field("oidcProviderArn", description="acs:ram::<account>:oidc-provider/<name>", required=True),
            Field(
                "oidcTokenFile",
                description="the path of the file that holds the token; it is read at each use",
                required=True,
            ),
            Field("roleSessionName", description="the name of the session in ActionTrail"),
            Field("sessionExpiration", description=_SESSION_SECONDS, kind="seconds"),
            _SESSION_POLICY,
        ),
        base=True,
    ),
    Key(
        ALICLOUD,
        "assumeRole",
        description="a RAM role to take on with the credentials there are",
        kind="object",
        fields=(
            _ROLE_ARN,
            Field(
                "sessionName", description="the name of the session in ActionTrail; default alb-mutual-tls"
            ),
            Field("sessionExpiration", description=f"{_SESSION_SECONDS}; default 3600", kind="seconds"),
            Field("externalId", description="the external id that the role's trust policy asks for"),
            _SESSION_POLICY,
        ),
    ),
    Key(
        KUBERNETES,
        "kubeconfig",
        description="the path of a kubeconfig; default KUBECONFIG, else ~/.kube/config",
        kind="path",
    ),
    Key(
        KUBERNETES,
        "context",
        description="a context of the kubeconfig; default its current-context, which other programs change",
    ),
    Key(
        PROJECT,
        "accountId",
        description="the expected Alibaba Cloud account; anything else stops before a change",
        kind="digits",
    ),
    Key(PROJECT, "ackClusterId", description="the expected ACK cluster; anything else stops before a change"),
)


def by_name() -> dict[str, Key]:
    """All keys by the names of the provider's properties."""
    return {key.name: key for key in KEYS}


def under(namespace: str) -> dict[str, Key]:
    """The keys of a namespace by their names."""
    return {key.name: key for key in KEYS if key.namespace == namespace}


def values(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of the provider that are given, as they are meant.

    What the table does not name stays as it is. Raises `ValueError` for a value that is not the
    object that its key wants.
    """
    keys = by_name()
    return {
        name: keys[name].plain(value) if name in keys else value
        for name, value in inputs.items()
        if value not in (None, "")
    }
