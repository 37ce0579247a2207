"""The permissions of docs/permissions: what its files grant, and users of the sandbox who have just
that, or less.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.sandbox.layout import NAME
from tests.integration.engine import REPOSITORY, Sandbox, run

FOLDER = REPOSITORY / "docs/permissions"
NAMESPACE = "alb-mutual-tls"
Document = dict[str, Any]


@dataclass(frozen=True)
class Permission:
    """One verb on one resource.

    `file` and `role`: kind and name of the role that grants it, and where it stands. `namespace`:
    None for all. `names`: the only objects, all when empty.
    """

    file: str
    role: tuple[str, str]
    namespace: str | None
    group: str
    resource: str
    names: tuple[str, ...]
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + "".join(f" {name}" for name in self.names)


def documents(file: str) -> list[Document]:
    """The objects of `rbac-<file>.yaml`."""
    return [item for item in yaml.safe_load_all((FOLDER / f"rbac-{file}.yaml").read_text()) if item]


def permissions(file: str) -> list[Permission]:
    """What `rbac-<file>.yaml` grants, verb by verb."""
    return [permission for document in documents(file) for permission in _granted(file, document)]


def actions(policy: str) -> set[str]:
    """The actions that the RAM policy `ram-<policy>.json` allows."""
    document = json.loads((FOLDER / f"ram-{policy}.json").read_text())
    assert document["Version"] == "1"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return {action for statement in document["Statement"] for action in statement["Action"]}


def _granted(file: str, document: Document) -> list[Permission]:
    role, namespace = (document["kind"], document["metadata"]["name"]), document["metadata"].get("namespace")
    return [
        Permission(file, role, namespace, group, resource, tuple(rule.get("resourceNames", ())), verb)
        for rule in document.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


@dataclass
class Users:
    """The ServiceAccounts of the files on a sandbox; `kubeconfig` is the file by which a stack
    reaches the cluster, as whoever acts.

    `albconfigs`: the names that stand in the rules in the place of `alb`, as readers are told to
    put theirs.
    """

    sandbox: Sandbox
    kubeconfig: Path
    albconfigs: tuple[str, ...] = ("alb",)

    def create(self, *files: str) -> None:
        """Apply files, as their page says, after their namespaces."""
        objects = [self._named(document) for file in files for document in documents(file)]
        for namespace in {one["metadata"].get("namespace", NAMESPACE) for one in objects} - {"kube-system"}:
            self.sandbox.namespace(namespace)
        self._apply(objects)

    def delete(self, *files: str) -> None:
        """Take away what the files made; namespaces stay."""
        for file in files:
            self.sandbox.kubectl("delete", "-f", FOLDER / f"rbac-{file}.yaml")

    def act_as(self, user: str) -> None:
        """From now on the kubeconfig is this user's, with a token of an hour."""
        config = yaml.safe_load((self.sandbox.directory / "kubeconfig").read_text())
        account = f"alb-mutual-tls-{user}"
        token = self.sandbox.kubectl(
            "create", "token", account, "--namespace", NAMESPACE, "--duration", "1h"
        ).strip()
        (context,) = config["contexts"]
        assert context["name"] == NAME
        config["users"] = [{"name": context["context"]["user"], "user": {"token": token}}]
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @contextmanager
    def without(self, user: str, permission: Permission) -> Iterator[None]:
        """As long as this lasts, the user lacks one verb on one resource."""
        (whole,) = [
            one
            for one in documents(permission.file)
            if (one["kind"], one["metadata"]["name"]) == permission.role
        ]
        rules = [_rule(one) for one in _granted(permission.file, whole) if one != permission]
        self._apply([self._named({**whole, "rules": rules})])
        self._until(user, permission, may=False)
        try:
            yield
        finally:
            self._apply([self._named(whole)])
            self._until(user, permission, may=True)

    def requests(self, since: int) -> list[tuple[str, str, int]]:
        """Verb, resource and HTTP status of every request that one of the users has sent, from
        place `since` of the audit log on.
        """
        return [
            (event["verb"], event["objectRef"]["resource"], event["responseStatus"]["code"])
            for event in self.sandbox.audit_log()[since:]
            if event["user"]["username"].startswith(f"system:serviceaccount:{NAMESPACE}:")
        ]

    def _named(self, document: Document) -> Document:
        rules = [
            {**rule, "resourceNames": list(self.albconfigs)} if _of_albconfigs(rule) else rule
            for rule in document.get("rules", ())
        ]
        return {**document, "rules": rules} if rules else document

    def _apply(self, objects: list[Document]) -> None:
        file = self.kubeconfig.with_name("apply.yaml")
        file.write_text(yaml.safe_dump_all(objects))
        self.sandbox.kubectl("apply", "-f", file)

    def _until(self, user: str, permission: Permission, *, may: bool) -> None:
        """Wait until the API server knows: what it decides by follows what is stored."""
        what = ".".join(filter(None, (permission.resource, permission.group))) + "".join(
            f"/{name}" for name in permission.names[:1]
        )
        where = ("--namespace", permission.namespace) if permission.namespace else ("--all-namespaces",)
        command = (
            "kubectl",
            "auth",
            "can-i",
            permission.verb,
            what,
            *where,
            f"--as=system:serviceaccount:{NAMESPACE}:alb-mutual-tls-{user}",
        )
        deadline = time.monotonic() + 20
        while (run(*command, env=self.sandbox.env).stdout.strip() == "yes") is not may:
            assert time.monotonic() < deadline, command
            time.sleep(0.05)


def _of_albconfigs(rule: Document) -> bool:
    return rule["resources"] == ["albconfigs"] and "resourceNames" in rule


def _rule(permission: Permission) -> Document:
    rule: Document = {
        "apiGroups": [permission.group],
        "resources": [permission.resource],
        "verbs": [permission.verb],
    }
    return {**rule, "resourceNames": list(permission.names)} if permission.names else rule
