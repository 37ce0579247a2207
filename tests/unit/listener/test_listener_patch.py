"""The patch changes two keys of one listener and one annotation, whatever AlbConfig it meets, and
takes all of it back.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.listener.declared import CA_CERTIFICATES, CA_ENABLED, find_listener, fold
from alb_mutual_tls.listener.exact_json import Document, dumps, loads, same
from alb_mutual_tls.listener.patch import (
    OFF,
    Desired,
    Patch,
    forget,
    parse_previous,
    plan,
    pointer,
    previous_values,
    restore,
)
from tests.examples import examples
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS, documents
from tests.unit.listener.json_patch import TestFailed, apply

KEY = "albmtls/443-https"
ON, OFF_WISH = Desired(True, "ca-1"), Desired(False, "ca-1")
wishes = st.builds(Desired, st.booleans(), st.text(min_size=1, max_size=12))


def alb(*listeners: Any, annotations: dict[str, str] | None = None) -> Document:
    return {
        "metadata": {"name": "alb", "uid": "u-1"} | ({"annotations": annotations} if annotations else {}),
        "spec": {"listeners": list(listeners)},
    }


def planned(document: Document, wish: Desired, port: int = 443, claim: str = "claim") -> Patch:
    return plan(document, find_listener(document, port), wish, KEY, claim)


def writes(patch: Patch) -> list[tuple[str, str, Any]]:
    return [
        (operation["op"], operation["path"], operation.get("value"))
        for operation in patch
        if operation["op"] != "test"
    ]


def without_empty_annotations(document: Document) -> Document:
    """The API server does not keep an empty map of annotations."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "annotations" or value}
    return {**document, "metadata": metadata}


def test_switching_on_tests_what_it_rests_on_and_writes_three_things() -> None:
    document = alb({"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS", "gzipEnabled": True})
    assert planned(document, ON) == [
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "test", "path": "/spec/listeners/1/port", "value": 443},
        {"op": "test", "path": "/spec/listeners/1/protocol", "value": "HTTPS"},
        {"op": "test", "path": "/spec/listeners/1/caEnabled", "value": None},
        {"op": "test", "path": "/spec/listeners/1/caCertificates", "value": None},
        {"op": "test", "path": "/metadata/annotations", "value": None},
        {"op": "add", "path": "/spec/listeners/1/caEnabled", "value": True},
        {"op": "add", "path": "/spec/listeners/1/caCertificates", "value": [{"CertificateId": "ca-1"}]},
        {"op": "add", "path": "/metadata/annotations", "value": {KEY: "claim"}},
    ]


def test_switching_off_keeps_the_ca_certificates() -> None:
    document = apply(
        planned(alb({"port": 443, "protocol": "HTTPS"}), ON), alb({"port": 443, "protocol": "HTTPS"})
    )
    assert writes(planned(document, OFF_WISH)) == [("replace", "/spec/listeners/0/caEnabled", False)]


@pytest.mark.parametrize("fields", [{}, {"caEnabled": None}, {"caEnabled": False}])
def test_a_first_roll_out_that_is_off_says_so_and_writes_the_ca_certificates(fields: dict[str, Any]) -> None:
    document = apply(
        planned(alb({"port": 443, "protocol": "HTTPS", **fields}), OFF_WISH),
        alb({"port": 443, "protocol": "HTTPS", **fields}),
    )
    assert document["spec"]["listeners"][0] == {
        "port": 443,
        "protocol": "HTTPS",
        "caEnabled": False,
        "caCertificates": [{"CertificateId": "ca-1"}],
    }


@pytest.mark.parametrize("enabled", [{}, {"caEnabled": None}, {"caEnabled": False}])
def test_absent_null_and_false_are_all_off_and_none_is_rewritten_for_its_own_sake(
    enabled: dict[str, Any],
) -> None:
    listener = {"port": 443, "protocol": "HTTPS", "caCertificates": [{"CertificateId": "ca-1"}], **enabled}
    assert planned(alb(listener, annotations={KEY: "claim"}), OFF_WISH) == []


def test_exactly_our_ca_certificate_is_not_rewritten_whatever_else_its_item_says() -> None:
    listener = {
        "port": 443,
        "protocol": "HTTPS",
        "caEnabled": True,
        "caCertificates": [{"certificateid": "ca-1", "IsDefault": True}],
    }
    assert planned(alb(listener, annotations={KEY: "claim"}), ON) == []


