"""`mtls audit` on listeners that were set up by hand, and the adoption of one of them, as
docs/audit.md has it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alb_mutual_tls.access.cloud import Cloud
from alb_mutual_tls.alibaba.cas import Cas
from dev.sandbox.cloud.seeds import SERVER_CERTIFICATE_ID
from dev.sandbox.layout import NO_ALB_ACCESS_KEY_ID
from tests.integration.documentation import commands
from tests.integration.engine import PROGRAM, REPOSITORY, Sandbox, Stack, run, succeed
from tests.integration.probing import shut
from tests.integration.traffic import Traffic

CERTIFICATES = [{"CertificateId": SERVER_CERTIFICATE_ID, "IsDefault": True}]
GONE = "0e40dda998174723af39d37fcaf00000"
"""An id that CAS does not have."""


@dataclass(frozen=True)
class ByHand:
    """What somebody has set up, with the ids of the CA certificates that he uploaded and the files
    of a client.
    """

    project: Path
    good: str
    ending: str
    spare: str
    client: tuple[Path, Path]
    env: dict[str, str]

    def audit(self, *arguments: str, **env: str) -> dict[str, Any]:
        """The report for machines."""
        done = run("./mtls", "audit", *arguments, "--json", env=self.env | env, cwd=self.project)
        assert done.stderr == ""
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["exitCode"] == done.returncode
        return report

    def type(self, title: str, code: int = 0) -> str:
        """The commands of docs/audit.md as they stand there; returns what they print."""
        done = run(
            "bash", "-euo", "pipefail", "-c", commands("audit.md")[title], env=self.env, cwd=self.project
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


def make_documented_authority(directory: Path, name: str, days: int) -> Path:
    """A root by the documentation's commands, which is X.509 v1 with OpenSSL 3.0 and older; its key
    is quicker.
    """
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key")
    succeed(
        run(
            "openssl",
            "req",
            "-new",
            *key,
            "-subj",
            f"/C=CN/O=Example/CN={name}",
            "-out",
            f"{name}.csr",
            cwd=directory,
        )
    )
    signing = ("-signkey", f"{name}.key", "-CAcreateserial", "-days", str(days))
    succeed(
        run("openssl", "x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.crt", cwd=directory)
    )
    return directory / f"{name}.crt"


def make_authority(directory: Path, name: str, days: int) -> Path:
    """A root of version 3."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key")
    succeed(
        run(
            "openssl",
            "req",
            "-x509",
            *key,
            "-subj",
            f"/C=CN/O=Example/CN={name}",
            "-days",
            str(days),
            "-out",
            f"{name}.crt",
            cwd=directory,
        )
    )
    return directory / f"{name}.crt"


def make_client(directory: Path, authority: str) -> tuple[Path, Path]:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "client.key")
    succeed(run("openssl", "req", *key, "-subj", "/CN=by-hand", "-out", "client.csr", cwd=directory))
    signing = ("-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-set_serial", "7", "-days", "300")
    succeed(
        run("openssl", "x509", "-req", "-in", "client.csr", *signing, "-out", "client.crt", cwd=directory)
    )
    return directory / "client.crt", directory / "client.key"


def ingress(name: str, host: str, ports: list[dict[str, int]], redirect: bool = False) -> dict[str, Any]:
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": "old-nginx", "port": {"number": 80}}},
    }
    annotations = {"alb.ingress.kubernetes.io/listen-ports": json.dumps(ports)}
    annotations |= {"alb.ingress.kubernetes.io/ssl-redirect": "true"} if redirect else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": f"{name}-{host.partition('.')[0]}",
            "namespace": "default",
            "annotations": annotations,
        },
        "spec": {"ingressClassName": name, "rules": [{"host": host, "http": {"paths": [path]}}]},
    }


