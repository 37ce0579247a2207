"""Reading AlbConfigs as the controller's Go types do, and building load balancers from them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dev.sandbox.cloud import ingress as ingresses
from dev.sandbox.cloud import seeds
from dev.sandbox.cloud.albconfig import Unfit, unmarshal
from dev.sandbox.cloud.build import QUOTA, Refused, build, covers
from dev.sandbox.cloud.model import Balancer, Listener, Rule
from tests.examples import examples

CA = "0e40dda998174723af39d37fcaf00001"
SERVER = {seeds.SERVER_CERTIFICATE_ID: seeds.SERVER_HOSTS, "1-cn-hangzhou": ("other.example",)}
KEYS = st.sampled_from(
    [
        "config",
        "Listeners",
        "port",
        "protocol",
        "caEnabled",
        "caCertificates",
        "CertificateId",
        "tags",
        "idleTimeout",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "443", "HTTPS"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def albconfig(**listener: Any) -> dict[str, Any]:
    """The seed's AlbConfig with keys of its HTTPS listener set."""
    made = deepcopy(seeds.ALBCONFIG)
    made["metadata"]["uid"] = "uid-of-alb"
    made["spec"]["listeners"][1].update(listener)
    return made


def ingress(**annotations: str) -> dict[str, Any]:
    made = deepcopy(seeds.INGRESS)
    for name, value in annotations.items():
        made["metadata"]["annotations"][ingresses.ANNOTATIONS + name.replace("_", "-")] = value
    return made


def made(config: dict[str, Any], *bound: dict[str, Any]) -> Balancer:
    return build(
        config,
        bound or (seeds.INGRESS,),
        0,
        "127.0.0.1",
        ca_known=lambda identifier: identifier == CA,
        server_certificates=SERVER,
    )


def https(config: dict[str, Any], *bound: dict[str, Any]) -> Listener:
    return next(listener for listener in made(config, *bound).listeners if listener.protocol == "HTTPS")


