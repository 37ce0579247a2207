"""The kubernetes stand-in as the engine meets it: a process that speaks the Pulumi protocol and
keeps Secrets on a real kube-apiserver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.cluster.cluster import Cluster
from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2
from alb_mutual_tls.wire import UNKNOWN, Properties
from dev.toolchain.places import HERE
from dev.toolchain.plugins.kubernetes.provider import NAME, VERSION
from dev.toolchain.versions import load, pinned
from tests.contract.listener.conftest import ControlPlane
from tests.contract.listener.kubernetes_plugin import (
    CONFIGURATION,
    STRICT,
    Plugin,
    encoded,
    secrets,
    started,
    wanted,
)

SANDBOX_FILE = "sandbox.json"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("sandbox")
    (directory / SANDBOX_FILE).write_text("{}")
    return {"ALB_MUTUAL_TLS_SANDBOX": str(directory), "PULUMI_BACKEND_URL": f"file://{directory}/state"}


@pytest.fixture(scope="module")
def plugins(environment: dict[str, str], plane: ControlPlane) -> Iterator[dict[str, Plugin]]:
    """The plugin as our program configures it, and as it is by default; with the kubeconfig of the
    configuration, and of the environment.
    """
    place = {"kubeconfig": str(plane.kubeconfig), "context": "alb-mutual-tls-sandbox"}
    with started(environment) as ours, started(environment | {"KUBECONFIG": str(plane.kubeconfig)}) as strict:
        yield {"ours": ours.configure(CONFIGURATION | place), "strict": strict.configure(STRICT)}


@pytest.fixture(scope="module")
def plugin(plugins: dict[str, Plugin]) -> Plugin:
    return plugins["ours"]


@pytest.fixture(scope="module")
def strict(plugins: dict[str, Plugin]) -> Plugin:
    return plugins["strict"]


def kubeconfig(plane: ControlPlane, file: Path, *, server: str | None = None) -> str:
    """Write a kubeconfig of the control plane, or of another one; returns its path."""
    content = yaml.safe_load(plane.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = server or plane.server
    file.write_text(yaml.safe_dump(content))
    return str(file)


def live(plane: ControlPlane, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        plane.kubectl("get", "secret", name, "-o", "json", "--show-managed-fields")
    )
    return found


def managers(plane: ControlPlane, name: str) -> dict[tuple[str, str], list[str]]:
    """Manager and operation -> the keys of `data` that it owns."""
    entries = live(plane, name)["metadata"]["managedFields"]
    return {
        (one["manager"], one["operation"]): sorted(
            key[2:] for key in one["fieldsV1"].get("f:data", {}) if key != "."
        )
        for one in entries
    }


def test_it_says_which_version_it_stands_in_for(plugin: Plugin) -> None:
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    assert load().plugins[NAME] == "pulumi-kubernetes"
    assert pinned("pulumi-kubernetes", (HERE.repository / "requirements.txt").read_text()) == VERSION


@pytest.mark.parametrize("missing", ["ALB_MUTUAL_TLS_SANDBOX", "PULUMI_BACKEND_URL"])
def test_outside_the_sandbox_it_refuses_in_one_sentence_and_makes_nothing(
    environment: dict[str, str], missing: str
) -> None:
    sentence = (
        f"the kubernetes stand-in serves only the sandbox, and {missing} is not set: run `. .sandbox/env`"
        " first"
    )
    with started({name: value for name, value in environment.items() if name != missing}) as plugin:
        checked = plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn="urn:x"))
        assert [failure.reason.startswith(sentence) for failure in checked.failures] == [True]
        configure = provider_pb2.ConfigureRequest(args=to_struct({}), acceptSecrets=True)
        assert plugin.refused(lambda: plugin.stub.Configure(configure)).startswith(sentence)
        assert plugin.refused(lambda: plugin.create(wanted("x"))).startswith(sentence)


def test_a_cluster_that_is_not_the_sandboxs_is_not_asked(
    environment: dict[str, str], plane: ControlPlane, tmp_path: Path
) -> None:
    elsewhere = kubeconfig(plane, tmp_path / "config", server="https://127.0.0.2:9")
    with started(environment) as plugin:
        plugin.configure({"kubeconfig": elsewhere})
        for preview in (False, True):
            said = plugin.refused(partial(plugin.create, wanted("x"), preview))
            assert said.startswith("the kubernetes stand-in serves only the sandbox, and kubeconfig ")
            assert "leads to 127.0.0.2: use the sandbox's" in said


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        (
            {"renderYamlToDirectory": "x"},
            "the kubernetes stand-in does not know renderYamlToDirectory: remove it on the sandbox",
        ),
        (
            {"enableServerSideApply": "false"},
            "the kubernetes stand-in knows enableServerSideApply true only: remove it",
        ),
        (
            {"deleteUnreachable": "true"},
            "the kubernetes stand-in knows deleteUnreachable false only: remove it",
        ),
    ],
)
def test_configuration_that_it_does_not_serve_is_refused(
    plugin: Plugin, configuration: Properties, sentence: str
) -> None:
    checked = plugin.stub.CheckConfig(provider_pb2.CheckRequest(urn="urn:x", news=to_struct(configuration)))
    assert [failure.reason for failure in checked.failures] == [sentence]


def test_inputs_that_it_does_not_serve_are_refused(plugin: Plugin) -> None:
    assert plugin.check(wanted("x")) == []
    assert plugin.check({**wanted("x"), "metadata": UNKNOWN}) == []
    assert plugin.check({**wanted("x"), "metadata": {}, "kind": "ConfigMap", "stringData": {}}) == [
        (
            "name: the kubernetes stand-in does not know stringData of a Secret: it knows apiVersion, kind,"
            " metadata, type, data, immutable"
        ),
        "kind of a Secret is 'ConfigMap': it must be Secret",
        "metadata.namespace is not set: give it, as the kubernetes stand-in makes none up",
        "metadata.name is not set: give it, as the kubernetes stand-in makes none up",
    ]


@pytest.mark.parametrize("which", ["ours", "strict"])
def test_a_secret_is_made_with_the_state_of_the_real_plugin(
    plugins: dict[str, Plugin], plane: ControlPlane, which: str
) -> None:
    inputs = wanted(f"made-{which}", labels={"app": "shop"})
    answer = plugins[which].create(inputs)
    state = from_struct(answer.properties)
    found = live(plane, f"made-{which}")
    assert answer.id == f"default/made-{which}"
    assert {key: state[key] for key in found} == found
    assert (state["__inputs"], state["__initialApiVersion"]) == (inputs, "v1")
    assert secrets(answer.properties) == {"data", "__inputs"}
    operation = "Apply" if which == "ours" else "Update"
    assert managers(plane, f"made-{which}") == {(state["__fieldManager"], operation): ["tls.crt", "tls.key"]}
    assert state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert plugins[which].changes(state, inputs) == {}
    assert from_struct(plugins[which].read(state).inputs) == inputs


def test_one_that_is_there_already_is_refused_and_left_alone_unless_the_provider_upserts(
    plugin: Plugin, strict: Plugin, plane: ControlPlane
) -> None:
    plane.kubectl(
        "create",
        "secret",
        "generic",
        "theirs",
        "--type=kubernetes.io/tls",
        "--from-literal=tls.crt=a",
        "--from-literal=tls.key=b",
    )
    before = live(plane, "theirs")
    assert (
        strict.refused(lambda: strict.create(wanted("theirs")))
        == "resource default/theirs was not successfully created by the Kubernetes API server: 409: secrets"
        ' "theirs" already exists; choose another name, or delete what is there if nobody needs it'
    )
    assert from_struct(strict.create(wanted("theirs"), preview=True).properties) == wanted("theirs")
    assert "Apply failed with 2 conflicts" in plugin.refused(lambda: plugin.create(wanted("theirs")))
    assert live(plane, "theirs") == before
    assert plugin.make(wanted("theirs", force=True))["data"]["tls.crt"] == encoded("certificate")


def test_previews_are_dry_runs(plugin: Plugin, strict: Plugin, plane: ControlPlane) -> None:
    for one in (plugin, strict):
        answer = one.create(wanted("dry"), preview=True)
        assert answer.id == ""
        assert "uid" in from_struct(answer.properties)["metadata"]
        assert (
            from_struct(one.create({**wanted("dry"), "data": UNKNOWN}, preview=True).properties)["data"]
            is UNKNOWN
        )
        nowhere = {**wanted("dry"), "metadata": {"namespace": "nowhere", "name": "dry"}}
        assert from_struct(one.create(nowhere, preview=True).properties) == nowhere
        assert 'namespaces "nowhere" not found; make the namespace first' in one.refused(
            partial(one.create, nowhere)
        )
    assert "dry" not in plane.kubectl("get", "secrets", "-o", "name")
    state = plugin.make(wanted("wet"))
    assert plugin.update(state, wanted("wet", data={"tls.crt": "new"}), preview=True)["data"][
        "tls.crt"
    ] == encoded("new")
    assert live(plane, "wet")["data"]["tls.crt"] == encoded("certificate")
    assert plugin.update(state, {**wanted("wet"), "data": UNKNOWN}, preview=True)["data"] is UNKNOWN


def test_new_content_changes_the_secret_in_place_if_the_provider_has_mutable_secrets(
    plugin: Plugin, strict: Plugin
) -> None:
    state = plugin.make(wanted("content"))
    new = wanted("content", labels={"albmtls/client": "web"}, data={"tls.crt": "new", "ca.crt": "root"})
    assert plugin.changes(state, new) == {
        'data["ca.crt"]': "ADD",
        'data["tls.crt"]': "UPDATE",
        "metadata.labels": "ADD",
    }
    updated = plugin.update(state, new)
    assert updated["metadata"]["uid"] == state["metadata"]["uid"]
    assert updated["data"] == new["data"]
    assert plugin.changes(updated, wanted("content")) == {
        'data["ca.crt"]': "DELETE",
        'data["tls.crt"]': "UPDATE",
        "metadata.labels": "DELETE",
    }
    back = plugin.update(updated, wanted("content"))
    assert back["data"] == wanted("content")["data"]
    assert "labels" not in back["metadata"]
    assert strict.changes(state, new)['data["tls.crt"]'] == "UPDATE_REPLACE"
    assert strict.diff(state, new).deleteBeforeReplace
    assert plugin.changes(state, {**new, "immutable": True})['data["tls.crt"]'] == "UPDATE_REPLACE"


def test_another_name_namespace_or_type_replaces_it(plugin: Plugin) -> None:
    state = plugin.make(wanted("named"))
    other = plugin.diff(state, wanted("other"))
    assert (list(other.replaces), other.deleteBeforeReplace) == (["metadata.name"], False)
    assert plugin.changes(
        state, {**wanted("named"), "metadata": {"namespace": "kube-system", "name": "named"}}
    ) == {"metadata.namespace": "UPDATE_REPLACE"}
    typed = plugin.diff(state, {**wanted("named"), "type": "Opaque"})
    assert (list(typed.replaces), typed.deleteBeforeReplace) == (["type"], True)


def test_what_is_not_known_yet_is_listed_as_deleted_and_replaces_as_that_would(
    plugin: Plugin, strict: Plugin
) -> None:
    state = plugin.make(wanted("unknown", labels={"app": "shop"}))
    data: Properties = {**wanted("unknown", labels={"app": "shop"}), "data": UNKNOWN}
    assert plugin.changes(state, data) == {'data["tls.crt"]': "DELETE", 'data["tls.key"]': "DELETE"}
    assert strict.changes(state, data) == {
        'data["tls.crt"]': "DELETE_REPLACE",
        'data["tls.key"]': "DELETE_REPLACE",
    }
    for one in (plugin, strict):
        assert one.changes(state, {**wanted("unknown"), "metadata": UNKNOWN}) == {
            "metadata.labels": "DELETE",
            "metadata.name": "DELETE_REPLACE",
            "metadata.namespace": "DELETE_REPLACE",
        }
    label: Properties = wanted("unknown", labels={"app": "shop"})
    label["metadata"]["labels"]["app"] = UNKNOWN
    assert strict.changes(state, label) == {"metadata.labels.app": "UPDATE"}


def test_what_others_write_is_seen_and_put_back_or_refused(plugin: Plugin, plane: ControlPlane) -> None:
    gentle, forced = wanted("edited"), wanted("edited", force=True)
    state = plugin.make(gentle)
    edit = (
        "patch",
        "secret",
        "edited",
        "--type=merge",
        "-p",
        json.dumps({"data": {"tls.crt": encoded("forged"), "more": encoded("x")}}),
    )
    plane.kubectl(*edit)
    refreshed = plugin.refreshed(state)
    assert plugin.changes(refreshed, gentle) == {
        'data["tls.crt"]': "UPDATE"
    }  # what nobody declared is no change
    assert plugin.update(refreshed, gentle)["data"]["tls.crt"] == encoded(
        "certificate"
    )  # kubectl is taken over from
    plane.kubectl(*edit, "--field-manager=console")
    assert 'conflict with "console"' in plugin.refused(lambda: plugin.update(plugin.refreshed(state), gentle))
    assert live(plane, "edited")["data"]["tls.crt"] == encoded("forged")
    assert plugin.update(plugin.refreshed(state), forced)["data"]["tls.crt"] == encoded("certificate")


def test_an_update_takes_over_from_a_create(strict: Plugin, plugin: Plugin, plane: ControlPlane) -> None:
    state = strict.make(wanted("over", data={"ca.crt": "root"}))
    assert "ca.crt" not in plugin.update(state, wanted("over"))["data"]
    assert managers(plane, "over") == {(state["__fieldManager"], "Apply"): ["tls.crt", "tls.key"]}


def test_one_that_is_missing_is_gone_and_its_update_fails(plugin: Plugin, plane: ControlPlane) -> None:
    state = plugin.make(wanted("missing"))
    plane.kubectl("delete", "secret", "missing")
    assert plugin.read(state).id == ""
    assert "it is not there any more" in plugin.refused(lambda: plugin.update(state, wanted("missing")))
    plugin.delete(state)


def test_a_delete_removes_it(plugin: Plugin, plane: ControlPlane) -> None:
    state = plugin.make(wanted("removed"))
    plugin.delete(state)
    assert "removed" not in plane.kubectl("get", "secrets", "-o", "name")


def test_a_cluster_that_does_not_answer_is_an_error_and_never_gone(
    plugin: Plugin, environment: dict[str, str], plane: ControlPlane, tmp_path: Path
) -> None:
    state = plugin.make(wanted("unreachable"))
    config = tmp_path / "config"
    config.write_text(plane.kubeconfig.read_text().replace(plane.server, "https://127.0.0.1:9"))
    with started(environment) as other:
        other.configure({"kubeconfig": str(config)})
        for act in (
            lambda: other.read(state),
            lambda: other.delete(state),
            lambda: other.update(state, wanted("unreachable")),
        ):
            assert other.refused(act).startswith("configured Kubernetes cluster is unreachable: ")
    config.unlink()
    with started(environment) as other:
        other.configure({"kubeconfig": str(config)})
        assert f"kubeconfig {config} cannot be used (FileNotFoundError" in other.refused(
            lambda: other.read(state)
        )
    assert "unreachable" in plane.kubectl("get", "secrets", "-o", "name")


def test_a_preview_shows_the_inputs_where_the_cluster_does_not_answer_or_there_is_no_kubeconfig(
    strict: Plugin, environment: dict[str, str], plane: ControlPlane, tmp_path: Path
) -> None:
    state = strict.make(wanted("previewed"))
    new = wanted("previewed", data={"tls.crt": "new"})
    for config in (
        kubeconfig(plane, tmp_path / "closed", server="https://127.0.0.1:9"),
        str(tmp_path / "no"),
    ):
        with started(environment | {"KUBECONFIG": config}) as other:
            other.configure({})
            assert from_struct(other.create(new, preview=True).properties) == new
            assert other.update(state, new, preview=True) == new
            assert other.changes(state, new) == {'data["tls.crt"]': "UPDATE_REPLACE"}
            for act in (lambda: other.create(new), lambda: other.update(state, new)):
                assert other.refused(act)


def test_another_cluster_of_the_configuration_replaces_unless_an_identifier_stays(
    plugin: Plugin, plane: ControlPlane, tmp_path: Path
) -> None:
    here = {"kubeconfig": str(plane.kubeconfig)}
    moved = {"kubeconfig": kubeconfig(plane, tmp_path / "moved")}
    other = {"kubeconfig": kubeconfig(plane, tmp_path / "other", server="https://127.0.0.1:9")}
    named, renamed = {"clusterIdentifier": "one"}, {"clusterIdentifier": "two"}

    def replaced(old: Properties, new: Properties) -> tuple[list[str], list[str]]:
        found = plugin.diff_config(old, new)
        assert found.changes == (found.DIFF_SOME if found.diffs else found.DIFF_NONE)
        return list(found.diffs), list(found.replaces)

    assert replaced(here, here) == ([], [])
    assert replaced(here, moved) == (["kubeconfig"], [])
    assert replaced(here, other) == (["kubeconfig"], ["kubeconfig"])
    assert replaced({}, other) == (["kubeconfig"], [])
    assert replaced(here, {"kubeconfig": UNKNOWN}) == (["kubeconfig"], ["kubeconfig"])
    assert replaced(here | named, here | renamed) == (["clusterIdentifier"], ["clusterIdentifier"])
    assert replaced(here, here | named) == (["clusterIdentifier"], [])
    assert replaced(here | named, other | named) == (["kubeconfig"], [])
    assert replaced(named, named | {"enableSecretMutable": "true"}) == (["enableSecretMutable"], [])


@pytest.mark.parametrize("missing", ["old", "new"])
def test_a_kubeconfig_that_is_not_there_is_the_error_that_the_engine_passes_over(
    plugin: Plugin, plane: ControlPlane, tmp_path: Path, missing: str
) -> None:
    there = {"kubeconfig": str(plane.kubeconfig)}
    gone = {"kubeconfig": str(tmp_path / "gone")}
    said = plugin.refused(lambda: plugin.diff_config(*((gone, there) if missing == "old" else (there, gone))))
    assert said.startswith("failed to parse kubeconfig: ")
    assert "cannot unmarshal string into Go value of type struct" in said


def test_the_cluster_client_of_our_provider_reads_metadata_and_deletes_only_the_secret_that_it_has_seen(
    plane: ControlPlane, cluster: Cluster
) -> None:
    plane.kubectl("create", "secret", "generic", "seen")
    found = cluster.secret_metadata("default", "seen")
    assert found is not None
    with pytest.raises(Exception, match="the UID in the precondition"):
        cluster.delete_secret("default", "seen", "another-uid")
    cluster.delete_secret("default", "seen", found["uid"])
    assert cluster.secret_metadata("default", "seen") is None
    cluster.delete_secret("default", "seen", found["uid"])
    assert cluster.secret_metadata("nowhere", "seen") is None
