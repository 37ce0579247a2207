"""What the stand-in serves is there in pulumi-tls's own SDK, under the same names."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.provider import NAME, VERSION, SelfSignedCert
from dev.toolchain.plugins.tls.resource import Resource

# In a process of its own: the provider's protocol module leaves placeholders where the SDK's
# packages would be.
DESCRIBE_SDK = """
import json
from importlib.resources import files
import pulumi_tls

def properties(kind):
    getters = {name: value.fget for name, value in vars(kind).items() if isinstance(value, property)}
    return sorted(getattr(getter, "_pulumi_name", None) or name for name, getter in getters.items())

kinds = ["PrivateKey", "CertRequest", "SelfSignedCert"]
print(json.dumps({
    "plugin": json.loads((files(pulumi_tls) / "pulumi-plugin.json").read_text()),
    "tokens": {name: getattr(pulumi_tls, name).pulumi_type for name in kinds},
    "outputs": {name: properties(getattr(pulumi_tls, name)) for name in kinds},
    "inputs": {name: properties(vars(pulumi_tls)[name + "Args"]) for name in (*kinds, "CertRequestSubject")},
}))
"""


@pytest.fixture(scope="module")
def sdk() -> Any:
    described = subprocess.run(
        [sys.executable, "-c", DESCRIBE_SDK], capture_output=True, text=True, check=True
    )
    return json.loads(described.stdout)


def test_inputs_and_outputs_of_a_key_are_those_of_the_sdk(sdk: Any) -> None:
    inputs = {item.name for item in PrivateKey.inputs}
    assert inputs == set(sdk["inputs"]["PrivateKey"])
    assert inputs | {*PrivateKey.computed} == set(sdk["outputs"]["PrivateKey"])


def test_inputs_of_a_request_are_among_those_of_the_sdk_and_its_outputs_are_all(sdk: Any) -> None:
    assert {item.name for item in CertRequest.inputs} < set(sdk["inputs"]["CertRequest"])
    assert {*CertRequest.computed} == set(sdk["outputs"]["CertRequest"]) - set(sdk["inputs"]["CertRequest"])
    assert "commonName" in sdk["inputs"]["CertRequestSubject"]


@pytest.mark.parametrize("kind", [PrivateKey, CertRequest, SelfSignedCert])
def test_type_tokens_are_those_of_the_sdk(sdk: Any, kind: type[Resource]) -> None:
    assert sdk["tokens"][kind.__name__] == kind.token


def test_a_refresh_reads_what_the_sdk_has(sdk: Any) -> None:
    assert {"validityEndTime", "earlyRenewalHours", "readyForRenewal"} < set(sdk["outputs"]["SelfSignedCert"])


def test_the_version_is_that_of_the_sdk(sdk: Any) -> None:
    assert (sdk["plugin"]["name"], sdk["plugin"]["version"]) == (NAME, VERSION)
