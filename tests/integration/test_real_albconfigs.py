"""Real AlbConfigs, as published: the patch changes two keys of the HTTPS listener and one
annotation, and destroy takes all of it back.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.engine import REPOSITORY, Sandbox, Stack, succeed

pytestmark = pytest.mark.campaign

ALBCONFIGS = REPOSITORY / "tests/data/albconfigs"
# As published these are no YAML; tests/data/albconfigs/INDEX.md says why.
INVALID = {
    "blog_alb_demo_invalid.yaml",
    "crawl_broken_indent_invalid.yaml",
    "usage_md_reuse_star_id_invalid.yaml",
}


def document(path: Path) -> dict[str, Any]:
    """The file as an AlbConfig that an API server takes: placeholders filled in, fragments
    completed, a name of its own.
    """
    text = re.sub(r"\$\{(\w+)\}", r"\1", path.read_text())
    found = yaml.safe_load(text)
    spec = found.get("spec") or {"listeners": found["listeners"]}
    labels = (found.get("metadata") or {}).get("labels") or {}
    name = path.stem.replace("_", "-")
    return {
        "apiVersion": "alibabacloud.com/v1",
        "kind": "AlbConfig",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


DOCUMENTS = {
    path.stem.replace("_", "-"): document(path)
    for path in sorted(ALBCONFIGS.glob("*.yaml"))
    if path.name not in INVALID
}


def https_port(wanted: dict[str, Any]) -> int | None:
    return next(
        (
            int(item["port"])
            for item in wanted["spec"].get("listeners") or []
            if item.get("protocol") == "HTTPS"
        ),
        None,
    )


WITH_HTTPS = {name: port for name, wanted in DOCUMENTS.items() if (port := https_port(wanted)) is not None}


@pytest.fixture(scope="module")
def applied(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Any]]]:
    """All of them on the cluster, as the API server holds them before anything is patched."""
    path = tmp_path_factory.mktemp("albconfigs") / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(DOCUMENTS.values())}))
    sandbox.kubectl("create", "-f", path)
    yield {name: sandbox.albconfig(name) for name in DOCUMENTS}
    sandbox.kubectl("delete", "-f", path)


def test_the_corpus_is_whole() -> None:
    assert len(DOCUMENTS) == 21
    assert len(WITH_HTTPS) == 12


def test_two_keys_of_the_https_listener_and_one_annotation_change_and_destroy_takes_them_back(
    applied: dict[str, dict[str, Any]], sandbox: Sandbox, program: Path
) -> None:
    stack = Stack("corpus", program, sandbox)
    stack.set(
        awaitListener=False, listeners={name: stack.listener(name, port) for name, port in WITH_HTTPS.items()}
    )
    try:
        stack.up()
        ca_id = json.loads(succeed(stack.pulumi("stack", "output", "--json")))["caCertificateId"]
        for name, port in WITH_HTTPS.items():
            expected = copy.deepcopy(applied[name]["spec"])
            for item in expected["listeners"]:
                if str(item["port"]) == str(port) and item["protocol"] == "HTTPS":
                    item |= {"caEnabled": True, "caCertificates": [{"CertificateId": ca_id}]}
            now = sandbox.albconfig(name)
            assert now["spec"] == expected, name
            added = (
                now["metadata"]["annotations"].keys()
                - applied[name]["metadata"].get("annotations", {}).keys()
            )
            assert added == {f"albmtls/{port}-https"}, name
        assert stack.preview("--expect-no-changes").returncode == 0
    finally:
        stack.remove()
    for name in WITH_HTTPS:
        now = sandbox.albconfig(name)
        assert now["spec"] == applied[name]["spec"], name
        assert now["metadata"].get("annotations", {}) == applied[name]["metadata"].get("annotations", {}), (
            name
        )


def test_an_alb_config_without_an_https_listener_is_refused_in_one_sentence(
    applied: dict[str, dict[str, Any]], sandbox: Sandbox, program: Path
) -> None:
    stack = Stack("corpus-without", program, sandbox)
    without = sorted(DOCUMENTS.keys() - WITH_HTTPS.keys())
    try:
        for name in without:
            stack.set(awaitListener=False, listeners={name: stack.listener(name, 443)})
            done = stack.preview()
            assert done.returncode != 0, name
            errors = [
                line.strip()
                for line in (done.stdout + done.stderr).splitlines()
                if line.strip().startswith("error: ")
            ]
            assert any(name in line and "443" in line for line in errors), (name, errors)
    finally:
        stack.remove()
    for name in without:
        assert sandbox.albconfig(name)["spec"] == applied[name]["spec"]
