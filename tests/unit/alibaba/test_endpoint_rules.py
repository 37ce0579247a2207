from __future__ import annotations

import pytest

from alb_mutual_tls.alibaba.endpoints import endpoints, half_of_cas


@pytest.mark.parametrize(
    ("account_type", "region", "host"),
    [
        ("domestic", None, "cas.aliyuncs.com"),
        ("domestic", "cn-hangzhou", "cas.aliyuncs.com"),
        ("domestic", "ap-southeast-1", "cas.aliyuncs.com"),
        ("international", "cn-hangzhou", "cas.aliyuncs.com"),
        ("international", "cn-hongkong", "cas.ap-southeast-1.aliyuncs.com"),
        ("international", "ap-northeast-1", "cas.ap-southeast-1.aliyuncs.com"),
        ("international", "eu-central-1", "cas.ap-southeast-1.aliyuncs.com"),
        ("international", None, "cas.ap-southeast-1.aliyuncs.com"),
    ],
)
def test_cas_has_one_endpoint_for_the_mainland_and_one_for_the_rest_of_the_world(
    account_type: str, region: str | None, host: str
) -> None:
    assert endpoints(account_type=account_type, region=region, overrides={}, protocol="HTTPS").cas == host


@pytest.mark.parametrize(
    ("region", "alb", "sts"),
    [
        ("cn-hangzhou", "alb.cn-hangzhou.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com"),
        ("cn-hangzhou-finance", "alb.cn-hangzhou.aliyuncs.com", "sts.cn-hangzhou-finance.aliyuncs.com"),
        ("ap-south-1", "alb.ap-south-1.aliyuncs.com", "sts.aliyuncs.com"),
        (None, None, "sts.aliyuncs.com"),
    ],
)
def test_alb_and_sts_are_regional(region: str | None, alb: str | None, sts: str) -> None:
    found = endpoints(account_type="domestic", region=region, overrides={}, protocol="HTTPS")
    assert (found.alb, found.sts) == (alb, sts)


@pytest.mark.parametrize(
    ("region", "cs"),
    [
        ("cn-hangzhou", "cs.cn-hangzhou.aliyuncs.com"),
        ("ap-southeast-1", "cs.ap-southeast-1.aliyuncs.com"),
        ("cn-shanghai-finance-1", "cs-vpc.cn-shanghai-finance-1.aliyuncs.com"),
        (None, None),
    ],
)
def test_container_service_is_asked_in_the_clusters_region(region: str | None, cs: str | None) -> None:
    assert endpoints(account_type="domestic", region=region, overrides={}, protocol="HTTPS").cs == cs


def test_configured_endpoints_win() -> None:
    found = endpoints(
        account_type="international",
        region=None,
        overrides={"cas": "a", "alb": "b:1", "sts": "c", "cs": "d"},
        protocol="HTTP",
    )
    assert (found.cas, found.alb, found.sts, found.cs, found.protocol) == ("a", "b:1", "c", "d", "HTTP")


@pytest.mark.parametrize(
    ("account_type", "overrides", "words"),
    [
        ("domestic", {}, "CAS at cas.aliyuncs.com, its half for the Chinese mainland"),
        (
            "international",
            {},
            "CAS at cas.ap-southeast-1.aliyuncs.com, its half outside the Chinese mainland",
        ),
        ("domestic", {"cas": "127.0.0.1:1"}, "CAS at 127.0.0.1:1, as alicloud:endpoints.cas says"),
    ],
)
def test_the_half_of_cas_is_named_in_words(account_type: str, overrides: dict[str, str], words: str) -> None:
    places = endpoints(
        account_type=account_type, region="eu-central-1", overrides=overrides, protocol="HTTPS"
    )
    assert half_of_cas(places.cas) == f"CA certificates are kept by {words}"
