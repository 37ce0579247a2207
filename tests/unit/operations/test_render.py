"""What `mtls render` prints, from an AlbConfig and what the stack wishes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alb_mutual_tls.errors import UserError
from alb_mutual_tls.listener.declared import ListenerMissing, find_listener
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.listener.patch import Desired, fulfils
from alb_mutual_tls.operations.printing import error_as_json
from alb_mutual_tls.operations.render import NOTHING, Rendered, as_json, as_yaml, by_hand, render
from alb_mutual_tls.stack.deployed import DeployedListener
from tests.examples import examples
from tests.unit.cli.jq import deleted
from tests.unit.listener.corpus import documents
from tests.unit.listener.json_patch import TestFailed, apply

ID = "0e40dda998174723"
HTTP = {"port": 80, "protocol": "HTTP"}
HTTPS = {"port": 443, "protocol": "HTTPS", "certificates": [{"CertificateId": "1"}]}
FIELDS = {"caEnabled": True, "caCertificates": [{"CertificateId": ID}]}


def alb(*listeners: Any, name: str = "alb") -> Document:
    return {"metadata": {"name": name, "uid": "u"}, "spec": {"listeners": list(listeners)}}


def wished(
    name: str = "https",
    *,
    port: int = 443,
    ca_enabled: bool = True,
    alb_config: str = "alb",
    id: str | None = ID,
) -> DeployedListener:
    return DeployedListener(name, alb_config, port, ca_enabled, ca_certificate_id=id)


def one(document: Document, **wish: Any) -> Rendered:
    return render("mtls", wished(**wish), document)


def pasted(rendered: list[Rendered]) -> tuple[Any, Any, Any]:
    """What is pasted, with the texts of the patches read."""
    kustomization, application, flux = yaml.safe_load_all(as_yaml(rendered))
    for patch in kustomization["patches"]:
        patch["patch"] = yaml.safe_load(patch["patch"])
    return kustomization, application, flux


def test_the_whole_of_it() -> None:
    assert (
        as_yaml([one(alb(HTTP, HTTPS))])
        == """\
# Client authentication as it is deployed. Print and commit it again after every change;
# docs/gitops.md says what is for whom.
#
# 1. For kustomization.yaml (or spec.patches of a Flux Kustomization, or
#    spec.source.kustomize.patches of an Argo CD Application).
#    Without Kustomize, write the same two keys into the listener by hand.
#    The number in the paths is the listener's place in spec.listeners of the cluster, from 0.
#    Where the source has another order, the build stops at a `test`: put the source's number into
#    all four paths. A target that matches nothing goes unnoticed, so look for the two keys in what
#    `kubectl kustomize .` prints.
patches:
  # listener https: 443/HTTPS of AlbConfig alb, client authentication on
  - target: {group: alibabacloud.com, version: v1, kind: AlbConfig, name: 'alb'}
    patch: |-
      - op: test
        path: /spec/listeners/1/port
        value: 443
      - op: test
        path: /spec/listeners/1/protocol
        value: "HTTPS"
      - op: add
        path: /spec/listeners/1/caEnabled
        value: true
      - op: add
        path: /spec/listeners/1/caCertificates
        value: [{"CertificateId": "0e40dda998174723"}]
---
# 2. For an Argo CD Application, besides 1 and never instead of it: keeps `pulumi up` from being
#    undone until 1 is committed. Take it out again then: while it stands, Argo CD takes all of
#    spec.listeners from the cluster, and changes of it in Git wait. An Application whose source
#    lacks the two keys reads Synced by default all the same, and its next sync takes them away.
spec:
  ignoreDifferences:
    - group: alibabacloud.com
      kind: AlbConfig
      name: 'alb'
      jqPathExpressions:
        - '.spec.listeners[]? | select(.port == 443 and .protocol == "HTTPS") | .caEnabled'
        - '.spec.listeners[]? | select(.port == 443 and .protocol == "HTTPS") | .caCertificates'
        - '.metadata.annotations["albmtls/443-https"]'
  syncPolicy:
    syncOptions:
      - RespectIgnoreDifferences=true
