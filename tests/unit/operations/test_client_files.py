"""The files that a client gets: their content, their rights, and what they do not overwrite."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import pkcs12

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.operations.client_files import WITHOUT_KEY, ClientFile, Format, files, safe_name, write
from alb_mutual_tls.stack.deployed import DeployedClient
from alb_mutual_tls.stack.state import components_of

ALL: tuple[Format, ...] = get_args(Format)


@pytest.fixture
def client(exported: dict[str, Any]) -> DeployedClient:
    return components_of(exported)[0].clients[0]


@pytest.fixture
def by_csr(exported: dict[str, Any]) -> DeployedClient:
    return components_of(exported)[0].clients[1]


@pytest.fixture
def rotating(exported: dict[str, Any], credentials: dict[str, tuple[str, str]]) -> dict[str, str]:
    """The authorities in the middle of a rotation: `root` is still trusted, `next` issues, and
    `again` is a subordinate below the trusted root.
    """
    outputs = exported["deployment"]["resources"][2]["outputs"]
    outputs["authorityCertificates"] |= {
        "next": credentials["client"][0],
        "again": outputs["caCertificatePem"],
    }
    return components_of(exported)[0].roots


def made(
    client: DeployedClient,
    form: Format,
    directory: Path,
    password: str | None = None,
    authorities: dict[str, str] | None = None,
) -> dict[str, bytes]:
    trusted = authorities or {"root": client.chain_pem.removeprefix(client.certificate_pem)}
    return {
        file.name: file.content
        for file in files(client, form, authorities=trusted, directory=directory, password=password)
    }


def test_pem_is_the_chain_and_the_key(client: DeployedClient, tmp_path: Path) -> None:
    assert made(client, "pem", tmp_path) == {
        "client.crt": client.chain_pem.encode(),
        "client.key": str(client.private_key_pem).encode(),
    }


def test_curl_is_also_a_configuration_that_names_both_files_by_their_whole_path(
    client: DeployedClient, tmp_path: Path
) -> None:
    directory = tmp_path / 'with "quotes" and \\'
    config = made(client, "curl", directory)["client.curl"].decode()
    escaped = str(directory).replace("\\", "\\\\").replace('"', '\\"')
    assert config.splitlines()[1:] == [f'cert = "{escaped}/client.crt"', f'key = "{escaped}/client.key"']


def test_kubernetes_is_a_tls_secret_with_the_ca_beside_it(client: DeployedClient, tmp_path: Path) -> None:
    document = yaml.safe_load(made(client, "kubernetes", tmp_path)["client.secret.yaml"])
    assert (document["apiVersion"], document["kind"], document["type"]) == (
        "v1",
        "Secret",
        "kubernetes.io/tls",
    )
    assert document["metadata"] == {"name": "client-client-certificate"}
    data = {key: base64.b64decode(value, validate=True).decode() for key, value in document["data"].items()}
    root = client.chain_pem.removeprefix(client.certificate_pem)
    assert data == {"tls.crt": client.chain_pem, "tls.key": client.private_key_pem, "ca.crt": root}


def test_during_a_rotation_ca_crt_holds_every_root_once_and_the_trusted_one_first(
    client: DeployedClient, rotating: dict[str, str], tmp_path: Path
) -> None:
    document = yaml.safe_load(
        made(client, "kubernetes", tmp_path, authorities=rotating)["client.secret.yaml"]
    )
    assert base64.b64decode(document["data"]["ca.crt"]).decode() == rotating["root"] + rotating["next"]


def test_fullchain_ends_with_the_root_that_the_listeners_trust(
    client: DeployedClient, rotating: dict[str, str], tmp_path: Path
) -> None:
    content = made(client, "fullchain", tmp_path, authorities=rotating)
    assert content == {"client.fullchain.crt": (client.chain_pem + rotating["root"]).encode()}


def test_a_truststore_holds_every_root_once_and_no_key(
    by_csr: DeployedClient, rotating: dict[str, str], tmp_path: Path
) -> None:
    content = made(by_csr, "truststore", tmp_path, "sesame", rotating)
    assert list(content) == ["csr-client.truststore.p12"]
    loaded = pkcs12.load_pkcs12(content["csr-client.truststore.p12"], b"sesame")
    assert (loaded.key, loaded.cert) == (None, None)
    assert [one.friendly_name for one in loaded.additional_certs] == [b"root", b"next"]
    with_password = made(by_csr, "truststore", tmp_path, None, rotating)
    assert list(with_password) == ["csr-client.truststore.p12", "csr-client.truststore.p12.password"]


def test_a_p12_with_intermediates_holds_them_all(
    client: DeployedClient, rotating: dict[str, str], tmp_path: Path
) -> None:
    below = replace(client, chain_pem=client.certificate_pem + rotating["root"] + rotating["next"])
    loaded = pkcs12.load_pkcs12(made(below, "p12", tmp_path, "sesame")["client.p12"], b"sesame")
    assert len(loaded.additional_certs) == 2


def test_a_legacy_p12_says_what_it_is_weaker_in(client: DeployedClient, tmp_path: Path) -> None:
    (file,) = files(client, "p12", authorities={}, directory=tmp_path, password="sesame", legacy=True)
    assert "3DES and SHA-1" in file.what and "weaker than AES" in file.what
    assert pkcs12.load_pkcs12(file.content, b"sesame").key is not None


def test_p12_opens_with_the_given_password_and_holds_the_chain(
    client: DeployedClient, tmp_path: Path
) -> None:
    content = made(client, "p12", tmp_path, "sesame")
    assert list(content) == ["client.p12"]
    loaded = pkcs12.load_pkcs12(content["client.p12"], b"sesame")
    assert loaded.key is not None and loaded.cert is not None
    assert (loaded.cert.friendly_name, len(loaded.additional_certs)) == (b"client", 1)
    with pytest.raises(ValueError, match=r"(?i)password"):
        pkcs12.load_pkcs12(content["client.p12"], b"open sesame")


def test_p12_without_a_password_gets_a_made_up_one_in_a_file_of_its_own(
    client: DeployedClient, tmp_path: Path
) -> None:
    first, second = made(client, "p12", tmp_path), made(client, "p12", tmp_path)
    password = first["client.p12.password"].strip()
    assert len(password) >= 20
    assert password != second["client.p12.password"].strip()
    assert pkcs12.load_pkcs12(first["client.p12"], password).key is not None


def test_a_client_that_brought_a_csr_gets_its_certificate_and_no_file_that_needs_a_key(
    by_csr: DeployedClient, tmp_path: Path
) -> None:
    assert list(made(by_csr, "pem", tmp_path)) == ["csr-client.crt"]
    assert list(made(by_csr, "fullchain", tmp_path)) == ["csr-client.fullchain.crt"]
    needing: tuple[Format, ...] = ("p12", "curl", "kubernetes")
    assert {*needing, *WITHOUT_KEY} == {*ALL}
    for form in needing:
        with pytest.raises(
            UserError, match=f"private key stays with the client and a {form} file cannot be made"
        ):
            made(by_csr, form, tmp_path)


def test_no_representation_shows_a_key(client: DeployedClient, tmp_path: Path) -> None:
    for form in ALL:
        trusted = {"root": client.certificate_pem}
        assert "PRIVATE KEY" not in repr(
            files(client, form, authorities=trusted, directory=tmp_path, password=None)
        )


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_files_are_0600_and_a_new_directory_is_0700_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    directory = tmp_path / "new"
    before = os.umask(umask)
    try:
        write([ClientFile("a.key", "key", b"k")], directory, force=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "a.key").stat().st_mode) == 0o600
    assert [path.name for path in directory.iterdir()] == ["a.key"]


def test_a_directory_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write([ClientFile("a.key", "key", b"k")], tmp_path, force=False)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_nothing_is_written_when_one_of_the_files_exists_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("precious")
    wanted = [ClientFile("a", "", b"new a"), ClientFile("b", "", b"new b")]
    with pytest.raises(UserError, match=r"b exists already: give --force"):
        write(wanted, tmp_path, force=False)
    assert not (tmp_path / "a").exists() and (tmp_path / "b").read_text() == "precious"
    assert write(wanted, tmp_path, force=True) == [tmp_path / "a", tmp_path / "b"]
    assert (tmp_path / "b").read_text() == "new b"
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


@pytest.mark.parametrize("force", [True, False])
def test_a_file_in_the_place_of_the_directory_is_called_one(tmp_path: Path, force: bool) -> None:
    (tmp_path / "client.crt").write_text("precious")
    with pytest.raises(
        UserError,
        match=(
            r"--output names a directory, and .*client\.crt is a file: give a directory, or - for standard"
            r" output"
        ),
    ):
        write([ClientFile("client.crt", "", b"new")], tmp_path / "client.crt", force=force)
    assert (tmp_path / "client.crt").read_text() == "precious"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="exists already"):
        write([ClientFile("a", "", b"key")], tmp_path, force=False)
    write([ClientFile("a", "", b"key")], tmp_path, force=True)
    assert not (tmp_path / "elsewhere").exists() and not (tmp_path / "a").is_symlink()


def test_an_output_that_is_a_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file"):
        write([ClientFile("a", "", b"")], tmp_path / "file", force=False)


def test_an_output_that_is_a_link_to_a_directory_is_that_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert write([ClientFile("a", "", b"k")], tmp_path / "link", force=False) == [tmp_path / "link" / "a"]
    assert (tmp_path / "real" / "a").read_bytes() == b"k"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A directory that may not be written to, also where tests run as root, whom no directory keeps
    out.
    """
    tmp_path.chmod(0o500)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield tmp_path
    finally:
        os.seteuid(before)
        tmp_path.chmod(0o700)


def test_a_directory_that_may_not_be_written_to_is_an_error_with_its_name(locked: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written: Permission denied; give another --output"):
        write([ClientFile("a", "", b"k")], locked / "new", force=False)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("client", "client"),
        ("a.b_c-D", "a.b_c-D"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("a b\n", "a-b-"),
    ],
)
def test_a_clients_name_cannot_leave_the_directory(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_name_of_which_nothing_is_left_is_an_error() -> None:
    with pytest.raises(UserError, match=r"makes no name for a file"):
        safe_name("../..")