@pytest.mark.parametrize(
    "certificates",
    [
        [],
        None,
        "ca-1",
        ["ca-1"],
        [{"CertificateId": "ca-2"}],
        [{"CertificateId": "ca-1"}, {"CertificateId": "ca-2"}],
        [{"CertificateId": "ca-1", "certificateId": "ca-1"}],
    ],
)
def test_any_other_list_of_ca_certificates_is_replaced_as_a_whole(certificates: Any) -> None:
    document = alb(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True, "caCertificates": certificates},
        annotations={KEY: "claim"},
    )
    assert writes(planned(document, ON)) == [
        ("replace", "/spec/listeners/0/caCertificates", [{"CertificateId": "ca-1"}])
    ]


def test_a_key_in_an_odd_spelling_keeps_it_and_never_stands_twice() -> None:
    document = alb({"Port": "443", "PROTOCOL": "HTTPS", "caenabled": False, "CACertificates": []})
    result = apply(planned(document, ON), document)
    assert result["spec"]["listeners"][0] == {
        "Port": "443",
        "PROTOCOL": "HTTPS",
        "caenabled": True,
        "CACertificates": [{"CertificateId": "ca-1"}],
    }


def test_slashes_and_tildes_in_keys_are_escaped() -> None:
    assert (
        pointer("metadata", "annotations", "albmtls/443-https", "a~b")
        == "/metadata/annotations/albmtls~1443-https/a~0b"
    )


def test_a_claim_in_place_of_another_is_tested_and_replaced() -> None:
    document = alb(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True, "caCertificates": [{"CertificateId": "ca-1"}]},
        annotations={KEY: "old"},
    )
    patch = planned(document, ON, claim="new")
    assert {"op": "test", "path": "/metadata/annotations/albmtls~1443-https", "value": "old"} in patch
    assert writes(patch) == [("replace", "/metadata/annotations/albmtls~1443-https", "new")]


def test_previous_values_that_name_an_own_upload_are_restored_as_off() -> None:
    document = alb(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True, "caCertificates": [{"CertificateId": "ca-1"}]},
        annotations={KEY: "c"},
    )
    previous = '{"caEnabled":true,"caCertificates":[{"CertificateId":"ca-1"}]}'
    patch = restore(document, find_listener(document, 443), previous, KEY, ("ca-1",))
    assert apply(patch, document)["spec"]["listeners"][0] == {
        "port": 443,
        "protocol": "HTTPS",
        "caEnabled": False,
    }
    foreign = restore(
        document, find_listener(document, 443), previous.replace("ca-1", "ca-9"), KEY, ("ca-1",)
    )
    assert apply(foreign, document)["spec"]["listeners"][0]["caCertificates"] == [{"CertificateId": "ca-9"}]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"caEnabled": None, "caCertificates": None},
        {"caEnabled": False, "caCertificates": []},
        {
            "CAENABLED": True,
            "cacertificates": [{"CertificateId": 123456, "weight": loads("0.00001"), "big": 2**70}],
        },
    ],
)
def test_absent_null_and_empty_come_back_as_they_were(fields: dict[str, Any]) -> None:
    before = alb({"port": 443, "protocol": "HTTPS", **fields})
    previous = previous_values(find_listener(before, 443))
    after = apply(planned(before, ON), before)
    back = apply(restore(after, find_listener(after, 443), previous, KEY, ()), after)
    assert dumps(without_empty_annotations(back)["spec"]["listeners"][0]) == dumps(
        before["spec"]["listeners"][0]
    ) or same(back["spec"]["listeners"][0], before["spec"]["listeners"][0])
    assert parse_previous(previous) == fields


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '{"port": 443}', '{"caEnabled": true, "CaEnabled": false}', "{"]
)
def test_other_texts_are_no_previous_values(text: str) -> None:
    with pytest.raises(ValueError):
        parse_previous(text)


def test_forgetting_takes_only_the_annotation_away() -> None:
    document = alb(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True}, annotations={KEY: "c", "other": "x"}
    )
    assert apply(forget(document, KEY), document) == alb(
        {"port": 443, "protocol": "HTTPS", "caEnabled": True}, annotations={"other": "x"}
    )
    assert forget(alb(), KEY) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["metadata"].update(uid="u-2"),
        lambda document: document["spec"]["listeners"].insert(0, {"port": 80, "protocol": "HTTP"}),
        lambda document: document["spec"]["listeners"].reverse(),
        lambda document: document["spec"]["listeners"].clear(),
        lambda document: document["spec"]["listeners"][0].update(caEnabled=True),
        lambda document: document["spec"]["listeners"][0].update(caCertificates=[{"CertificateId": "other"}]),
        lambda document: document["spec"]["listeners"][0].update(port="443"),
        lambda document: document["metadata"].update(annotations={KEY: "another claim"}),
        lambda document: document["metadata"].update(annotations={"unrelated": "but the map is there now"}),
    ],
)
def test_whoever_changes_what_the_plan_rests_on_makes_it_fail(change: Any) -> None:
    document = alb({"port": 443, "protocol": "HTTPS"}, {"port": 8443, "protocol": "HTTPS"})
    patch = planned(document, ON)
    change(document)
    with pytest.raises(TestFailed):
        apply(patch, document)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(status={"phase": "Active"}),
        lambda document: document["spec"]["listeners"].append({"port": 80, "protocol": "HTTP"}),
        lambda document: document["spec"]["listeners"][1].update(caEnabled=True),
        lambda document: document["spec"].update(config={"edition": "Standard"}),
        lambda document: document["metadata"].update(resourceVersion="2"),
    ],
)
def test_whoever_changes_anything_else_does_not_disturb_and_is_not_undone(change: Any) -> None:
    document = alb({"port": 443, "protocol": "HTTPS"}, {"port": 8443, "protocol": "HTTPS"})
    patch = planned(document, ON)
    change(document)
    result = apply(patch, document)
    expected = copy.deepcopy(document)
    expected["spec"]["listeners"][0] |= {"caEnabled": True, "caCertificates": [{"CertificateId": "ca-1"}]}
    expected["metadata"]["annotations"] = {KEY: "claim"}
    assert result == expected