---
# 3. For a Flux Kustomization (2.9 or newer), besides 1 and never instead of it: Flux then takes the
#    two fields from the cluster and the rest from Git, so `pulumi up` switches on and off without a
#    commit. Without both keys in the source (1) the next change of the AlbConfig fails. The numbers
#    are those of 1: take this out while the order of the listeners is changed.
spec:
  ignore:
    - paths:
        - '/spec/listeners/1/caEnabled'
        - '/spec/listeners/1/caCertificates'
      target: {group: alibabacloud.com, version: v1, kind: AlbConfig, name: 'alb'}"""
    )


def test_off_is_written_down_and_keeps_the_ca_certificate() -> None:
    patch = one(alb(HTTPS), ca_enabled=False).patch
    assert [operation["value"] for operation in patch if operation["op"] == "add"] == [
        False,
        FIELDS["caCertificates"],
    ]


def test_yaml_and_json_say_the_same() -> None:
    document = alb(HTTP, HTTPS, {"port": "8443", "protocol": "HTTPS", "CAENABLED": None})
    rendered = [one(document), one(document, name="admin", port=8443, ca_enabled=False)]
    kustomization, application, flux = pasted(rendered)
    read = json.loads(as_json(rendered))
    assert read["version"] == 1
    assert "error" not in read
    assert [
        {**patch, "patch": json.loads(patch["patch"])} for patch in read["kustomization"]["patches"]
    ] == kustomization["patches"]
    assert read["application"] == application
    assert read["fluxKustomization"] == flux
    assert [listener["patch"] for listener in read["listeners"]] == [
        patch["patch"] for patch in kustomization["patches"]
    ]
    admin = dict(read["listeners"][1])
    del admin["patch"]
    assert admin == {
        "component": "mtls",
        "name": "admin",
        "albConfig": "alb",
        "port": 8443,
        "protocol": "HTTPS",
        "index": 2,
        "caEnabled": False,
        "caCertificates": [{"CertificateId": ID}],
    }


def test_one_rule_for_each_albconfig() -> None:
    both = alb(HTTPS, {"port": 8443, "protocol": "HTTPS"})
    other = alb(HTTPS, name="internal")
    rendered = [one(both), one(both, port=8443), one(other, alb_config="internal")]
    _, application, _ = pasted(rendered)
    rules = application["spec"]["ignoreDifferences"]
    assert [(rule["name"], len(rule["jqPathExpressions"])) for rule in rules] == [("alb", 6), ("internal", 3)]


def test_with_several_components_each_listener_says_whose_it_is() -> None:
    rendered = [render(component, wished(), alb(HTTPS)) for component in ("public", "partners")]
    assert "# listener https of public: 443/HTTPS" in as_yaml(rendered)
    assert "# listener https of partners: 443/HTTPS" in as_yaml(rendered)


@pytest.mark.parametrize("name", ["https\n- op: remove", "https # x", "'", '"', "日本", "{}"])
def test_a_listeners_name_stays_in_its_comment(name: str) -> None:
    assert pasted([one(alb(HTTPS), name=name)]) == pasted([one(alb(HTTPS))])


@pytest.mark.parametrize("name", ["alb.prod", "123", "1e3", "true", "null", "0x1f"])
def test_an_albconfigs_name_stays_text_and_matches_nothing_else(name: str) -> None:
    kustomization, application, flux = pasted([one(alb(HTTPS, name=name), alb_config=name)])
    assert kustomization["patches"][0]["target"]["name"] == name.replace(".", "\\.")
    assert flux["spec"]["ignore"][0]["target"] == kustomization["patches"][0]["target"]
    assert application["spec"]["ignoreDifferences"][0]["name"] == name


@pytest.mark.parametrize("id", ["12345e67", "0123", "true", "2026-01-01", "a: b", "日本", "'"])
def test_a_certificate_id_stays_text(id: str) -> None:
    kustomization, *_ = pasted([one(alb(HTTPS), id=id)])
    assert kustomization["patches"][0]["patch"][-1]["value"] == [{"CertificateId": id}]


def test_what_else_an_item_says_of_the_same_certificate_is_kept_as_the_provider_keeps_it() -> None:
    item = {"CertificateId": ID, "IsDefault": True}
    assert one(alb({**HTTPS, "caCertificates": [item]})).patch[-1]["value"] == [item]
    assert one(alb({**HTTPS, "caCertificates": [{**item, "CertificateId": "another"}]})).patch[-1][
        "value"
    ] == [{"CertificateId": ID}]


def test_a_listener_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(ListenerMissing, match="no listener on port 443, it has 80/HTTP"):
        one(alb(HTTP))


def test_a_listener_without_a_ca_certificate_in_the_state_is_an_error() -> None:
    with pytest.raises(
        UserError, match="no CA certificate for listener https: the last `pulumi up` did not get to the end"
    ):
        one(alb(HTTPS), id=None)


def test_by_hand_names_listener_and_fields() -> None:
    assert (
        by_hand([wished(), wished(port=8443, ca_enabled=False)])
        == "into listener 443/HTTPS of AlbConfig alb caEnabled: true and caCertificates: [{CertificateId:"
        f" {ID}}}]; into listener 8443/HTTPS of AlbConfig alb caEnabled: false and caCertificates:"
        f" [{{CertificateId: {ID}}}]"
    )


def test_an_error_is_a_document_of_the_same_kind() -> None:
    document = json.loads(error_as_json("no cluster", NOTHING))
    assert (document["version"], document["error"], document["listeners"]) == (1, "no cluster", [])


@given(documents(), st.booleans())
@settings(max_examples=examples(300))
def test_the_patch_gives_any_albconfig_the_two_fields_and_nothing_else(
    made: tuple[Document, int], ca_enabled: bool
) -> None:
    document, port = made
    rendered = one(document, port=port, ca_enabled=ca_enabled)
    patched = apply(rendered.patch, document)
    assert fulfils(find_listener(patched, port), Desired(ca_enabled, ID))
    assert apply(rendered.patch, patched) == patched
    before, after = find_listener(document, port), find_listener(patched, port)
    ours = {before.key("caEnabled"), before.key("caCertificates")}
    assert {key: value for key, value in after.fields.items() if key not in ours} == {
        key: value for key, value in before.fields.items() if key not in ours
    }
    assert without_listener(patched, port) == without_listener(document, port)


@given(documents())
@settings(max_examples=examples(100))
def test_the_patch_fails_where_the_listener_stands_elsewhere(made: tuple[Document, int]) -> None:
    document, port = made
    patch = one(document, port=port).patch
    moved = copy.deepcopy(document)
    live = find_listener(moved, port)
    moved[live.path[0]][live.path[1]].insert(0, dict(HTTP))
    with pytest.raises(TestFailed):
        apply(patch, moved)


@given(documents(), st.booleans())
@settings(max_examples=examples(300))
def test_what_argo_cd_ignores_is_what_the_provider_writes(
    made: tuple[Document, int], ca_enabled: bool
) -> None:
    document, port = made
    rendered = one(document, port=port, ca_enabled=ca_enabled)
    expressions = json.loads(as_json([rendered]))["application"]["spec"]["ignoreDifferences"][0][
        "jqPathExpressions"
    ]
    claimed = apply(rendered.patch, document)
    annotations = {**(document["metadata"].get("annotations") or {}), f"albmtls/{port}-https": "claim"}
    claimed = {**claimed, "metadata": {**document["metadata"], "annotations": annotations}}
    bare = (
        document
        if document["metadata"].get("annotations")
        else {**document, "metadata": {**document["metadata"], "annotations": {}}}
    )
    for expression in expressions:
        bare, claimed = deleted(expression, bare), deleted(expression, claimed)
    assert claimed == bare


@pytest.mark.parametrize(
    "document", [{"metadata": {}, "spec": {}}, {"metadata": {}, "spec": {"listeners": None}}, alb(HTTP)]
)
def test_the_rules_do_no_harm_to_an_albconfig_without_the_listener(document: Document) -> None:
    for expression in json.loads(as_json([one(alb(HTTPS))]))["application"]["spec"]["ignoreDifferences"][0][
        "jqPathExpressions"
    ]:
        assert deleted(expression, document) == document


def without_listener(document: Document, port: int) -> Document:
    rest = copy.deepcopy(document)
    live = find_listener(rest, port)
    del rest[live.path[0]][live.path[1]][int(live.path[-1])]
    return rest
