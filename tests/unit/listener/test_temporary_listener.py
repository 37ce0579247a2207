"""The temporary listener of a rehearsal: what it is made of, and that nothing else of an AlbConfig
is touched by adding it and taking it away.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.bypasses import open_bypasses
from alb_mutual_tls.listener.declared import HTTPS, all_listeners, find_listener
from alb_mutual_tls.listener.exact_json import Document, dumps, loads, same
from alb_mutual_tls.listener.owners import declarative_owners
from alb_mutual_tls.listener.rehearsal_claim import (
    RehearsalClaim,
    Runner,
    annotation_key,
    left_behind,
    parse,
    render,
)
from alb_mutual_tls.listener.temporary import (
    Standing,
    free_port,
    plan_add,
    plan_removal,
    standing,
    stands_alone,
    temporary,
)
from tests.examples import examples
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS, documents
from tests.unit.listener.json_patch import TestFailed, apply
from tests.unit.provider.fakes import alb, raised

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HERE = Runner("here", "pid:[1]", 42)
CERTIFICATE = {"CertificateId": "1-cn-hangzhou", "IsDefault": True}
REAL = {"port": 443, "protocol": "HTTPS", "certificates": [CERTIFICATE]}


def claim(document: Document, port: int = 443, at: int | None = None) -> RehearsalClaim:
    added = temporary(document, find_listener(document, port), free_port(document, (), at), "ca-1")
    return RehearsalClaim("r-1", "0a1b2c3d", "mtls", port, HERE, NOW, NOW + timedelta(minutes=15), added)


def added(document: Document, port: int = 443, at: int | None = None) -> tuple[Document, RehearsalClaim]:
    """The AlbConfig with the temporary listener, and its claim."""
    made = claim(document, port, at)
    return apply(plan_add(document, find_listener(document, port), made), document), made


def removed(document: Document, made: RehearsalClaim) -> Document:
    return apply(plan_removal(document, made)[0], document)


def listeners(document: Document) -> list[Any]:
    found: list[Any] = document["spec"]["listeners"]
    return found


# --- what it is


def test_it_is_like_the_real_one_in_all_that_is_about_tls_and_in_nothing_else() -> None:
    real = {
        **REAL,
        "defaultCertificate": {"kind": "CertIdentifier", "certificateId": "2-cn-hangzhou"},
        "securityPolicyId": "tls_cipher_policy_1_2",
        "http2Enabled": False,
        "description": "the real one",
        "aclConfig": {"aclIds": ["acl-1"]},
        "idleTimeout": 3,
        "caEnabled": False,
        "caCertificates": [{"CertificateId": "another"}],
        "x-note": 1,
    }
    document = alb(real)
    assert temporary(document, find_listener(document, 443), 8443, "ca-1") == {
        "port": 8443,
        "protocol": "HTTPS",
        "certificates": [CERTIFICATE],
        "defaultCertificate": {"kind": "CertIdentifier", "certificateId": "2-cn-hangzhou"},
        "securityPolicyId": "tls_cipher_policy_1_2",
        "http2Enabled": False,
        "caEnabled": True,
        "caCertificates": [{"CertificateId": "ca-1"}],
    }


def test_keys_in_any_spelling_are_copied_under_the_usual_one() -> None:
    document = alb(
        {"Port": "443", "protocol": "HTTPS", "CERTIFICATES": [CERTIFICATE], "securitypolicyid": "x"}
    )
    made = temporary(document, find_listener(document, 443), 8443, "ca-1")
    assert (made["certificates"], made["securityPolicyId"]) == ([CERTIFICATE], "x")


def test_server_certificates_that_only_the_status_shows_come_along_the_default_one_first() -> None:
    document = alb({"port": 443, "protocol": "HTTPS"})
    shown = [{"certificateId": "1-x", "isDefault": False}, {"certificateId": "2-x", "isDefault": True}]
    document["status"] = {
        "loadBalancer": {
            "listeners": [
                {"portAndProtocol": "80/HTTP"},
                {"portAndProtocol": "443/HTTPS", "certificates": shown},
            ]
        }
    }
    assert temporary(document, find_listener(document, 443), 8443, "ca-1")["certificates"] == [
        {"CertificateId": "2-x", "IsDefault": True},
        {"CertificateId": "1-x", "IsDefault": False},
    ]
    document["spec"]["listeners"][0]["certificates"] = [{"CertificateId": "1-x", "IsDefault": True}]
    assert temporary(document, find_listener(document, 443), 8443, "ca-1")["certificates"] == [
        {"CertificateId": "1-x", "IsDefault": True},
        {"CertificateId": "2-x", "IsDefault": False},
    ]


@pytest.mark.parametrize(
    "status",
    [None, "x", {"loadBalancer": {"listeners": [{"portAndProtocol": "443/HTTPS", "certificates": None}]}}],
)
def test_without_any_server_certificate_it_is_refused(status: Any) -> None:
    document = {**alb({"port": 443, "protocol": "HTTPS"}), "status": status}
    assert "names no server certificate and its status shows none" in raised(
        UserError, lambda: temporary(document, find_listener(document, 443), 8443, "ca-1")
    )


# --- its port


def ingress(*ports: dict[str, int]) -> Document:
    annotations = {"alb.ingress.kubernetes.io/listen-ports": dumps(list(ports))}
    return {"metadata": {"name": "shop", "namespace": "web", "annotations": annotations}, "spec": {}}


def test_the_first_free_port_from_8443_is_taken_whatever_speaks_there_and_whoever_names_it() -> None:
    assert free_port(alb(), (), None) == 8443
    document = alb(REAL, {"port": "8443", "protocol": "QUIC"}, {"port": 8445, "protocol": "HTTP"})
    assert free_port(document, [ingress({"HTTPS": 8444})], None, also_taken=[8446]) == 8447


@pytest.mark.parametrize(
    ("wanted", "holder"),
    [(443, "listener 443/HTTPS"), (8444, "Ingress web/shop"), (8446, "a listener of the stack")],
)
def test_a_port_that_somebody_has_is_refused(wanted: int, holder: str) -> None:
    with pytest.raises(UserError, match=holder):
        free_port(alb(REAL), [ingress({"HTTPS": 8444})], wanted, also_taken=[8446])
    assert free_port(alb(REAL), [ingress({"HTTPS": 8444})], 9000, also_taken=[8446]) == 9000


# --- the claim


def test_a_claim_is_read_as_it_was_written_numbers_included() -> None:
    made = claim(
        alb(
            {
                **REAL,
                "defaultCertificate": {"weight": loads("0.00001"), "big": 2**63, "text": "a/b~ ü <&>\u2028"},
            }
        )
    )
    read = parse(render(made), made.key)
    assert read == made
    assert dumps(read.added) == dumps(made.added)
    assert made.key == "albmtls/8443-https-rehearsal"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "x",
        render(claim(alb(REAL))).replace('"version":1', '"version":2'),
        render(claim(alb(REAL))).replace('"pid":42', '"pid":"x"'),
        render(claim(alb(REAL))).replace('"since":"2026', '"since":"'),
        render(claim(alb(REAL))).replace('"host":"here"', '"host":1'),
        render(claim(alb(REAL))).replace('"protocol":"HTTPS"', '"protocol":"HTTP"'),
        render(claim(alb(REAL))).replace('"port":8443', '"port":8444'),
        render(claim(alb(REAL))).replace('"port":8443', '"port":true'),
    ],
)
def test_what_is_no_claim_is_told_as_such(text: str) -> None:
    assert parse(text, annotation_key(8443)) is None
    document = alb(REAL)
    document["metadata"]["annotations"] = {annotation_key(8443): text}
    (found,) = left_behind(document)
    assert found.claim is None
    assert "annotation albmtls/8443-https-rehearsal of AlbConfig alb cannot be read" in found.sentence()


def test_a_listener_that_was_left_behind_is_told_with_who_added_it_and_what_to_do() -> None:
    document, made = added(alb(REAL))
    document["metadata"]["annotations"]["albmtls/443-https"] = "a claim on the real one"
    (found,) = left_behind(document)
    assert found.claim == made
    assert (
        found.sentence()
        == "AlbConfig alb has the temporary listener 8443/HTTPS of a rehearsal of listener 443/HTTPS (process"
        " 42 on here, since 2026-03-01T12:00:00Z): unless that still runs, take it away with ./mtls"
        " rehearse --clean"
    )
    assert left_behind(alb(REAL)) == left_behind({"metadata": {"annotations": None}}) == left_behind({}) == []


@pytest.mark.parametrize(
    ("runner", "later", "alive", "over"),
    [
        (HERE, 0, True, False),
        (HERE, 0, False, True),
        (replace(HERE, pid=7), 0, True, False),
        (replace(HERE, host="there"), 0, False, False),
        (replace(HERE, pid_namespace="pid:[2]"), 0, False, False),
        (replace(HERE, host="there"), 14, False, False),
        (replace(HERE, host="there"), 15, False, True),
        (HERE, 15, True, True),
    ],
)
def test_a_rehearsal_is_over_when_its_time_is_up_or_its_process_of_this_machine_is_gone(
    runner: Runner, later: int, alive: bool, over: bool
) -> None:
    assert (
        claim(alb(REAL)).is_over(
            runner, NOW + timedelta(minutes=later), lambda pid: alive if pid == 42 else not alive
        )
        is over
    )


# --- adding and taking away


def test_it_is_added_at_the_end_and_rests_on_the_ports_of_all_the_others() -> None:
    document = alb({"port": 80, "protocol": "HTTP"}, REAL)
    made = claim(document)
    assert plan_add(document, find_listener(document, 443), made) == [
        {"op": "test", "path": "/metadata/uid", "value": "uid-of-alb"},
        {"op": "test", "path": "/spec/listeners/0/port", "value": 80},
        {"op": "test", "path": "/spec/listeners/0/protocol", "value": "HTTP"},
        {"op": "test", "path": "/spec/listeners/1/port", "value": 443},
        {"op": "test", "path": "/spec/listeners/1/protocol", "value": "HTTPS"},
        {"op": "test", "path": "/metadata/annotations", "value": None},
        {"op": "add", "path": "/spec/listeners/-", "value": made.added},
        {"op": "add", "path": "/metadata/annotations", "value": {made.key: render(made)}},
    ]


def without_empty_annotations(document: Document) -> Document:
    """The API server does not keep an empty map of annotations."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "annotations" or value}
    return {**document, "metadata": metadata}


