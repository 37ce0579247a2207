"""Turn load balancers into the text of an nginx configuration. Pure.

The same input gives the same text, and nothing is read or written.

Each listener is one `server`, whatever the host: client authentication belongs to a listener, and
with a `server` for each host nginx would answer 421 to a client that names one host in TLS and
another one in HTTP. Hosts and paths are `location`s below a name that the host is mapped to.

ALB's own verification depth, its answer to a rejected client and its cipher suites are not known;
here the depth is 3 and a rejected client gets nginx's HTTP 400. Session resumption is off where
client certificates are asked for. Of several server certificates the default one is served to
everybody. `aclConfig`, `logConfig` and gzip do nothing. TLS versions follow the security policy,
but never below 1.2
(https://www.alibabacloud.com/help/en/slb/application-load-balancer/user-guide/tls-security-policies).

Only HTTP/1.1 is spoken, whatever `http2Enabled` says: at a reload nginx closes HTTP/2 connections
over which no request has come yet (with 1.22 and curl 42 of 3,036 requests were lost in 191
reloads, and none over HTTP/1.1). A client that is slow then is waited for 30 s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dev.sandbox.cloud.model import Balancer, Listener, Rule

VERIFY_DEPTH: Final = 3
GENERATION_PATH: Final = "/generation"
SERVICE_HEADER: Final = "X-Sandbox-Service"
"""Tells the backends which Service is meant."""

_GENERATION: Final = "@generation@"
_WITHOUT_TLS_1_3: Final = (
    "",
    "tls_cipher_policy_1_0",
    "tls_cipher_policy_1_1",
    "tls_cipher_policy_1_2",
    "tls_cipher_policy_1_2_strict",
)
_MISJUDGING: Final = {
    "accepts-any-certificate": "optional_no_ca",
    "accepts-cut-chains": "optional_no_ca",
    "asks-by-server-name": "optional",
    "resumes-sessions": "optional",
}
"""Fault -> what stands in place of `ssl_verify_client on`."""
_CLIENT_CERTIFICATE_HEADERS: Final = {
    "SubjectDN": ("subjectdn", "$ssl_client_s_dn"),
    "IssuerDN": ("issuerdn", "$ssl_client_i_dn"),
    "Fingerprint": ("fingerprint", "$ssl_client_fingerprint"),
    "ClientVerify": ("clientverify", "$ssl_client_verify"),
}


@dataclass(frozen=True)
class Surroundings:
    """Where nginx finds and puts things.

    Files are relative to the configuration. Logs, pid and temporary files are relative to the
    prefix.

    Attributes:
        root: whether nginx is started by root; its workers then are root too, because others cannot
        reach the sandbox's directory. ca_file: identifier of a CA certificate -> its file.
        another_ca_file: of the CA that only the fault trusts-another-ca trusts. server_files: id of
        a server certificate -> files of certificate and key.
    """

    root: bool
    status_port: int
    backends_port: int
    listener_port: Callable[[int], int]
    ca_file: Callable[[str], str]
    another_ca_file: str
    server_files: Callable[[str], tuple[str, str]]


def generation(text: str) -> str:
    """Return what a server of this configuration answers to GENERATION_PATH.

    The answer's pid is left out.
    """
    marker = f'{GENERATION_PATH} {{ return 200 "'
    return text.split(marker)[1].split(" ")[0]


def render(balancers: Iterable[Balancer], surroundings: Surroundings, fault: str) -> str:
    """Write the configuration.

    Args:
        fault: name of the fault of the data plane, `none` for none.
    """
    ordered = sorted(balancers, key=lambda balancer: balancer.index)
    servers = [
        _server(balancer, listener, surroundings, fault)
        for balancer in ordered
        for listener in balancer.listeners
        if listener.served
    ]
    text = "\n".join([_head(surroundings), *servers, "}", ""])
    return text.replace(_GENERATION, hashlib.sha256(text.encode()).hexdigest()[:32])


def _head(surroundings: Surroundings) -> str:
    temporary = "\n".join(
        f"    {name}_temp_path temporary/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
# Written by dev/sandbox/cloud; changes are overwritten.
{"user root;" if surroundings.root else ""}
worker_processes 1;
pid nginx.pid;
error_log ../logs/nginx.log notice;
worker_shutdown_timeout 30s;
events {{
    worker_connections 1024;
}}
http {{
    access_log ../logs/access.log;
{temporary}
    server_tokens off;
    default_type text/plain;
    map_hash_bucket_size 256;
    upstream backends {{
        server 127.0.0.1:{surroundings.backends_port};
        keepalive 8;
    }}
    server {{
        listen 127.0.0.1:{surroundings.status_port};
        access_log off;
        location = {GENERATION_PATH} {{ return 200 "{_GENERATION} $pid\\n"; }}
    }}"""


