"""The alicloud stand-in as the engine meets it: one function, asked of the sandbox's STS with a
real signature, and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2
from alb_mutual_tls.wire import Properties
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.layout import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    ACCOUNT_ID,
    OTHER_ACCOUNT_ACCESS_KEY_ID,
    OTHER_ACCOUNT_ID,
    Layout,
)
from dev.toolchain.plugins.alicloud.provider import GET_ACCOUNT, VERSION
from tests import plugin_process

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET}
OTHER_KEYS = {"accessKey": OTHER_ACCOUNT_ACCESS_KEY_ID, "secretKey": f"{OTHER_ACCOUNT_ACCESS_KEY_ID}-secret"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sandbox")
    Layout(made).save()
    return made


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[OpenApiServer]:
    with OpenApiServer(directory, queries_per_second=None) as running:
        yield running


@contextmanager
def started(directory: Path, **environment: str) -> Iterator[Any]:
    """The plugin in a sandbox's environment with more variables."""
    environment = {
        "ALB_MUTUAL_TLS_SANDBOX": str(directory),
        "PULUMI_BACKEND_URL": f"file://{directory}/state",
        "HTTP_PROXY": "http://127.0.0.1:9",  # which is not for this machine itself
        **environment,
    }
    command = [sys.executable, "-P", "-m", "dev.toolchain.plugins.alicloud"]
    with plugin_process.running(command, environment) as stub:
        yield stub


def configuration(server: OpenApiServer, **more: Any) -> Properties:
    """As the engine hands the `alicloud:` keys of a stack over to a default provider."""
    blocks = [{"cas": "127.0.0.1:9"}, {"sts": server.address}]
    return {
        "version": "4.0.0",
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": json.dumps(blocks),
        **more,
    }


def configure(plugin: Any, properties: Properties) -> list[str]:
    """Check and configure; returns what is wrong."""
    checked = plugin.CheckConfig(
        provider_pb2.CheckRequest(
            urn="urn:pulumi:dev::p::pulumi:providers:alicloud::d", news=to_struct(properties)
        )
    )
    if checked.failures:
        return [failure.reason for failure in checked.failures]
    plugin.Configure(provider_pb2.ConfigureRequest(args=checked.inputs))
    return []


def account(plugin: Any, function: str = GET_ACCOUNT) -> str:
    """The account, or the sentence with which it is refused."""
    try:
        answer = plugin.Invoke(provider_pb2.InvokeRequest(tok=function, args=to_struct({})))
    except grpc.RpcError as error:
        return str(error.details())
    return str(from_struct(getattr(answer, "return"))["id"])


def calls(directory: Path) -> list[str]:
    log = directory / "logs/api.log"
    return [json.loads(line)["action"] for line in log.read_text().splitlines()] if log.exists() else []


def test_it_stands_in_for_the_version_of_the_package() -> None:
    assert version("pulumi-alicloud") == VERSION


def test_the_account_is_that_of_the_configured_credentials_else_of_the_environments(
    server: OpenApiServer, directory: Path
) -> None:
    with started(directory, **KEYS) as plugin:
        assert plugin.GetPluginInfo(empty_pb2.Empty()).version == "4.0.0"
        before = calls(directory)
        assert configure(plugin, configuration(server)) == []
        assert calls(directory) == before
        assert [account(plugin), account(plugin)] == [ACCOUNT_ID] * 2
        assert calls(directory) == [*before, "GetCallerIdentity"]
    with started(directory, **KEYS) as plugin:
        assert configure(plugin, configuration(server, **OTHER_KEYS)) == []
        assert account(plugin) == OTHER_ACCOUNT_ID


@pytest.mark.parametrize("variable", ["ALICLOUD_ACCOUNT_ID", "ALIBABA_CLOUD_ACCOUNT_ID"])
def test_an_account_that_the_environment_names_is_believed_as_the_real_plugin_does(
    server: OpenApiServer, directory: Path, variable: str
) -> None:
    with started(directory, **KEYS, **{variable: "42"}) as plugin:
        configure(plugin, configuration(server))
        before = calls(directory)
        assert account(plugin) == "42"
        assert calls(directory) == before


def test_refusals_of_sts_and_silence_are_one_sentence(server: OpenApiServer, directory: Path) -> None:
    with started(directory, **KEYS) as plugin:
        configure(plugin, configuration(server, accessKey=ACCESS_KEY_ID, secretKey="wrong"))
        assert (
            account(plugin)
            == f"STS at {server.address} refused GetCallerIdentity (SignatureDoesNotMatch): check the"
            " access key"
        )
        configure(plugin, configuration(server, endpoints=[{"sts": "127.0.0.1:9"}]))
        assert (
            account(plugin)
            == "STS at 127.0.0.1:9 did not answer GetCallerIdentity: see `python -m dev.sandbox status`"
        )
    with started(directory) as plugin:
        configure(plugin, configuration(server))
        assert (
            account(plugin)
            == "no access key is configured for alicloud: run `. .sandbox/env`, or set alicloud:accessKey and"
            " alicloud:secretKey"
        )


@pytest.mark.parametrize(
    "endpoints",
    ["", '[{"cas": "127.0.0.1:9"}]', '{"sts": "sts.aliyuncs.com"}', '[{"sts": "127.0.0.1.example.com:80"}]'],
)
def test_nobody_but_the_sandboxs_sts_is_asked(server: OpenApiServer, directory: Path, endpoints: str) -> None:
    with started(directory, **KEYS) as plugin:
        assert configure(plugin, configuration(server, endpoints=endpoints)) == []
        assert account(plugin).startswith(
            "the alicloud stand-in asks only the sandbox's STS on 127.0.0.1, and alicloud:endpoints names "
        )


def test_what_it_would_have_to_ignore_is_refused(server: OpenApiServer, directory: Path) -> None:
    with started(directory, **KEYS) as plugin:
        assert configure(plugin, configuration(server, profile="p")) == [
            "the alicloud stand-in takes no profile: it takes region, accountType, protocol, endpoints,"
            " accessKey, secretKey, securityToken; set keys, or use the official plugin"
        ]
        assert configure(plugin, configuration(server)) == []
        assert (
            account(plugin, "alicloud:index/getRegions:getRegions")
            == "the plugin alicloud 4.0.0 has no function alicloud:index/getRegions:getRegions: correct its"
            " name, or use another plugin version"
        )
        with pytest.raises(grpc.RpcError) as error:
            plugin.Create(
                provider_pb2.CreateRequest(
                    urn="urn:pulumi:dev::p::alicloud:vpc/network:Network::n", properties=to_struct({})
                )
            )
        assert "has no resource type alicloud:vpc/network:Network" in str(error.value.details())


def test_outside_the_sandbox_it_serves_nothing(server: OpenApiServer, directory: Path) -> None:
    with started(directory, **KEYS, PULUMI_BACKEND_URL="s3://state") as plugin:
        (sentence,) = configure(plugin, configuration(server))
        assert sentence.startswith(
            "the alicloud stand-in serves only the sandbox, and PULUMI_BACKEND_URL is s3://state, not file://"
        )
        assert account(plugin) == sentence
