"""The generated messages of the Pulumi protocol, without the Pulumi SDK.

`import pulumi.runtime.proto` runs the initialisation of the whole SDK, 0.25 s that a provider
process does not need. The generated modules need only grpc and protobuf, so the parent packages are
entered as empty modules that know their folder.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Final

_PARENTS: Final = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")


def _enter_parents() -> None:
    if "pulumi" in sys.modules:
        return
    spec = importlib.util.find_spec("pulumi")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package pulumi is not installed", name="pulumi")
    folder = Path(next(iter(spec.submodule_search_locations)))
    for name in _PARENTS:
        module = types.ModuleType(name)
        module.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module


def admit_the_sdk() -> None:
    """Let `import pulumi` find the whole SDK from now on; the generated modules stay."""
    for name in _PARENTS:
        if getattr(sys.modules.get(name), "__file__", None) is None:
            sys.modules.pop(name, None)


_enter_parents()

from google.protobuf import any_pb2, empty_pb2, struct_pb2  # noqa: E402
from pulumi.runtime.proto import (  # noqa: E402
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

__all__ = [
    "any_pb2",
    "empty_pb2",
    "engine_pb2",
    "engine_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "status_pb2",
    "struct_pb2",
]