def there_and_back(document: Document, port: int, shuffle: int) -> None:
    """Adding keeps all that was there; taking away, from wherever in the list it is by then, gives
    back the very same.
    """
    before = copy.deepcopy(document)
    after, made = added(document, port)
    assert document == before
    mine = [one for one in all_listeners(after) if (one.port, one.protocol) == (made.temporary_port, HTTPS)]
    assert [same(one.fields, made.added) for one in mine] == [True]
    assert stands_alone(after, made)
    assert [one.claim for one in left_behind(after)] == [made]
    root: Any = after
    for key in mine[0].path[:-1]:
        root = root[key]
    assert mine[0].path[-1] == str(len(root) - 1)
    root.insert(shuffle % len(root), root.pop())
    back = without_empty_annotations(removed(after, made))
    assert same(back, without_empty_annotations(document))
    assert dumps(back) == dumps(without_empty_annotations(document))
    assert plan_removal(back, made) == ([], Standing.GONE)


@pytest.mark.parametrize("name", WITH_HTTPS)
def test_every_published_albconfig_is_the_same_afterwards(name: str) -> None:
    document = copy.deepcopy(DOCUMENTS[name])
    items: list[Any] = document["spec"]["listeners"]
    for item in items:
        if item["protocol"] == "HTTPS":
            item["certificates"] = item.get("certificates") or [CERTIFICATE]
    for shuffle in range(len(items) + 1):
        there_and_back(document, WITH_HTTPS[name], shuffle)


