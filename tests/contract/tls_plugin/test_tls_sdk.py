"""The stand-in knows the properties of pulumi-tls's own SDK: those and no others."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from dev.toolchain.plugins.tls.cert_request import CertRequest
from dev.toolchain.plugins.tls.locally_signed_cert import LocallySignedCert
from dev.toolchain.plugins.tls.names import SUBJECT_FIELDS
from dev.toolchain.plugins.tls.private_key import PrivateKey
from dev.toolchain.plugins.tls.provider import NAME, VERSION
from dev.toolchain.plugins.tls.resource import Resource
from dev.toolchain.plugins.tls.self_signed_cert import SelfSignedCert

KINDS: list[type[Resource]] = [PrivateKey, SelfSignedCert, CertRequest, LocallySignedCert]

# In a process of its own: the provider's protocol module leaves placeholders where the SDK's
# packages would be.
DESCRIBE_SDK = """
import json
from importlib.resources import files
import pulumi_tls

def properties(kind):
    getters = {name: value.fget for name, value in vars(kind).items() if isinstance(value, property)}
    return sorted(getattr(getter, "_pulumi_name", None) or name for name, getter in getters.items())

kinds = ["PrivateKey", "SelfSignedCert", "CertRequest", "LocallySignedCert"]
arguments = [*kinds, "SelfSignedCertSubject", "CertRequestSubject"]
print(json.dumps({
    "plugin": json.loads((files(pulumi_tls) / "pulumi-plugin.json").read_text()),
    "tokens": {name: getattr(pulumi_tls, name).pulumi_type for name in kinds},
    "outputs": {name: properties(getattr(pulumi_tls, name)) for name in kinds},
    "inputs": {name: properties(getattr(pulumi_tls, name + "Args")) for name in arguments},
}))
"""


@pytest.fixture(scope="module")
def sdk() -> Any:
    described = subprocess.run(
        [sys.executable, "-c", DESCRIBE_SDK], capture_output=True, text=True, check=True
    )
    return json.loads(described.stdout)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_and_outputs_are_those_of_the_sdk(sdk: Any, kind: type[Resource]) -> None:
    name = kind.__name__
    inputs = {item.name for item in kind.inputs}
    assert inputs == set(sdk["inputs"][name])
    marked = {"readyForRenewal"} if kind in (SelfSignedCert, LocallySignedCert) else set()
    assert inputs | {*kind.computed} | marked == set(sdk["outputs"][name])


@pytest.mark.parametrize("kind", KINDS)
def test_type_tokens_are_those_of_the_sdk(sdk: Any, kind: type[Resource]) -> None:
    assert sdk["tokens"][kind.__name__] == kind.token


@pytest.mark.parametrize("name", ["SelfSignedCertSubject", "CertRequestSubject"])
def test_subject_fields_are_those_of_the_sdk(sdk: Any, name: str) -> None:
    assert set(SUBJECT_FIELDS) == set(sdk["inputs"][name])


def test_the_version_is_that_of_the_sdk(sdk: Any) -> None:
    assert (sdk["plugin"]["name"], sdk["plugin"]["version"]) == (NAME, VERSION)
