"""What the nginx configuration of the data plane means (that nginx takes it so is tested in
tests/contract/sandbox_cloud).
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dev.sandbox.cloud import nginx
from dev.sandbox.cloud.model import Balancer, Listener, Rule
from dev.sandbox.faults import FAULTS
from dev.sandbox.ports import parse_listeners

RULE = Rule("demo.alb.ingress.top", "/", False, "old-nginx")
PLAIN = Listener(80, "HTTP", rules=(replace(RULE, redirect=True),))
SECURE = Listener(
    443,
    "HTTPS",
    ca_certificate_id="ca-1",
    certificate_ids=("1-cn-hangzhou",),
    security_policy_id="tls_cipher_policy_1_2_strict_with_1_3",
    rules=(RULE,),
)
ON = replace(SECURE, ca_enabled=True)
SURROUNDINGS = nginx.Surroundings(
    root=False,
    status_port=17082,
    backends_port=17081,
    listener_port=lambda port: 20000 + port,
    ca_file=lambda identifier: f"certificates/{identifier}.crt",
    another_ca_file="another.crt",
    server_files=lambda identifier: (f"{identifier}.crt", f"{identifier}.key"),
)


def render(*listeners: Listener, fault: str = "none", address: str = "127.0.0.1") -> str:
    return nginx.render([Balancer("alb", "uid", 0, address, listeners=listeners)], SURROUNDINGS, fault)


def server(text: str, port: int) -> str:
    """The block of the listener on a port."""
    return next(
        block
        for block in text.split("    server {\n")
        if re.search(rf"listen [\d.]+:{20000 + port}\b", block)
    )


def directives(text: str, port: int) -> dict[str, str]:
    """The last value of each plain directive of a listener."""
    return dict(
        line.strip().rstrip(";").split(" ", 1)
        for line in server(text, port).splitlines()
        if line.strip().endswith(";") and " " in line.strip()
    )


def test_a_listener_with_client_authentication_verifies_with_its_ca_only() -> None:
    found = directives(render(ON), 443)
    assert found["ssl_verify_client"] == "on"
    assert found["ssl_client_certificate"] == "certificates/ca-1.crt"
    assert found["ssl_verify_depth"] == str(nginx.VERIFY_DEPTH)
    assert (found["ssl_session_cache"], found["ssl_session_tickets"]) == ("off", "off")


@pytest.mark.parametrize("listener", [SECURE, replace(SECURE, ca_certificate_id=None)])
def test_a_listener_without_client_authentication_asks_nobody(listener: Listener) -> None:
    assert "ssl_verify_client" not in server(render(listener), 443)
    assert "ssl_client_certificate" not in server(render(listener), 443)


def test_listeners_are_on_the_address_of_their_load_balancer_and_beyond_the_listener_base() -> None:
    endpoints = parse_listeners(render(PLAIN, ON, address="127.0.0.7"))
    assert [str(endpoint) for endpoint in endpoints] == [
        "127.0.0.1:17082",
        "127.0.0.7:20080",
        "127.0.0.7:20443",
    ]


def test_plain_listeners_speak_no_tls_and_quic_ones_are_not_served() -> None:
    text = render(PLAIN, replace(SECURE, protocol="QUIC"))
    assert "ssl" not in text
    assert "20443" not in text


@pytest.mark.parametrize(
    ("policy", "protocols"),
    [
        ("", "TLSv1.2"),
        ("tls_cipher_policy_1_0", "TLSv1.2"),
        ("tls_cipher_policy_1_2_strict", "TLSv1.2"),
        ("tls_cipher_policy_1_2_strict_with_1_3", "TLSv1.2 TLSv1.3"),
        ("tls-custom", "TLSv1.2 TLSv1.3"),
    ],
)
def test_tls_versions_follow_the_security_policy(policy: str, protocols: str) -> None:
    assert directives(render(replace(ON, security_policy_id=policy)), 443)["ssl_protocols"] == protocols


@pytest.mark.parametrize("http2", [True, False])
def test_http2_is_not_spoken_because_a_reload_would_lose_requests(http2: bool) -> None:
    assert "listen 127.0.0.1:20443 ssl;" in render(replace(ON, http2=http2))


def test_a_client_that_is_slow_at_the_time_of_a_change_is_waited_for() -> None:
    assert "\nworker_shutdown_timeout 30s;\n" in render(ON)


def test_redirects_go_to_port_443_of_the_same_host_and_path() -> None:
    block = server(render(PLAIN), 80)
    assert "return 308 https://$host:443$request_uri;" in block
    assert "proxy_pass" not in block


def test_a_listener_that_no_ingress_binds_answers_503_and_an_unknown_host_404() -> None:
    assert directives(render(replace(ON, rules=())), 443)["return"] == "503"
    assert "location / { return 404; }" in server(render(ON), 443)


def test_a_prefix_is_the_path_itself_and_all_below_but_no_sibling() -> None:
    block = server(render(replace(ON, rules=(Rule("h", "/a", False, "s"), Rule("h", "/b", True, "s")))), 443)
    assert re.findall(r"location (\S+ ?\S*) \{ set", block) == ["= /0/b", "= /0/a", "/0/a/"]


def test_an_exact_path_beats_the_same_path_as_a_prefix() -> None:
    block = server(
        render(replace(ON, rules=(Rule("h", "/a", False, "prefix"), Rule("h", "/a", True, "exact")))), 443
    )
    assert re.findall(r"location (.*) \{ set \$service (\w+)", block) == [
        ("= /0/a", "exact"),
        ("/0/a/", "prefix"),
    ]


def test_forwarded_headers_are_set_under_their_alias_and_only_when_asked_for() -> None:
    forwarded: dict[str, str | bool] = {
        "XForwardedForClientCertSubjectDNEnabled": True,
        "XForwardedForClientCertSubjectDNAlias": "x-subject",
        "XForwardedForClientCertFingerprintEnabled": True,
        "XForwardedForClientCertIssuerDNEnabled": False,
    }
    block = server(render(replace(ON, forwarded=forwarded)), 443)
    assert "proxy_set_header x-subject $ssl_client_s_dn;" in block
    assert "proxy_set_header X-Forwarded-Clientcert-fingerprint $ssl_client_fingerprint;" in block
    assert "ssl_client_i_dn" not in block


def test_the_fault_ignores_ca_enabled_asks_nobody() -> None:
    assert "ssl_verify_client" not in render(ON, fault="ignores-ca-enabled")


def test_the_fault_accepts_any_certificate_still_asks_for_one() -> None:
    block = server(render(ON, fault="accepts-any-certificate"), 443)
    assert "ssl_verify_client optional_no_ca;" in block
    assert "if ($ssl_client_verify = NONE) { return 400; }" in block


def test_the_fault_accepts_cut_chains_overlooks_a_missing_issuer_alone() -> None:
    block = server(render(ON, fault="accepts-cut-chains"), 443)
    assert "ssl_verify_client optional_no_ca;" in block
    assert 'if ($ssl_client_verify ~ "^(NONE|FAILED:self)") { return 400; }' in block


def test_the_fault_asks_by_server_name_asks_whoever_names_a_host_that_is_served() -> None:
    hosts = (RULE, replace(RULE, path="/other"), replace(RULE, host="*.ingress.top"))
    block = server(render(replace(ON, rules=hosts), fault="asks-by-server-name"), 443)
    assert (
        'if ($ssl_server_name ~* "^([^.]+\\.ingress\\.top|demo\\.alb\\.ingress\\.top)$") { set $asked'
        " $ssl_client_verify; }" in block
    )
    assert '"^(.*)$"' in server(
        render(replace(ON, rules=(replace(RULE, host=""),)), fault="asks-by-server-name"), 443
    )


def test_the_fault_resumes_sessions_keeps_them_where_everything_else_does_not() -> None:
    assert "ssl_session_tickets off;" in server(render(ON), 443)
    block = server(render(ON, fault="resumes-sessions"), 443)
    assert "ssl_session" not in block.replace("$ssl_session_reused", "")
    assert 'if ($asked = ".NONE") { return 400; }' in block


def test_the_fault_trusts_another_ca_verifies_with_that_one() -> None:
    assert directives(render(ON, fault="trusts-another-ca"), 443)["ssl_client_certificate"] == "another.crt"


def test_the_fault_answers_400_spares_plain_listeners() -> None:
    text = render(PLAIN, ON, fault="answers-400")
    assert directives(text, 443)["return"] == "400"
    assert "return 400" not in server(text, 80)


@pytest.mark.parametrize("fault", sorted(set(FAULTS["alb"]) - {"answers-400"}))
def test_faults_change_nothing_where_client_authentication_is_off(fault: str) -> None:
    assert server(render(SECURE, fault=fault), 443) == server(render(SECURE), 443)


def test_the_generation_is_another_one_for_another_configuration_and_the_same_for_the_same() -> None:
    on, off = render(ON), render(SECURE)
    assert nginx.generation(on) == nginx.generation(render(ON)) != nginx.generation(off)
    assert re.fullmatch(r"[0-9a-f]{32}", nginx.generation(on))


def test_workers_are_root_only_under_root() -> None:
    assert "user root;" not in render(ON)
    assert "user root;" in nginx.render([], replace(SURROUNDINGS, root=True), "none")
