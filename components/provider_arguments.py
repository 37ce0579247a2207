"""The properties of `AlbMtls`, typed, in the spelling of a stack's file.

They are those of the table of keys (`alb_mutual_tls/access/keys.py`); a test compares the two.
Annotations are real here: as text they would hide which keys must be given.
"""

from typing import Literal, Required, TypedDict

import pulumi


class EndpointsArgs(TypedDict, total=False):
    """Hosts of the APIs, by product, where they are not those of the region: HOST or HOST:PORT."""

    cas: str
    alb: str
    sts: str
    cs: str


class AssumeRoleWithOidcArgs(TypedDict, total=False):
    """A RAM role to take on with an OIDC token, for pipelines and pods."""

    roleArn: Required[str]
    oidcProviderArn: Required[str]
    oidcTokenFile: Required[str]
    roleSessionName: str
    sessionExpiration: int
    policy: str


class AssumeRoleArgs(TypedDict, total=False):
    """A RAM role to take on with the credentials there are."""

    roleArn: Required[str]
    sessionName: str
    sessionExpiration: int
    externalId: str
    policy: str


class AlbMtlsArgs(TypedDict, total=False):
    """Where the component works, and as whom: the keys of docs/configuration.md, without their
    namespaces.
    """

    region: Required[pulumi.Input[str]]
    accountType: Literal["domestic", "international"]
    endpoints: EndpointsArgs
    protocol: Literal["https", "http", "HTTPS", "HTTP"]
    accessKey: pulumi.Input[str]
    secretKey: pulumi.Input[str]
    profile: pulumi.Input[str]
    credentialsUri: pulumi.Input[str]
    ecsRoleName: pulumi.Input[str]
    assumeRoleWithOidc: AssumeRoleWithOidcArgs
    assumeRole: AssumeRoleArgs
    kubeconfig: pulumi.Input[str]
    context: pulumi.Input[str]
    accountId: pulumi.Input[str]
    ackClusterId: pulumi.Input[str]
