"""Official releases: only what its project has published is used, and nothing is waited for that
does not come.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev.toolchain.downloads import MEMORY, Attempts, DownloadFailed, fetch, machine, published_digest, recipe
from dev.toolchain.versions import Release, ReleaseFile

HANG = "/hang"


def archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name in ("pulumi/pulumi", "pulumi/other"):
            content = b"#!/bin/sh\n"
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class Site:
    """A web server with the given files; `/hang` never answers."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                if self.path == HANG:
                    site.closing.wait(30)
                    return
                content = site.files.get(self.path)
                self.send_response(200 if content is not None else 404)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = Site()
    yield found
    found.close()


def release(
    site: Site, name: str = "/pulumi.tar.gz", members: tuple[str, ...] = ("pulumi/pulumi",)
) -> tuple[ReleaseFile, ...]:
    return (ReleaseFile(site.url(name), site.url("/sums.txt"), members),)


def nothing() -> None:
    pass


def test_a_verified_archive_gives_its_programs_and_nothing_else(site: Site, tmp_path: Path) -> None:
    content = archive()
    site.files = {
        "/pulumi.tar.gz": content,
        "/sums.txt": f"{hashlib.sha256(content).hexdigest()}  pulumi.tar.gz\n".encode(),
    }
    fetch(release(site), tmp_path, nothing)
    assert [file.name for file in tmp_path.iterdir()] == ["pulumi"]
    assert (tmp_path / "pulumi").stat().st_mode & 0o777 == 0o755


def test_a_file_without_an_archive_around_it_is_itself_the_program(site: Site, tmp_path: Path) -> None:
    site.files = {"/kubectl": b"program", "/sums.txt": hashlib.sha256(b"program").hexdigest().encode()}
    fetch(release(site, "/kubectl", ()), tmp_path, nothing)
    assert (tmp_path / "kubectl").read_bytes() == b"program"
    assert (tmp_path / "kubectl").stat().st_mode & 0o111


def test_an_archive_that_is_not_what_was_published_is_not_unpacked(site: Site, tmp_path: Path) -> None:
    content = archive()
    site.files = {
        "/pulumi.tar.gz": content + b"x",
        "/sums.txt": f"{hashlib.sha256(content).hexdigest()}  pulumi.tar.gz\n".encode(),
    }
    with pytest.raises(DownloadFailed, match="instead of the published"):
        fetch(release(site), tmp_path, nothing)
    assert not (tmp_path / "pulumi").exists()


def test_an_archive_without_the_program_is_refused(site: Site, tmp_path: Path) -> None:
    content = archive()
    site.files = {
        "/pulumi.tar.gz": content,
        "/sums.txt": f"{hashlib.sha256(content).hexdigest()}  pulumi.tar.gz\n".encode(),
    }
    with pytest.raises(DownloadFailed, match=r"pulumi\.tar\.gz cannot be unpacked"):
        fetch(release(site, members=("pulumi/etcd",)), tmp_path, nothing)


def test_nothing_large_is_fetched_when_there_are_no_checksums(site: Site, tmp_path: Path) -> None:
    site.files = {"/pulumi.tar.gz": archive()}
    with pytest.raises(DownloadFailed, match=r"sums\.txt answers 404"):
        fetch(release(site), tmp_path, nothing)
    assert site.asked == ["/sums.txt"]


def test_a_server_that_says_nothing_is_given_up_soon(site: Site, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DownloadFailed, match=r"does not answer|timed out"):
        fetch((ReleaseFile(site.url("/x"), site.url(HANG), ()),), tmp_path, nothing, silence=0.5)
    assert time.monotonic() - began < 5


def test_a_port_where_nobody_listens_is_a_reason_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="refused"):
        fetch((ReleaseFile("http://127.0.0.1:1/x", "http://127.0.0.1:1/x.sha256", ()),), tmp_path, nothing)


@pytest.mark.parametrize("line", ["{}  pulumi.tar.gz", "{} *pulumi.tar.gz", "{}  ./pulumi.tar.gz"])
def test_checksum_files_are_read_in_the_forms_that_projects_use(line: str) -> None:
    digest = "ab" * 32
    assert published_digest(f"{'cd' * 32}  other.tar.gz\n{line.format(digest)}\n", "pulumi.tar.gz") == digest


def test_a_file_that_is_not_listed_has_no_checksum() -> None:
    with pytest.raises(DownloadFailed, match=r"do not list pulumi\.tar\.gz"):
        published_digest(f"{'cd' * 32}  other.tar.gz\n", "pulumi.tar.gz")


def test_an_error_page_in_place_of_checksums_is_no_checksum() -> None:
    with pytest.raises(DownloadFailed):
        published_digest("<html>not found</html>", "pulumi.tar.gz")


def test_another_version_of_a_release_is_another_recipe() -> None:
    def of(version: str) -> str:
        template = ReleaseFile("https://example.org/{version}/etcd", "https://example.org/{version}/sums", ())
        found = Release("etcd", version, ("linux",), {"x86_64": "amd64"}, (template,), 1)
        return recipe(found, found.files("linux", "x86_64")).directory

    assert of("1") != of("2")
    assert of("1") == of("1")


def test_the_machine_has_one_name_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, meant in {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.items():
        monkeypatch.setattr("platform.machine", lambda said=said: said)
        assert machine() == meant


def test_a_failed_download_is_remembered_for_a_day_and_not_longer(tmp_path: Path) -> None:
    now = 1_000_000.0
    attempts = Attempts(tmp_path / "attempts", lambda: now)
    assert attempts.failure("release pulumi 3.272.0") is None
    attempts.remember("release pulumi 3.272.0", "no such host")
    assert attempts.failure("release pulumi 3.272.0") == "no such host"
    assert attempts.failure("release pulumi 3.273.0") is None
    now += MEMORY + 1
    assert attempts.failure("release pulumi 3.272.0") is None


def test_a_clock_that_was_set_back_or_a_damaged_memory_only_means_another_try(tmp_path: Path) -> None:
    now = 1_000_000.0
    attempts = Attempts(tmp_path, lambda: now)
    attempts.remember("x", "y")
    now -= 10
    assert attempts.failure("x") is None
    (tmp_path / "x.json").write_text("{")
    assert attempts.failure("x") is None