@given(documents(), st.integers(0, 200))
@settings(max_examples=examples(60))
def test_any_albconfig_is_the_same_afterwards_wherever_the_listener_stands_by_then(
    made: tuple[Document, int], shuffle: int
) -> None:
    document, port = made
    find_listener(document, port).fields["certificates"] = [CERTIFICATE]
    there_and_back(document, port, shuffle)


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items.insert(0, {"port": 81, "protocol": "HTTP"}),
        lambda items: items.reverse(),
        lambda items: items.pop(),
        lambda items: items[0].update(port=8443),
        lambda items: items[0].update(protocol="QUIC"),
    ],
)
def test_an_addition_to_a_list_that_has_become_another_one_fails(change: Any) -> None:
    document = alb({"port": 80, "protocol": "HTTP"}, REAL)
    patch = plan_add(document, find_listener(document, 443), claim(document))
    change(listeners(document))
    with pytest.raises(TestFailed):
        apply(patch, document)


def test_two_rehearsals_on_one_port_exclude_each_other() -> None:
    document = alb(REAL)
    patch = plan_add(document, find_listener(document, 443), claim(document))
    with pytest.raises(TestFailed):
        apply(patch, apply(patch, document))


def test_a_listener_that_somebody_appends_with_the_same_port_is_noticed() -> None:
    document = alb(REAL)
    made = claim(document)
    listeners(document).append({"port": 8443, "protocol": "HTTPS", "certificates": []})
    after = apply(plan_add(alb(REAL), find_listener(alb(REAL), 443), made), document)
    assert not stands_alone(after, made)
    assert listeners(removed(after, made)) == [REAL, {"port": 8443, "protocol": "HTTPS", "certificates": []}]


