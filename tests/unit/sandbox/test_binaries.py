"""Where programs are found, and what is said when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.sandbox import binaries


def program(directory: Path, name: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text("")
    file.chmod(0o755)
    return str(file)


def test_the_toolchains_program_goes_before_the_assets_and_these_before_path(tmp_path: Path) -> None:
    environment = {"KUBEBUILDER_ASSETS": str(tmp_path / "assets"), "PATH": str(tmp_path / "path")}
    on_path = program(tmp_path / "path", "etcd")
    assert binaries.find(["etcd"], environment, tmp_path) == {"etcd": on_path}
    asset = program(tmp_path / "assets", "etcd")
    assert binaries.find(["etcd"], environment, tmp_path) == {"etcd": asset}
    own = program(tmp_path / ".toolchain" / "bin", "etcd")
    assert binaries.find(["etcd"], environment, tmp_path) == {"etcd": own}


def test_every_missing_program_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        binaries.find(["etcd", "kube-apiserver"], {"PATH": str(tmp_path)}, tmp_path)
    assert (
        str(caught.value)
        == "the sandbox needs etcd and kube-apiserver, found neither in .toolchain/bin nor on PATH; "
        "run `make up` once (it builds or downloads it), or set KUBEBUILDER_ASSETS to a directory that has it"
    )


def test_nginx_is_looked_for_in_sbin_too() -> None:
    assert binaries.directories({"PATH": "/bin"})[-1] == "/usr/sbin"
