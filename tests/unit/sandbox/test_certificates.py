"""Keys and certificates of the sandbox's control plane."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from dev.sandbox import certificates, control_plane
from dev.sandbox.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    certificates.make(made)
    return made


def test_what_was_made_is_fit_and_complete_and_private(layout: Layout) -> None:
    assert certificates.are_fit(layout)
    assert {file.stat().st_mode & 0o777 for file in layout.pki.iterdir()} == {0o600}
    assert {*control_plane.FILES} <= {file.name for file in layout.pki.iterdir()}


def swap_key(layout: Layout) -> None:
    (layout.pki / "admin.key").write_bytes((layout.pki / "etcd.key").read_bytes())


def swap_certificate(layout: Layout) -> None:
    for kind in ("crt", "key"):
        (layout.pki / f"etcd-ca.{kind}").write_bytes((layout.pki / f"kube-ca.{kind}").read_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        lambda layout: (layout.pki / "kube-apiserver.key").unlink(),
        lambda layout: (layout.pki / "kube-apiserver.crt").write_text("-----BEGIN CERTIFICATE-----"),
        lambda layout: (layout.pki / "generation").write_text("0\n"),
        lambda layout: (layout.pki / "service-account.key").unlink(),
        swap_key,
        swap_certificate,
    ],
)
def test_damage_makes_them_unfit(layout: Layout, damage: Callable[[Layout], object]) -> None:
    damage(layout)
    assert not certificates.are_fit(layout)


def test_they_are_made_anew_a_month_before_they_end(layout: Layout) -> None:
    end = x509.load_pem_x509_certificate((layout.pki / "admin.crt").read_bytes()).not_valid_after_utc
    assert certificates.are_fit(layout, end - datetime.timedelta(days=31))
    assert not certificates.are_fit(layout, end - datetime.timedelta(days=29))


def test_an_empty_directory_is_unfit(tmp_path: Path) -> None:
    assert not certificates.are_fit(Layout(tmp_path))