def on(identifier: str = CA) -> dict[str, Any]:
    return albconfig(caEnabled=True, caCertificates=[{"CertificateId": identifier}])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"listeners": [{"port": 443, "protocol": "HTTPS", "caEnabled": "true"}]},
            (
                "json: cannot unmarshal string into Go struct field ListenerSpec.listeners.caEnabled of type"
                " bool"
            ),
        ),
        (
            {"listeners": [{"caCertificates": [{"CertificateId": 123456}]}]},
            (
                "json: cannot unmarshal number into Go struct field"
                " Certificate.listeners.caCertificates.CertificateId of type string"
            ),
        ),
        (
            {"listeners": [{"certificates": [{"CertificateId": "x", "isdefault": "true"}]}]},
            (
                "json: cannot unmarshal string into Go struct field"
                " Certificate.listeners.certificates.IsDefault of type bool"
            ),
        ),
        (
            {"listeners": [{"idleTimeout": 1.5}]},
            (
                "json: cannot unmarshal number 1.5 into Go struct field ListenerSpec.listeners.idleTimeout of"
                " type int"
            ),
        ),
        (
            {"listeners": [{"port": 4294967296}]},
            (
                "json: cannot unmarshal number 4294967296 into Go struct field ListenerSpec.listeners.port of"
                " type int32"
            ),
        ),
        (
            {"config": {"edition": True}},
            "json: cannot unmarshal bool into Go struct field LoadBalancerSpec.config.edition of type string",
        ),
        (
            {"listeners": {"port": 443}},
            (
                "json: cannot unmarshal object into Go struct field AlbConfigSpec.listeners of type"
                " []*v1.ListenerSpec"
            ),
        ),
    ],
)
def test_a_value_of_another_type_is_refused_in_the_words_of_go(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(Unfit) as refused:
        unmarshal(spec)
    assert str(refused.value) == f"unmarshalling albconfig error: {message}"


def test_keys_are_taken_in_any_case_and_the_last_one_wins() -> None:
    read = unmarshal(
        {
            "Listeners": [
                {
                    "PORT": 443,
                    "CAENABLED": True,
                    "caEnabled": False,
                    "XForwardedForConfig": {"xforwardedforprotoenabled": True},
                }
            ]
        }
    )
    assert read == {
        "listeners": [
            {"port": 443, "caEnabled": False, "xForwardedForConfig": {"XForwardedForProtoEnabled": True}}
        ]
    }


def test_null_is_the_same_as_absent_and_unknown_keys_are_ignored() -> None:
    assert unmarshal(
        {"config": None, "listeners": [{"certificates": None, "httpDefaultActions": [1]}], "x": 1}
    ) == {"listeners": [{}]}
    assert unmarshal(None) == {}


@settings(max_examples=examples(60))
@given(JSON)
def test_whatever_the_api_server_stores_is_read_or_refused(spec: Any) -> None:
    try:
        assert isinstance(unmarshal(spec), dict)
    except Unfit as refused:
        assert "json: cannot unmarshal" in str(refused)


@settings(max_examples=examples(30))
@given(JSON)
def test_whatever_a_listener_is_it_is_built_or_refused(value: Any) -> None:
    for name in (
        "port",
        "protocol",
        "caEnabled",
        "caCertificates",
        "certificates",
        "securityPolicyId",
        "xForwardedForConfig",
    ):
        try:
            assert made(albconfig(**{name: value})).listeners
        except Unfit as refused:
            assert str(refused)


def test_the_seeds_make_a_load_balancer_with_a_plain_and_a_secure_listener() -> None:
    balancer = made(albconfig())
    assert [str(listener) for listener in balancer.listeners] == ["80/HTTP", "443/HTTPS"]
    plain, secure = balancer.listeners
    assert plain.rules == (Rule("demo.alb.ingress.top", "/", False, "old-nginx", redirect=True),)
    assert secure.rules == (Rule("demo.alb.ingress.top", "/", False, "old-nginx", redirect=False),)
    assert not secure.ca_enabled
    assert secure.certificate_ids == (seeds.SERVER_CERTIFICATE_ID,)


def test_client_authentication_is_on_with_the_ca_that_the_listener_names() -> None:
    listener = https(on())
    assert (listener.ca_enabled, listener.ca_certificate_id) == (True, CA)


def test_a_listener_that_is_off_keeps_the_ca_it_lists() -> None:
    listener = https(albconfig(caEnabled=False, caCertificates=[{"CertificateId": CA}]))
    assert (listener.ca_enabled, listener.ca_certificate_id) == (False, CA)


@pytest.mark.parametrize("value", [None, []])
def test_no_ca_certificates_are_no_ca(value: Any) -> None:
    assert https(albconfig(caCertificates=value)).ca_certificate_id is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (on("unknown"), "no CA certificate 'unknown'"),
        (
            albconfig(caEnabled=False, caCertificates=[{"CertificateId": "unknown"}]),
            "no CA certificate 'unknown'",
        ),
        (albconfig(caEnabled=True), "CaCertificates is mandatory"),
        (albconfig(caEnabled=True, caCertificates=[]), "CaCertificates is mandatory"),
        (
            albconfig(caCertificates=[{"CertificateId": CA}, {"CertificateId": CA}]),
            "Only one CA certificate is supported, got 2",
        ),
        (
            albconfig(certificates=[{"CertificateId": "756-cn-hangzhou"}]),
            "the following certificate IDs have expired: [756-cn-hangzhou]",
        ),
        (albconfig(requestTimeout=3601), "3601 of requestTimeout is out of range"),
        (
            albconfig(xForwardedForConfig={"XForwardedForClientCertFingerprintAlias": "x;y"}),
            "XForwardedForClientCertFingerprintAlias",
        ),
    ],
)
def test_what_alb_refuses_is_failed_apply_model(config: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused) as refused:
        made(config)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (albconfig(port=8443), "Listener is not fulfilled yet: 443-HTTPS"),
        (albconfig(protocol="https"), "invalid listener protocol"),
        (albconfig(port="x"), "invalid listener port"),
        (albconfig(port=0), "invalid listener port"),
        (albconfig(port=80), "duplicate listener port: 80"),
    ],
)
def test_what_the_controller_refuses_is_failed_build_model(config: dict[str, Any], message: str) -> None:
    with pytest.raises(Unfit) as refused:
        made(config)
    assert not isinstance(refused.value, Refused)
    assert message in str(refused.value)


def test_a_load_balancer_has_fifty_listeners_at_most() -> None:
    config = albconfig()
    config["spec"]["listeners"] += [{"port": port, "protocol": "HTTP"} for port in range(9001, 9049)]
    assert len(made(config).listeners) == QUOTA
    config["spec"]["listeners"].append({"port": 9049, "protocol": "HTTP"})
    with pytest.raises(Refused, match=r"listenerPort: 9049\. errMsgs: QuotaExceeded"):
        made(config)


@pytest.mark.parametrize("edition", ["Basic", "Extensible", "standard"])
def test_editions_other_than_standard_are_refused(edition: str) -> None:
    config = albconfig()
    config["spec"]["config"]["edition"] = edition
    with pytest.raises(Unfit, match=edition):
        made(config)


def test_a_port_may_be_text() -> None:
    assert https(albconfig(port="443")).port == 443


@pytest.mark.parametrize("protocol", ["HTTP", "QUIC"])
def test_only_https_listeners_authenticate_clients(protocol: str) -> None:
    config = on()
    config["spec"]["listeners"][1]["protocol"] = protocol
    with pytest.raises(Refused, match=f"not supported by {protocol} listeners"):
        made(config)


