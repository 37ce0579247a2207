"""Finding the listener, and the sentence for every way in which it cannot be found."""

from __future__ import annotations

from typing import Any

import pytest

from alb_mutual_tls.listener.declared import (
    ListenerMalformed,
    ListenerMissing,
    find_listener,
    fold,
    malformed_items,
    port_number,
    wrong_types,
)
from alb_mutual_tls.listener.exact_json import Document, loads
from tests.unit.listener.corpus import DOCUMENTS, WITH_HTTPS


def alb(listeners: Any, **spec: Any) -> Document:
    return {"metadata": {"name": "alb"}, "spec": {"listeners": listeners, **spec}}


HTTP, HTTPS = {"port": 80, "protocol": "HTTP"}, {"port": 443, "protocol": "HTTPS"}


@pytest.mark.parametrize("port", [443, "443", "0443", "+443", loads("443.0")])
def test_a_port_may_be_a_number_or_text(port: Any) -> None:
    assert find_listener(alb([HTTP, {"port": port, "protocol": "HTTPS"}]), 443).path == (
        "spec",
        "listeners",
        "1",
    )


@pytest.mark.parametrize("port", [True, None, "", "https", "44３", 443.5, [443], {}, "4 43"])
def test_other_values_are_no_ports(port: Any) -> None:
    assert port_number(port) is None


def test_keys_are_found_in_any_case_as_go_finds_them() -> None:
    document = {
        "metadata": {"name": "alb"},
        "Spec": {"LISTENERS": [{"PoRt": 443, "protocol": "HTTPS", "CAENABLED": True}]},
    }
    listener = find_listener(document, 443)
    assert listener.path == ("Spec", "LISTENERS", "0")
    assert listener.ca_enabled
    assert fold("caCertificateſ") == fold("CACertificates")
    assert fold("caEnabled ") != fold("caEnabled")


def test_https_and_quic_on_one_port_are_two_listeners() -> None:
    assert find_listener(alb([{"port": 443, "protocol": "QUIC"}, HTTPS]), 443).path[-1] == "1"


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            alb([HTTP, HTTPS]),
            (
                "AlbConfig alb has no listener on port 8443, it has 80/HTTP, 443/HTTPS: correct the port in"
                " listeners, or add the listener to the AlbConfig"
            ),
        ),
        (
            alb([HTTP, {"port": 8443, "protocol": "HTTP"}]),
            (
                "port 8443 of AlbConfig alb speaks HTTP, and only HTTPS listeners can ask for client"
                " certificates; AlbConfig alb has 80/HTTP, 8443/HTTP: name an HTTPS port in listeners, or set"
                " protocol: HTTPS on the listener"
            ),
        ),
        (
            alb([{"port": 8443, "protocol": "QUIC"}]),
            (
                "port 8443 of AlbConfig alb speaks QUIC, and only HTTPS listeners can ask for client"
                " certificates; AlbConfig alb has 8443/QUIC: name an HTTPS port in listeners, or set"
                " protocol: HTTPS on the listener"
            ),
        ),
        *(
            (
                document,
                (
                    "AlbConfig alb has no listeners, so none on port 8443: add one with port 8443, protocol"
                    " HTTPS and certificates to it"
                ),
            )
            for document in (
                alb([]),
                alb(None),
                {"metadata": {"name": "alb"}},
                {"metadata": {"name": "alb"}, "spec": None},
            )
        ),
    ],
)
def test_a_missing_listener_is_told_with_those_that_exist(document: Document, sentence: str) -> None:
    with pytest.raises(ListenerMissing) as raised:
        find_listener(document, 8443)
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            alb("none"),
            'spec.listeners of AlbConfig alb is the text "none", not a list: correct the AlbConfig',
        ),
        (
            alb({"port": 443}),
            "spec.listeners of AlbConfig alb is an object, not a list: correct the AlbConfig",
        ),
        (
            {"metadata": {"name": "alb"}, "spec": 7},
            "spec of AlbConfig alb is the number 7, not an object: correct the AlbConfig",
        ),
        (
            {"metadata": {"name": "alb"}, "spec": {"listeners": [HTTPS], "Listeners": []}},
            "spec of AlbConfig alb has listeners 2 times, as listeners, Listeners: keep one of them",
        ),
        (
            alb([HTTP, None]),
            (
                "item 2 of spec.listeners of AlbConfig alb is null, not an object with port and protocol:"
                " correct the AlbConfig"
            ),
        ),
        (
            alb([HTTPS, HTTP, dict(HTTPS, port="443")]),
            (
                "AlbConfig alb has 2 listeners on port 443 with protocol HTTPS (numbers 1 and 3 of"
                " spec.listeners): keep one"
            ),
        ),
        (
            alb([HTTP, dict(HTTPS, caEnabled=True, CAEnabled=False)]),
            (
                "listener 2 of AlbConfig alb (port 443) has caEnabled 2 times, as caEnabled, CAEnabled: keep"
                " one of them"
            ),
        ),
        (
            alb([dict(HTTPS, caCertificates=[], cacertificates=[])]),
            (
                "listener 1 of AlbConfig alb (port 443) has caCertificates 2 times, as caCertificates,"
                " cacertificates: keep one of them"
            ),
        ),
        (
            alb([{"port": 443, "Port": 80, "protocol": "HTTPS"}]),
            "listener 1 of AlbConfig alb (port 443) has port 2 times, as port, Port: keep one of them",
        ),
    ],
)
def test_a_document_that_leaves_open_what_the_listener_is_is_refused(
    document: Document, sentence: str
) -> None:
    with pytest.raises(ListenerMalformed) as raised:
        find_listener(document, 443)
    assert str(raised.value) == sentence


def test_items_for_which_the_controller_refuses_the_whole_albconfig_are_named() -> None:
    document = alb([HTTPS, "443", {"port": "https", "protocol": "HTTPS"}, {"port": 80}, {"protocol": "HTTP"}])
    assert find_listener(document, 443).port == 443
    where = "of spec.listeners of AlbConfig alb"
    assert malformed_items(document) == [
        f'item 2 {where} is the text "443", not an object with port and protocol: correct the AlbConfig',
        f'item 3 {where} has the text "https" as port, not a number from 1 to 65535: correct the AlbConfig',
        f"item 4 {where} (port 80) has null as protocol, not HTTP, HTTPS or QUIC: correct the AlbConfig",
        f"item 5 {where} has null as port, not a number from 1 to 65535: correct the AlbConfig",
    ]


def test_values_of_a_wrong_type_are_named() -> None:
    listener = find_listener(alb([dict(HTTPS, caEnabled="true", caCertificates={"CertificateId": "x"})]), 443)
    assert wrong_types(listener) == [
        (
            'caEnabled of listener 443/HTTPS of AlbConfig alb is the text "true", neither true nor false, so'
            " the controller refuses the AlbConfig: correct it there"
        ),
        (
            "caCertificates of listener 443/HTTPS of AlbConfig alb is an object, not a list, so the"
            " controller refuses the AlbConfig: correct it there"
        ),
    ]
    assert wrong_types(find_listener(alb([dict(HTTPS, caEnabled=None, caCertificates=None)]), 443)) == []


@pytest.mark.parametrize("name", sorted(DOCUMENTS.keys() - WITH_HTTPS.keys()))
def test_published_albconfigs_without_https_are_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(
        ListenerMissing,
        match=rf"^[^\n]*AlbConfig {name}[^\n]*443[^\n]*$|^port 443 of AlbConfig {name}[^\n]*$",
    ):
        find_listener(DOCUMENTS[name], 443)