def test_a_controller_that_writes_the_listener_back_with_zero_values_does_not_keep_it_there() -> None:
    document, made = added(alb(REAL))
    _, mine = listeners(document)
    mine |= {
        "description": "",
        "gzipEnabled": None,
        "idleTimeout": 0,
        "aclConfig": {"aclIds": []},
        "logConfig": {"enabled": False},
    }
    mine["CaEnabled"] = mine.pop("caEnabled")
    assert standing(document, made)[0] is Standing.UNCHANGED
    assert listeners(removed(document, made)) == [REAL]


@pytest.mark.parametrize(
    "change",
    [
        {"caEnabled": False},
        {"caEnabled": None},
        {"caCertificates": [{"CertificateId": "another"}]},
        {"description": "mine now"},
        {"certificates": [{"CertificateId": "2"}]},
    ],
)
def test_one_that_somebody_has_changed_is_left_with_its_claim(change: dict[str, Any]) -> None:
    document, made = added(alb(REAL))
    listeners(document)[1].update(change)
    assert plan_removal(document, made) == ([], Standing.CHANGED)


def test_where_it_is_gone_only_the_claim_is_taken_away() -> None:
    document, made = added(alb(REAL))
    document["metadata"]["annotations"]["other"] = "x"
    listeners(document).pop()
    patch, found = plan_removal(document, made)
    assert found is Standing.GONE
    assert [operation["op"] for operation in patch] == ["test", "test", "remove"]
    assert apply(patch, document)["metadata"]["annotations"] == {"other": "x"}


def test_it_is_taken_away_also_when_somebody_has_pruned_or_spoiled_its_annotation() -> None:
    for text in (None, "spoiled"):
        document, made = added(alb(REAL))
        annotations = document["metadata"]["annotations"]
        del annotations[made.key]
        annotations |= {made.key: text} if text else {}
        assert listeners(removed(document, made)) == [REAL]


def test_what_another_rehearsal_has_added_meanwhile_is_left_alone() -> None:
    document, made = added(alb(REAL))
    assert plan_removal(document, replace(made, id="another")) == ([], Standing.GONE)


# --- how others see it


def test_it_is_no_bypass_of_the_real_listener() -> None:
    document, _ = added(alb({**REAL, "caEnabled": True}))
    classes = [
        {
            "metadata": {"name": "alb"},
            "spec": {
                "controller": "ingress.k8s.alibabacloud/alb",
                "parameters": {"kind": "AlbConfig", "name": "alb"},
            },
        }
    ]
    shop = {
        **ingress({"HTTPS": 443}),
        "spec": {"ingressClassName": "alb", "rules": [{"host": "example.com"}]},
    }
    assert open_bypasses(document, classes, [shop], find_listener(document, 443)) == ()


def test_whoever_writes_the_listeners_from_a_source_of_his_own_is_named() -> None:
    document = alb(REAL)
    assert declarative_owners(document) == ()
    document["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": dumps({"spec": {"listeners": []}})
    }
    document["metadata"]["managedFields"] = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {"f:listeners": {}}}},
        {"manager": "alb-mutual-tls", "operation": "Update", "fieldsV1": {"f:spec": {"f:listeners": {}}}},
    ]
    assert declarative_owners(document) == ("kubectl apply", "argocd-controller")