def test_https_and_quic_may_share_a_port() -> None:
    config = on()
    config["spec"]["listeners"].append(
        {"port": 443, "protocol": "QUIC", "certificates": [{"CertificateId": seeds.SERVER_CERTIFICATE_ID}]}
    )
    assert [str(listener) for listener in made(config).listeners] == ["80/HTTP", "443/HTTPS", "443/QUIC"]


def test_the_default_certificate_is_first() -> None:
    listed = [
        {"CertificateId": "1-cn-hangzhou"},
        {"CertificateId": seeds.SERVER_CERTIFICATE_ID, "IsDefault": True},
    ]
    assert https(albconfig(certificates=listed)).certificate_ids == (
        seeds.SERVER_CERTIFICATE_ID,
        "1-cn-hangzhou",
    )
    chosen = https(
        albconfig(
            certificates=listed,
            defaultCertificate={"kind": "CertIdentifier", "certificateId": "1-cn-hangzhou"},
        )
    )
    assert chosen.certificate_ids[0] == "1-cn-hangzhou"


def test_a_listener_without_certificates_discovers_those_for_the_hosts_in_tls() -> None:
    bound = ingress()
    assert https(albconfig(certificates=None), bound).certificate_ids == (seeds.SERVER_CERTIFICATE_ID,)
    bound["spec"]["tls"] = [{"hosts": ["nobody.example"]}]
    with pytest.raises(Refused, match="empty https listener default certs"):
        https(albconfig(certificates=None), bound)


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("a.b", "A.b", True),
        ("*.b", "a.b", True),
        ("*.b", "b", False),
        ("*.b", "x.a.b", False),
        ("a.b", "c.b", False),
    ],
)
def test_a_wildcard_covers_one_label(name: str, host: str, expected: bool) -> None:
    assert covers(name, host) is expected


def test_an_ingress_belongs_to_the_albconfig_of_its_class() -> None:
    foreign = deepcopy(seeds.INGRESS_CLASS)
    foreign["spec"]["controller"] = "k8s.io/ingress-nginx"
    assert ingresses.albconfig_of(seeds.INGRESS, [seeds.INGRESS_CLASS]) == "alb"
    assert ingresses.albconfig_of(seeds.INGRESS, [foreign]) is None
    assert ingresses.albconfig_of(seeds.INGRESS, []) is None


def test_an_ingress_without_listen_ports_binds_port_80_and_with_tls_443_too() -> None:
    bound = ingress()
    del bound["metadata"]["annotations"], bound["spec"]["tls"]
    assert ingresses.listen_ports(bound) == [(80, "HTTP")]
    bound["spec"]["tls"] = [{"hosts": ["x"]}]
    assert ingresses.listen_ports(bound) == [(80, "HTTP"), (443, "HTTPS")]


@pytest.mark.parametrize("text", ["", "[]", "80", '{"HTTP":80}', '[{"HTTP":"80"}]', "[80]"])
def test_listen_ports_in_another_form_are_refused(text: str) -> None:
    with pytest.raises(Unfit, match="listen-ports"):
        ingresses.listen_ports(ingress(listen_ports=text))


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/", "Prefix", ("/", False)),
        ("/a/", "Prefix", ("/a", False)),
        ("/a", "Exact", ("/a", True)),
        ("/a", "ImplementationSpecific", ("/a", True)),
        ("/a/*", "ImplementationSpecific", ("/a", False)),
    ],
)
def test_paths_of_the_three_types(path: str, kind: str, expected: tuple[str, bool]) -> None:
    bound = ingress()
    bound["spec"]["rules"][0]["http"]["paths"][0].update(path=path, pathType=kind)
    rule = ingresses.rules(bound, "HTTPS")[0]
    assert (rule.path, rule.exact) == expected


@pytest.mark.parametrize("path", ["/a b", "/a;}", "/$x", "/*/b", "a"])
def test_a_path_that_is_not_covered_is_refused(path: str) -> None:
    bound = ingress()
    bound["spec"]["rules"][0]["http"]["paths"][0].update(path=path, pathType="ImplementationSpecific")
    with pytest.raises(Unfit, match="does not cover the path"):
        ingresses.rules(bound, "HTTPS")


def test_of_two_ingresses_with_the_same_host_and_path_the_first_wins() -> None:
    second = ingress()
    second["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "new-nginx"
    assert [rule.service for rule in https(albconfig(), seeds.INGRESS, second).rules] == ["old-nginx"]


def test_a_load_balancer_survives_being_stored() -> None:
    balancer = made(on())
    assert Balancer.from_json(balancer.to_json()) == balancer


def test_ids_follow_from_the_albconfig_and_the_listener() -> None:
    balancer = made(on())
    ids = {balancer.listener_id(listener) for listener in balancer.listeners}
    assert len(ids) == 2
    assert ids.isdisjoint(
        {
            Balancer("alb", "another uid", 0, "127.0.0.1").listener_id(listener)
            for listener in balancer.listeners
        }
    )
