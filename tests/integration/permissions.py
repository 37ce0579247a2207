"""The permissions of docs/permissions: what its files grant, and users of the sandbox who have just that, or less."""

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
    """One verb on one resource; `role`: kind and name of the role that grants it, `names`: the only objects, all of them when empty."""

    role: tuple[str, str]
    group: str
    resource: str
    names: tuple[str, ...]
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + "".join(f" {name}" for name in self.names)


def documents(user: str) -> list[Document]:
    """The objects of `rbac-<user>.yaml`."""
    return [item for item in yaml.safe_load_all((FOLDER / f"rbac-{user}.yaml").read_text()) if item]


def permissions(user: str) -> list[Permission]:
    """What `rbac-<user>.yaml` grants, verb by verb."""
    return [permission for document in documents(user) for permission in _granted(document)]


def actions(policy: str) -> set[str]:
    """The actions that the RAM policy `ram-<policy>.json` allows."""
    document = json.loads((FOLDER / f"ram-{policy}.json").read_text())
    assert document["Version"] == "1"
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return {action for statement in document["Statement"] for action in statement["Action"]}


def _granted(document: Document) -> list[Permission]:
    role = document["kind"], document["metadata"]["name"]
    return [
        Permission(role, group, resource, tuple(rule.get("resourceNames", ())), verb)
        for rule in document.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


@dataclass
class Users:
    """The ServiceAccounts of the files on a sandbox; `kubeconfig` is the file by which a stack reaches the cluster, as whoever acts.

    `albconfigs`: the names that stand in the rules in the place of `alb`, as readers are told to put theirs.
    """

    sandbox: Sandbox
    kubeconfig: Path
    albconfigs: tuple[str, ...] = ("alb",)

    def create(self, *users: str) -> None:
        """Apply the files, as their page says."""
        if NAMESPACE not in self.sandbox.kubectl("get", "namespaces", "-o", "name"):
            self.sandbox.kubectl("create", "namespace", NAMESPACE)
        for user in users:
            self._apply([self._named(document) for document in documents(user)])

    def delete(self, *users: str) -> None:
        for user in users:
            self.sandbox.kubectl("delete", "-f", FOLDER / f"rbac-{user}.yaml")

    def act_as(self, user: str) -> None:
        """From now on the kubeconfig is this user's, with a token of an hour."""
        config = yaml.safe_load((self.sandbox.directory / "kubeconfig").read_text())
        account = f"alb-mutual-tls-{user}"
        token = self.sandbox.kubectl("create", "token", account, "--namespace", NAMESPACE, "--duration", "1h").strip()
        (context,) = config["contexts"]
        assert context["name"] == NAME
        config["users"] = [{"name": context["context"]["user"], "user": {"token": token}}]
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    @contextmanager
    def without(self, user: str, permission: Permission) -> Iterator[None]:
        """As long as this lasts, the user lacks one verb on one resource."""
        (whole,) = [one for one in documents(user) if (one["kind"], one["metadata"]["name"]) == permission.role]
        rules = [_rule(one) for one in _granted(whole) if one != permission]
        self._apply([self._named({**whole, "rules": rules})])
        self._until(user, permission, may=False)
        try:
            yield
        finally:
            self._apply([self._named(whole)])
            self._until(user, permission, may=True)

    def requests(self, since: int) -> list[tuple[str, str, int]]:
        """Verb, resource and HTTP status of every request that one of the users has sent, from place `since` of the audit log on."""
        return [
            (event["verb"], event["objectRef"]["resource"], event["responseStatus"]["code"])
            for event in self.sandbox.audit_log()[since:]
            if event["user"]["username"].startswith(f"system:serviceaccount:{NAMESPACE}:")
        ]

    def _named(self, document: Document) -> Document:
        rules = [{**rule, "resourceNames": list(self.albconfigs)} if _of_albconfigs(rule) else rule for rule in document.get("rules", ())]
        return {**document, "rules": rules} if rules else document

    def _apply(self, objects: list[Document]) -> None:
        file = self.kubeconfig.with_name("apply.yaml")
        file.write_text(yaml.safe_dump_all(objects))
        self.sandbox.kubectl("apply", "-f", file)

    def _until(self, user: str, permission: Permission, *, may: bool) -> None:
        """Wait until the API server knows: what it decides by follows what is stored."""
        what = ".".join(filter(None, (permission.resource, permission.group))) + "".join(f"/{name}" for name in permission.names[:1])
        where = ("--namespace", "kube-system") if permission.role[0] == "Role" else ("--all-namespaces",)
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
    rule: Document = {"apiGroups": [permission.group], "resources": [permission.resource], "verbs": [permission.verb]}
    return {**rule, "resourceNames": list(permission.names)} if permission.names else rule
