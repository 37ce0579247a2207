"""The published AlbConfigs of tests/data/albconfigs as documents, and a strategy that makes up
others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from alb_mutual_tls.listener.declared import CA_CERTIFICATES, CA_ENABLED, CERTIFICATE_ID
from alb_mutual_tls.listener.exact_json import Document, loads

DIRECTORY = Path(__file__).resolve().parents[2] / "data" / "albconfigs"


def _documents() -> dict[str, Document]:
    found = {}
    for path in sorted(DIRECTORY.glob("*.yaml")):
        try:
            document = yaml.safe_load(re.sub(r"\$\{(\w+)\}", r"\1", path.read_text()))
        except yaml.YAMLError:
            continue  # broken as published, see INDEX.md
        spec = document.get("spec") or {"listeners": document["listeners"]}
        name = path.stem.replace("_", "-")
        found[name] = {"metadata": {"name": name, "uid": f"uid-of-{name}"}, "spec": spec}
    return found


DOCUMENTS = _documents()
WITH_HTTPS = {
    name: int(port)
    for name, document in DOCUMENTS.items()
    if (
        port := next(
            (item["port"] for item in document["spec"].get("listeners") or [] if item["protocol"] == "HTTPS"),
            None,
        )
    )
    is not None
}

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**53 + 1,
    2**80,
    -(2**63),
    loads("0.00001"),
    loads("1e+30"),
    loads("1.10"),
    "",
    "true",
    "a~b/c~1d",
    "日本語 \U0001f511 \u2028",
    "\x00\x7f",
    [],
    {},
    [None, [], {}],
    {"": None, "a/b": 1, "~": "~1", "~0": {"caEnabled": True}},
    {"CertificateId": "x", "listeners": [{"port": 443, "protocol": "HTTPS"}]},
    [{"port": 443, "protocol": "HTTPS", "caEnabled": True}],
)
"""Values that a document may hold anywhere."""
ODD_KEYS: Final = (
    "",
    "a/b",
    "~1",
    "x~y/z",
    "ключ",
    "鍵",
    "certificates",
    "xForwardedForConfig",
    "XForwardedForConfig",
    "ca",
    "caEnabled ",
    "ports",
)
_SPELLINGS: Final = {
    key: (
        key,
        key,
        key,
        key.lower(),
        key.upper(),
        key.swapcase(),
        key.replace("s", "ſ"),
        key.replace("k", "\u212a"),
    )
    for key in ("port", "protocol", CA_ENABLED, CA_CERTIFICATES, CERTIFICATE_ID, "listeners", "spec")
}
_ABSENT: Final = object()
_PROTOCOLS: Final = ("HTTP", "HTTPS", "QUIC")


def spelled(key: str) -> st.SearchStrategy[str]:
    """The key in one of the spellings that Go takes for it."""
    return st.sampled_from(_SPELLINGS[key])


def _certificates() -> st.SearchStrategy[Any]:
    ids = st.sampled_from(["ca-1", "0e40dda998174723af39d37fcaf00000", 123456, "", None, {"a": 1}])
    item = st.builds(
        lambda key, id, more: {key: id, **more},
        spelled(CERTIFICATE_ID),
        ids,
        st.sampled_from([{}, {"IsDefault": True}, {"/": 1}]),
    )
    return st.sampled_from([_ABSENT, None, []]) | st.lists(item, min_size=1, max_size=2)


others = st.dictionaries(st.sampled_from(ODD_KEYS), st.sampled_from(ODD), max_size=4)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, int]:
    """An AlbConfig with an HTTPS listener of some port among 0 to 199 others, and that port."""
    port = draw(st.integers(1, 65535))
    own = [
        (draw(spelled("port")), draw(st.sampled_from([port, str(port), f"0{port}"]))),
        (draw(spelled("protocol")), "HTTPS"),
        (draw(spelled(CA_ENABLED)), draw(st.sampled_from([_ABSENT, None, False, True]))),
        (draw(spelled(CA_CERTIFICATES)), draw(_certificates())),
    ]
    members = [(key, value) for key, value in own if value is not _ABSENT] + list(draw(others).items())
    ours = dict(draw(st.permutations(members)))
    neighbours = [
        {"port": port, "protocol": protocol, **draw(others)}
        for protocol in draw(st.lists(st.sampled_from(["HTTP", "QUIC"]), unique=True))
    ]
    for number in range(draw(st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21, 197]))):
        other = port % 65535 + 1 + number
        neighbours.append(
            {
                "port": other if number % 2 else str(other),
                "protocol": _PROTOCOLS[number % 3],
                "caEnabled": ODD[number % 3],
            }
        )
    place = draw(st.integers(0, len(neighbours)))
    items = [*neighbours[:place], ours, *neighbours[place:]]
    annotations = draw(
        st.none()
        | st.dictionaries(
            st.sampled_from(ODD_KEYS), st.sampled_from(["", "{}", "~/"]), min_size=1, max_size=3
        )
    )
    metadata: Document = {"name": "alb", "uid": "u-1"} | ({"annotations": annotations} if annotations else {})
    spec = dict(
        draw(
            st.permutations(
                [
                    (draw(spelled("listeners")), items),
                    ("config", draw(st.sampled_from(ODD))),
                    ("~/", {"a": None}),
                ]
            )
        )
    )
    return {"metadata": metadata, draw(spelled("spec")): spec, "status": draw(st.sampled_from(ODD))}, port