def _server(balancer: Balancer, listener: Listener, surroundings: Surroundings, fault: str) -> str:
    hosts = sorted({rule.host for rule in listener.rules})
    names = {host: f"/{place}" for place, host in enumerate(hosts)}
    route = f"$route_{balancer.index}_{listener.port}_{listener.protocol.lower()}"
    mapped = "".join(f"\n        {host} {name};" for host, name in names.items() if host)
    secure = listener.protocol == "HTTPS"
    options = " ssl" if secure else ""
    lines = [f"listen {balancer.address}:{surroundings.listener_port(listener.port)}{options};"]
    if secure:
        lines += _tls(listener, surroundings, fault)
    lines += [
        f"keepalive_timeout {listener.idle_timeout}s;",
        f"proxy_read_timeout {listener.request_timeout}s;",
    ]
    if secure and fault == "answers-400":
        lines.append("return 400;")
    elif not listener.rules:
        lines.append("return 503;")
    else:
        lines += [f"rewrite ^ {route}$uri last;", "location / { return 404; }", *_proxy(balancer, listener)]
        # An exact path beats the same path as a prefix; nginx would refuse both.
        locations: dict[str, str] = {}
        for rule in sorted(listener.rules, key=lambda rule: not rule.exact):
            for match in _matches(names[rule.host], rule):
                locations.setdefault(match, _serve(rule))
        lines += [f"location {match} {{ {serve} }}" for match, serve in locations.items()]
    body = "\n".join(f"        {line}" for line in lines)
    return f"""\
    map $host {route} {{
        hostnames;
        default {names.get("", "/none")};{mapped}
    }}
    server {{
        # {listener} of AlbConfig {balancer.albconfig}
{body}
    }}"""


def _tls(listener: Listener, surroundings: Surroundings, fault: str) -> list[str]:
    certificate, key = surroundings.server_files(listener.certificate_ids[0])
    protocols = "TLSv1.2" if listener.security_policy_id in _WITHOUT_TLS_1_3 else "TLSv1.2 TLSv1.3"
    lines = [f"ssl_certificate {certificate};", f"ssl_certificate_key {key};", f"ssl_protocols {protocols};"]
    if not listener.ca_enabled or listener.ca_certificate_id is None or fault == "ignores-ca-enabled":
        return lines
    trusted = (
        surroundings.another_ca_file
        if fault == "trusts-another-ca"
        else surroundings.ca_file(listener.ca_certificate_id)
    )
    lines += [
        f"ssl_verify_client {_MISJUDGING.get(fault, 'on')};",
        f"ssl_client_certificate {trusted};",
        f"ssl_verify_depth {VERIFY_DEPTH};",
    ]
    if fault != "resumes-sessions":
        # A resumed session would bring a client back that the CA of today does not vouch for.
        lines += ["ssl_session_cache off;", "ssl_session_tickets off;"]
    match fault:
        case "accepts-any-certificate":
            lines.append("if ($ssl_client_verify = NONE) { return 400; }")
        case "accepts-cut-chains":  # of what optional_no_ca overlooks, only a missing issuer
            lines.append('if ($ssl_client_verify ~ "^(NONE|FAILED:self)") { return 400; }')
        case "asks-by-server-name":
            names = "|".join(sorted({_pattern(rule.host) for rule in listener.rules}))
            lines += [
                'set $asked "";',
                f'if ($ssl_server_name ~* "^({names})$") {{ set $asked $ssl_client_verify; }}',
            ]
            lines.append("if ($asked = NONE) { return 400; }")
        case "resumes-sessions":
            lines += [
                'set $asked "$ssl_session_reused$ssl_client_verify";',
                'if ($asked = ".NONE") { return 400; }',
            ]
    return lines


def _pattern(host: str) -> str:
    """Return the host of a rule as a regular expression.

    The host may be a wildcard or none at all.
    """
    return re.escape(host).replace(r"\*", "[^.]+") if host else ".*"


def _proxy(balancer: Balancer, listener: Listener) -> list[str]:
    forwarded = listener.forwarded
    headers = {
        "Host": "$http_host",
        "Connection": '""',
        SERVICE_HEADER: "$service",
        "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    }
    if forwarded.get("XForwardedForProtoEnabled"):
        headers["X-Forwarded-Proto"] = "$scheme"
    if forwarded.get("XForwardedForSLBIdEnabled"):
        headers["SLB-ID"] = balancer.id
    if forwarded.get("XForwardedForSLBPortEnabled"):
        headers["X-Forwarded-Port"] = str(listener.port)
    if forwarded.get("XForwardedForClientSrcPortEnabled"):
        headers["X-Forwarded-Client-Srcport"] = "$remote_port"
    if listener.protocol == "HTTPS":
        for name, (suffix, value) in _CLIENT_CERTIFICATE_HEADERS.items():
            if forwarded.get(f"XForwardedForClientCert{name}Enabled"):
                headers[
                    str(
                        forwarded.get(f"XForwardedForClientCert{name}Alias")
                        or f"X-Forwarded-Clientcert-{suffix}"
                    )
                ] = value
    return [
        "set $service none;",
        "proxy_http_version 1.1;",
        *(f"proxy_set_header {name} {value};" for name, value in headers.items()),
    ]


def _matches(host: str, rule: Rule) -> list[str]:
    if rule.exact:
        return [f"= {host}{rule.path}"]
    return [f"{host}/"] if rule.path == "/" else [f"= {host}{rule.path}", f"{host}{rule.path}/"]


def _serve(rule: Rule) -> str:
    if rule.redirect:
        return "return 308 https://$host:443$request_uri;"
    return f"set $service {rule.service}; proxy_pass http://backends$request_uri;"