def albconfig(name: str, *listeners: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = {"apiGroup": "alibabacloud.com", "kind": "AlbConfig", "name": name, "scope": "Cluster"}
    return [
        {
            "apiVersion": "alibabacloud.com/v1",
            "kind": "AlbConfig",
            "metadata": {"name": name},
            "spec": {"config": {"name": name, "edition": "Standard"}, "listeners": list(listeners)},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {"controller": "ingress.k8s.alibabacloud/alb", "parameters": parameters},
        },
    ]


def https(port: int, ca: str | None = None, **more: Any) -> dict[str, Any]:
    fields = {} if ca is None else {"caEnabled": True, "caCertificates": [{"CertificateId": ca}]}
    return {"port": port, "protocol": "HTTPS", "certificates": CERTIFICATES, **fields, **more}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def trusted(sandbox: Sandbox, name: str) -> list[str | None]:
    """The CA certificates that ALB itself has on the listeners of an AlbConfig."""
    balancers = json.loads((sandbox.directory / "cloud/alb.json").read_text())["balancers"]
    return [
        listener["ca_certificate_id"]
        for one in balancers
        if one["albconfig"] == name
        for listener in one["listeners"]
    ]


@pytest.fixture(scope="module")
def by_hand(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """Listeners in five ways; afterwards cluster and CAS are what they were.

    No provider has ever been here.
    """
    files = tmp_path_factory.mktemp("by-hand")
    project = tmp_path_factory.mktemp("project")
    for name in PROGRAM:
        (project / name).symlink_to(REPOSITORY / name)
    # the sandbox's endpoints go along, as the region does on a real cluster
    (project / "mtls").unlink()
    endpoint = f"127.0.0.1:{sandbox.port_base + 80}"
    where = f"--protocol HTTP --endpoint alb={endpoint} --endpoint cas={endpoint} --endpoint sts={endpoint}"
    (project / "mtls").write_text(
        f'#!/bin/sh\nexec "{REPOSITORY}/mtls" "$@" $([ "$1" != audit ] || echo "{where}")\n'
    )
    (project / "mtls").chmod(0o755)

    keys = {
        "accessKey": sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        "secretKey": sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    }
    cas = Cas(
        Cloud.of({**keys, "protocol": "HTTP", "endpoints": {"cas": endpoint, "sts": endpoint}}).cas_api()
    )
    repository, leftover = cas.make_repository("company"), cas.make_repository("alb-mutual-tls-dead0001")
    uploaded = [
        cas.upload(
            repository.warehouse_id, "good", make_documented_authority(files, "good", 3000).read_text()
        ),
        cas.upload(repository.warehouse_id, "ending", make_authority(files, "ending", 10).read_text()),
        cas.upload(leftover.warehouse_id, "spare", make_authority(files, "spare", 400).read_text()),
    ]
    good, ending, spare = uploaded
    shop = albconfig(
        "shop", {"port": 80, "protocol": "HTTP"}, https(443, good), https(8443), https(9443, ending)
    )
    shop += [
        ingress("shop", "demo.alb.ingress.top", [{"HTTP": 80}, {"HTTPS": 443}]),
        ingress("shop", "plain.alb.ingress.top", [{"HTTPS": 8443}]),
        ingress("shop", "ending.alb.ingress.top", [{"HTTPS": 9443}]),
    ]
    stale = [*albconfig("stale", https(443)), ingress("stale", "demo.alb.ingress.top", [{"HTTPS": 443}])]
    file = files / "resources.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*shop, *stale]}))
    sandbox.kubectl("create", "-f", file)
    sandbox.kubectl(
        "wait",
        "albconfig/shop",
        "albconfig/stale",
        "--for=jsonpath={.status.loadBalancer.id}",
        "--timeout=60s",
    )
    before = sandbox.albconfig()["spec"]
    fields = {"caEnabled": True, "caCertificates": [{"CertificateId": good}]}
    sandbox.edit(
        *({"op": "add", "path": f"/spec/listeners/1/{key}", "value": value} for key, value in fields.items())
    )
    sandbox.edit(
        {"op": "add", "path": "/spec/listeners/0/caEnabled", "value": True},
        {"op": "add", "path": "/spec/listeners/0/caCertificates", "value": [{"CertificateId": GONE}]},
        name="stale",
    )
    refused = (
        "get",
        "events",
        "-A",
        "--field-selector=involvedObject.name=stale,reason=FailedApplyModel",
        "-o",
        "name",
    )
    until(lambda: sandbox.kubectl(*refused) != "" and good in trusted(sandbox, "alb"))
    env = sandbox.env | {"PULUMI_SKIP_CONFIRMATIONS": "true"}
    yield ByHand(project, good, ending, spare, make_client(files, "good"), env)
    sandbox.edit(*({"op": "remove", "path": f"/spec/listeners/1/{key}"} for key in fields))
    sandbox.kubectl("delete", "-f", file)
    until(lambda: not any(id for name in ("alb", "shop") for id in trusted(sandbox, name)))
    assert sandbox.albconfig()["spec"] == before
    for identifier, one in zip(uploaded, (repository, repository, leftover), strict=True):
        cas.delete_certificate(identifier, one.warehouse_id)
    for one in (repository, leftover):
        cas.delete_repository(one.instance_id, one.name)


@pytest.mark.campaign
def test_five_listeners_are_told_apart_and_nothing_is_written(by_hand: ByHand, sandbox: Sandbox) -> None:
    print(by_hand.type("Look", code=1))
    asked, called = len(sandbox.audit_log()), len(sandbox.api_log())
    report = by_hand.audit("--region", "cn-hangzhou")
    assert report["exitCode"] == 1
    listeners = {f"{one['albConfig']}:{one['port']}": one for one in report["listeners"]}
    assert {name: one["clients"] for name, one in listeners.items()} == {
        "alb:443": "demands client certificates",
        "shop:80": "bypass",
        "shop:443": "demands client certificates",
        "shop:8443": "open",
        "shop:9443": "demands client certificates",
        "stale:443": "says on, but lets everybody in",
    }
    assert [name for name, one in listeners.items() if one["verdict"] == "fell short"] == [
        "shop:443",
        "shop:9443",
        "stale:443",
    ]
    assert [(bypass["port"], bypass["protocol"]) for bypass in listeners["shop:443"]["sideDoors"]] == [
        (80, "HTTP")
    ]
    assert listeners["alb:443"]["sideDoors"] == []  # its HTTP listener redirects
    assert all(one["stack"] is None for one in report["listeners"])
    assert {
        one["id"]: (one["subject"], one["listeners"], one["daysLeft"]) for one in report["caCertificates"]
    } == {
        by_hand.good: ("CN=good,O=Example,C=CN", ["alb:443", "shop:443"], 2999),
        by_hand.ending: ("CN=ending,O=Example,C=CN", ["shop:9443"], 9),
        GONE: (None, ["stale:443"], None),
    }
    (unused,) = report["unusedUploads"]
    assert (unused["id"], unused["stack"], unused["holdsListener"]) == (by_hand.spare, "dead0001", False)
    complaints = [one["text"] for one in report["findings"] if one["verdict"] == "fell short"]
    for part in (
        (
            "demo.alb.ingress.top can be reached without a client certificate on 80/HTTP of AlbConfig shop"
            " (through Ingress default/shop-demo)"
        ),
        (
            "listener 443/HTTPS of AlbConfig stale says on, but ALB lets everybody in without a client"
            " certificate"
        ),
        f"CA certificate {by_hand.ending} (of shop:9443) ends on",
        f"CA certificate {GONE} (of stale:443): CAS of the account does not have this id",
    ):
        assert [part in complaint for complaint in complaints].count(True) == 1, complaints
    assert len(complaints) == 4

    # four lists of the cluster, and of Alibaba Cloud what docs/audit.md says; all of it reads
    requests = [one for one in sandbox.audit_log()[asked:] if one.get("userAgent") == "alb-mutual-tls"]
    assert [one["verb"] for one in requests] == ["list"] * 4
    assert Counter(one["action"] for one in sandbox.api_log()[called:]) == report["requests"]
    assert set(report["requests"]) == {
        "GetCallerIdentity",
        "ListListeners",
        "GetListenerAttribute",
        "ListCertWarehouse",
        "ListCert",
        "DescribeWarehouseCert",
        "DescribeCACertificate",
    }


@pytest.mark.campaign
def test_what_may_not_be_seen_is_told_and_only_strict_minds(by_hand: ByHand, sandbox: Sandbox) -> None:
    key = NO_ALB_ACCESS_KEY_ID
    env = {"ALIBABA_CLOUD_ACCESS_KEY_ID": key, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": f"{key}-secret"}
    report = by_hand.audit("--region", "cn-hangzhou", **env)
    states = {f"{one['albConfig']}:{one['port']}": one["clients"] for one in report["listeners"]}
    assert (states["alb:443"], states["stale:443"], states["shop:8443"]) == (
        "says on, not confirmed",
        "says on, not confirmed",
        "says off, not confirmed",
    )
    assert report["requests"]["ListListeners"] == 1
    assert "GetListenerAttribute" not in report["requests"]
    (note,) = (one for one in report["findings"] if one["text"].startswith("ALB not seen: "))
    assert (note["verdict"], "not permitted to call ListListeners" in note["text"]) == ("held", True)


def test_a_listener_is_adopted_and_given_back_and_nobody_notices(by_hand: ByHand, sandbox: Sandbox) -> None:
    project, before, held = by_hand.project, sandbox.albconfig()["spec"], sandbox.stored("warehouses")
    traffic = Traffic(sandbox.server_ca, (sandbox.listener_base + 443,))
    traffic.start("by hand", by_hand.client)
    try:
        with traffic.during("before", at_least=20), shut(sandbox):
            print(by_hand.type("1. Write the stack file"))
        stack_file = project / "Pulumi.adopted.yaml"
        written = stack_file.read_text()
        assert written.startswith("# yaml-language-server: $schema=docs/configuration.schema.json\n")
        assert "sandbox-access-key" not in written
        with traffic.during("first up", at_least=20):
            by_hand.type("2. Make the stack")
            assert stack_file.read_text().startswith(
                written.partition("config:")[0]
            )  # pulumi writes its salt, and keeps the comments
            since = len(sandbox.audit_log())
            shown = by_hand.type("3. Take the listener")
            print(written, shown)
        assert "CertificateRepository" not in shown
        assert sandbox.patches(since) == [("alb", 200)]
        assert sandbox.albconfig()["spec"] == before
        assert list(sandbox.claims()) == ["albmtls/443-https"]
        with traffic.during("adopted", at_least=20), shut(sandbox):
            again = ("--adopt", "alb:443", "--stack-file", "Pulumi.again.yaml")
            done = run("./mtls", "audit", "--region", "cn-hangzhou", *again, env=by_hand.env, cwd=project)
            assert (done.returncode, "alb:443 cannot be adopted: stack " in done.stderr) == (
                2,
                True,
            ), done.stderr
            report = by_hand.audit("--region", "cn-hangzhou")
        (adopted,) = (one for one in report["listeners"] if one["stack"] is not None)
        assert (adopted["albConfig"], adopted["port"], adopted["verdict"]) == ("alb", 443, "held")
        with traffic.during("given back", at_least=20):
            by_hand.type("Give it back")
        with traffic.during("after", at_least=20), shut(sandbox):
            assert sandbox.albconfig()["spec"] == before
            assert sandbox.claims() == {}
            assert sandbox.stored("warehouses") == held
    finally:
        traffic.end()
    print(traffic.table())
    assert traffic.tally.failures == []
    assert [traffic.tally.of(phase, "by hand")[1] for phase in traffic.phases] == [0] * 5, traffic.table()


@pytest.mark.campaign
def test_what_cannot_be_adopted_is_one_sentence_and_no_file(by_hand: ByHand) -> None:
    adopt = ("--adopt", "stale:443", "--stack-file", "Pulumi.no.yaml")
    done = run("./mtls", "audit", "--region", "cn-hangzhou", *adopt, env=by_hand.env, cwd=by_hand.project)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "mtls: stale:443 cannot be adopted: it says on, but lets everybody in; wait, or mend what keeps ALB"
        " from"
    )
    assert done.stderr.count("\n") == 1
    assert not (by_hand.project / "Pulumi.no.yaml").exists()


@pytest.mark.campaign
def test_a_stack_that_uploads_nothing_any_more_gives_its_repository_up_and_leaves_those_of_others(
    by_hand: ByHand, sandbox: Sandbox, program: Path
) -> None:
    """A stack of an earlier version, which made one for nothing, is in the same place after its
    next up.
    """
    theirs, before = {"caCertificateId": by_hand.good}, sandbox.stored("warehouses")
    stack = Stack("emptied", program, sandbox)
    stack.set(listeners={}, clients={}, trustedAuthority="theirs", issuingAuthority="theirs")
    stack.set(authorities={"theirs": theirs, "mine": {"keyAlgorithm": "ECDSA-P256"}})
    stack.up()
    assert len(sandbox.stored("warehouses")) == len(before) + 1
    stack.set(authorities={"theirs": theirs})
    stack.up()
    assert sandbox.stored("warehouses") == before
    stack.unchanged()
    stack.remove()
    assert by_hand.good in [item["Identifier"] for item in sandbox.stored("certificates")]
