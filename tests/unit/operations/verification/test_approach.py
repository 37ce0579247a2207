"""Where `mtls verify` connects to: addresses, ports, names."""

from __future__ import annotations

import pytest

from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener.bypasses import Bypass, Exposure
from alb_mutual_tls.operations.verification.approach import (
    approach,
    concrete,
    is_loopback,
    resolve,
    split_address,
)
from alb_mutual_tls.stack.deployed import DeployedListener

HTTP = Bypass(80, "HTTP", ("demo.alb.ingress.top",))
KNOWN = Exposure("alb-x.cn-hangzhou.alb.aliyuncs.com", ("demo.alb.ingress.top", "*.example.com"), (HTTP,))


def known() -> Exposure:
    return KNOWN


def unreachable() -> Exposure:
    raise Unreachable("the cluster does not answer: check the VPN")


def listener(
    *, port: int = 443, address: str | None = None, server_name: str | None = None
) -> DeployedListener:
    return DeployedListener("https", "alb", port, True, address, server_name, "/healthz")


def test_without_configuration_the_albs_own_name_and_the_hosts_of_its_ingresses_are_used() -> None:
    way = approach(listener(), known)
    assert (way.address, way.shift, way.server_names, way.path) == (
        KNOWN.dns_name,
        0,
        ("demo.alb.ingress.top", "mtls-verify.example.com"),
        "/healthz",
    )
    assert way.bypasses == (HTTP,)
    assert way.is_alb


def test_a_configured_address_and_server_name_come_first() -> None:
    way = approach(listener(address="192.0.2.1", server_name="api.example.com"), known)
    assert (way.address, way.shift, way.server_names, way.is_alb) == (
        "192.0.2.1",
        0,
        ("api.example.com",),
        False,
    )


@pytest.mark.parametrize(
    ("port", "address", "other", "moved"),
    [(443, "127.0.0.1:20443", 80, 20080), (8443, "127.0.0.1:443", 8080, 80), (443, "127.0.0.1", 80, 80)],
)
def test_the_port_of_the_address_moves_bypasses_as_far(
    port: int, address: str, other: int, moved: int
) -> None:
    way = approach(listener(port=port, address=address), known)
    (place,) = way.destinations(other, ("demo.alb.ingress.top",), ["127.0.0.1"], default_port=80)
    assert place.port == moved


def test_the_host_header_names_the_listeners_port_and_not_the_one_it_is_moved_to() -> None:
    way = approach(listener(port=8443, address="127.0.0.1:28443"), known)
    (place,) = way.destinations(8443, ("demo.alb.ingress.top",), ["127.0.0.1"], default_port=443)
    assert (place.port, place.host, place.server_name) == (
        28443,
        "demo.alb.ingress.top:8443",
        "demo.alb.ingress.top",
    )
    (place,) = way.destinations(443, ("demo.alb.ingress.top",), ["127.0.0.1"], default_port=443)
    assert place.host == "demo.alb.ingress.top"


def test_each_address_is_tried_with_each_name() -> None:
    places = approach(listener(), known).destinations(443, ("a", "b"), ["1.1.1.1", "::1"], default_port=443)
    assert [(place.address, place.server_name) for place in places] == [
        ("1.1.1.1", "a"),
        ("1.1.1.1", "b"),
        ("::1", "a"),
        ("::1", "b"),
    ]


def test_a_door_that_is_moved_out_of_range_is_an_error() -> None:
    way = approach(listener(port=8443, address="127.0.0.1:443"), known)
    with pytest.raises(
        UserError,
        match=r"by -8000, so port 80 cannot .* give it a port that is 7921 higher",
    ):
        way.destinations(80, ("a",), ["127.0.0.1"], default_port=80)


def test_without_the_cluster_a_configured_listener_is_still_tried_and_its_bypasses_are_unknown() -> None:
    way = approach(listener(address="127.0.0.1:20443", server_name="demo.alb.ingress.top"), unreachable)
    assert way.bypasses == "the cluster does not answer: check the VPN"


@pytest.mark.parametrize("given", [{}, {"address": "127.0.0.1"}, {"server_name": "demo.alb.ingress.top"}])
def test_without_the_cluster_address_and_server_name_are_needed(given: dict[str, str]) -> None:
    with pytest.raises(
        UserError,
        match=r"does not answer.*configure verify\.address and verify\.serverName of listener https",
    ):
        approach(listener(**given), unreachable)  # type: ignore[arg-type]


def test_an_alb_without_a_name_and_a_listener_without_hosts_are_errors_that_say_what_to_configure() -> None:
    with pytest.raises(UserError, match=r"no DNS name in its status.*verify\.address"):
        approach(listener(), lambda: Exposure(None, ("a",), ()))
    with pytest.raises(
        UserError, match=r"no Ingress names a host for port 443 of AlbConfig alb.*verify\.serverName"
    ):
        approach(listener(), lambda: Exposure("alb", (), ()))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("alb.example.com", ("alb.example.com", None)),
        ("alb.example.com:8443", ("alb.example.com", 8443)),
        ("127.0.0.1:20443", ("127.0.0.1", 20443)),
        ("::1", ("::1", None)),
        ("[::1]", ("::1", None)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
    ],
)
def test_an_address_is_a_host_with_or_without_a_port(text: str, parts: tuple[str, int | None]) -> None:
    assert split_address(text) == parts


@pytest.mark.parametrize(
    "text", ["alb:", "alb:https", "alb:0", "alb:65536", ":443", "[::1]:", "[]:443", "alb:443x", "alb:４４３"]
)
def test_an_address_that_is_none_is_named_with_what_it_should_look_like(text: str) -> None:
    with pytest.raises(UserError, match=r"is not HOST or HOST:PORT: give for instance"):
        split_address(text)


def test_a_wildcard_host_is_tried_with_a_name_under_it() -> None:
    assert concrete("*.example.com") == "mtls-verify.example.com"
    assert concrete("demo.alb.ingress.top") == "demo.alb.ingress.top"


def test_loopback_is_known_in_both_families() -> None:
    assert is_loopback("127.0.0.2") and is_loopback("::1") and is_loopback("::1%lo")
    assert not is_loopback("192.0.2.1")


def test_an_ip_address_resolves_to_itself_once() -> None:
    assert resolve("127.0.0.1") == ["127.0.0.1"]


def test_a_name_that_does_not_resolve_is_an_error_with_the_name() -> None:
    with pytest.raises(UserError, match=r"the address nowhere\.invalid cannot be resolved"):
        resolve("nowhere.invalid")
