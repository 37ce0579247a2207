"""What somebody does in Alibaba Cloud's console, beside the stacks: look into CAS, upload and
delete.
"""

from __future__ import annotations

import threading
import time

from alb_mutual_tls.alibaba.alb import Alb
from alb_mutual_tls.alibaba.cas import Cas
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.configuration import Configuration
from tests.integration.engine import Sandbox


def console(sandbox: Sandbox) -> tuple[Cas, Alb]:
    """CAS and ALB of a sandbox, as its first user."""
    endpoint = f"127.0.0.1:{sandbox.port_base + 80}"
    keys = {
        "accessKey": sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        "secretKey": sandbox.env["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    }
    place = {
        "region": "cn-hangzhou",
        "protocol": "HTTP",
        "endpoints": {"cas": endpoint, "alb": endpoint, "sts": endpoint},
    }
    configuration = Configuration.of({**keys, **place})
    return (
        configuration.cas(Request("", "console", False, 0.0, threading.Event(), lambda *_: None)),
        configuration.alb(),
    )


def clear(sandbox: Sandbox) -> None:
    """Delete all that is in CAS, once ALB has let go of it."""
    cas, alb = console(sandbox)
    deadline = time.monotonic() + 60
    while any(list(alb.listeners_naming(one["Identifier"])) for one in sandbox.stored("certificates")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for one in sandbox.stored("certificates"):
        cas.delete_certificate(one["Identifier"], str(one["WhId"]))
    for one in sandbox.stored("warehouses"):
        cas.delete_repository(one["InstanceId"], one["Name"])
    assert sandbox.stored("certificates") == sandbox.stored("warehouses") == []