# --- whatever AlbConfig it meets


def holds(document: Document, port: int, wish: Desired) -> None:
    """All that is promised of a patch."""
    listener = find_listener(document, port)
    index = int(listener.path[-1])
    patch = plan(document, listener, wish, KEY, "claim ~/ ü")
    after = apply(patch, document)

    own = {fold(CA_ENABLED), fold(CA_CERTIFICATES)}
    root, items = listener.path[0], listener.path[1]

    def rest(value: Document) -> Document:
        """The document without what the patch may change."""
        copied = copy.deepcopy(value)
        item = copied[root][items][index]
        copied[root][items][index] = {key: item[key] for key in item if fold(key) not in own}
        (copied["metadata"].get("annotations") or {}).pop(KEY, None)
        return without_empty_annotations(copied)

    assert dumps(rest(after)) == dumps(rest(document)), "something else has changed, or the order"
    now = find_listener(after, port)
    folded = [fold(key) for key in now.fields if fold(key) in own]
    assert len(folded) == len(set(folded)), "a key stands twice"
    assert now.ca_enabled is wish.ca_enabled
    assert now.ca_certificate_ids == (wish.ca_certificate_id,)
    assert plan(after, now, wish, KEY, "claim ~/ ü") == [], "the second plan is not empty"
    allowed = {pointer(*listener.path, listener.key(name)) for name in (CA_ENABLED, CA_CERTIFICATES)}
    allowed |= {"/metadata/annotations", pointer("metadata", "annotations", KEY)}
    assert {path for _, path, _ in writes(patch)} <= allowed, "an operation reaches outside"

    back = apply(restore(after, now, previous_values(listener), KEY, ()), after)
    assert same(without_empty_annotations(back), without_empty_annotations(document)), (
        "restoring is no identity"
    )


@pytest.mark.parametrize("name", WITH_HTTPS)
@pytest.mark.parametrize("wish", [ON, OFF_WISH])
def test_published_albconfigs_change_in_our_two_keys_and_annotation_only(name: str, wish: Desired) -> None:
    holds(DOCUMENTS[name], WITH_HTTPS[name], wish)


def test_the_corpus_is_whole() -> None:
    assert (len(DOCUMENTS), len(WITH_HTTPS)) == (21, 12)


@given(documents(), wishes)
@settings(max_examples=examples(60))
def test_any_albconfig_changes_in_our_two_keys_and_annotation_only(
    made: tuple[Document, int], wish: Desired
) -> None:
    document, port = made
    holds(document, port, wish)


def comes_back(before: Document, port: int, *changes: Desired) -> None:
    """After any number of changes the first values are restored."""
    previous, document = previous_values(find_listener(before, port)), before
    for number, wish in enumerate(changes):
        document = apply(plan(document, find_listener(document, port), wish, KEY, str(number)), document)
    back = apply(restore(document, find_listener(document, port), previous, KEY, ()), document)
    assert same(without_empty_annotations(back), without_empty_annotations(before))


@given(documents(), wishes, wishes, wishes)
@settings(max_examples=examples(60))
def test_the_first_values_come_back_after_any_number_of_changes(
    made: tuple[Document, int], one: Desired, two: Desired, three: Desired
) -> None:
    comes_back(*made, one, two, three)


def test_two_hundred_listeners_are_told_apart() -> None:
    many = alb(
        *({"port": port, "protocol": protocol} for port in range(1, 101) for protocol in ("HTTPS", "QUIC"))
    )
    holds(many, 77, ON)
    assert find_listener(many, 77).path == ("spec", "listeners", "152")


def test_the_text_for_off_is_a_text_of_previous_values() -> None:
    assert parse_previous(OFF) == {"caEnabled": False}
