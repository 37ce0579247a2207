"""The ALB Ingress controller.

It brings the data plane to what AlbConfigs, Ingresses and IngressClasses say. It reports in status
and events.

One thread does one thing at a time: build all load balancers, write and reload nginx, wait until it
serves them, then show them in the API, in status and in events. An AlbConfig that cannot be built
or applied keeps its last good load balancer and gets a Warning event, as do its Ingresses. Status
is written only when it changes. Whatever can heal a failure (resources, certificates, faults,
nginx) wakes the controller up; only for a port that somebody else holds, and an API server that
does not take a status, it looks again from time to time.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from alb_mutual_tls.errors import UserError
from dev.sandbox import faults, ports
from dev.sandbox.cloud import nginx, seeds
from dev.sandbox.cloud.albconfig import Unfit
from dev.sandbox.cloud.build import Refused, build
from dev.sandbox.cloud.data_plane import DataPlane, NotTaken, can_listen, has_address
from dev.sandbox.cloud.ingress import albconfig_of
from dev.sandbox.cloud.kube import FAILURES, Cluster, Mirror, Resource
from dev.sandbox.cloud.model import Balancer
from dev.sandbox.cloud.openapi import OpenApiServer
from dev.sandbox.cloud.reports import (
    APPLY_FAILED,
    BUILD_FAILED,
    INGRESSES,
    SKIPPED,
    SUCCESS,
    Outcome,
    Reports,
)
from dev.sandbox.cloud.writers import Writers
from dev.sandbox.layout import Layout, write_atomically

_POLL: Final = 0.2
"""Seconds between looks at faults.json and at an nginx that does not run yet."""


_AGAIN: Final = 2.0
"""Seconds until a listener that was skipped is tried again, or a status that was not taken."""


@dataclass
class _Plan:
    """What nginx is to serve, and what is told when it does."""

    balancers: dict[str, Balancer]
    outcomes: dict[str, list[Outcome]]
    subjects: dict[str, list[Resource]]
    """Name of an AlbConfig -> itself and its Ingresses, as the plan was made from them."""
    faults: dict[str, Any]
    text: str


class Controller:
    """The controller of a sandbox.

    Args:
        layout: the sandbox's.
        cluster: its API server.
        openapi: where certificates come from and load balancers are shown.
        ended: ends the work when it is set.
    """

    def __init__(
        self, layout: Layout, cluster: Cluster, openapi: OpenApiServer, ended: threading.Event
    ) -> None:
        self._layout = layout
        self._cluster = cluster
        self._openapi = openapi
        self._data_plane = DataPlane(layout)
        self._wake = threading.Event()
        self._ended = ended
        self._albconfigs = Mirror(cluster, "/apis/alibabacloud.com/v1/albconfigs", self._wake.set, ended)
        self._ingresses = Mirror(cluster, f"{INGRESSES}/ingresses", self._wake.set, ended)
        self._classes = Mirror(cluster, f"{INGRESSES}/ingressclasses", self._wake.set, ended)
        self._mirrors = (self._albconfigs, self._ingresses, self._classes)
        self._writers = Writers(cluster, ended)
        self._pending: _Plan | None = None
        self._faults: dict[str, Any] = {}
        self._frozen: dict[int, list[Resource]] = {}
        self._again = math.inf
        self._reports = Reports(cluster)
        openapi.repositories.store.on_change(self._wake.set)

    def run(self) -> None:
        """Work until the end.

        Sets the endpoint's `ready` after the first configuration is written.

        Raises:
            UserError: the first configuration could not be written.
        """
        for mirror in self._mirrors:
            mirror.start()
        for mirror in self._mirrors:
            while not mirror.synced.wait(_POLL):
                if self._ended.is_set():
                    return
        self._wake.set()
        while not self._ended.is_set():
            due = self._wake.wait(_POLL / 4 if self._pending else _POLL)
            try:
                if due or time.monotonic() > self._again or self._faults_changed():
                    self._wake.clear()
                    self._reconcile()
                elif self._pending and self._serves(self._pending):
                    self._tell(self._pending)
            except Exception as reason:
                if not self._openapi.ready.is_set():
                    raise
                # A controller that dies of one odd resource would be a worse stand-in than one that
                # says so and goes on.
                print(
                    reason if isinstance(reason, UserError) else traceback.format_exc(),
                    file=sys.stderr,
                    flush=True,
                )
                self._ended.wait(_POLL)

    def _faults_changed(self) -> bool:
        return faults.wished(self._layout) != self._faults or not self._layout.faults_applied_file.exists()

    def _items(self, mirror: Mirror) -> list[Resource]:
        """Return what the controller knows of a collection.

        Of a stale collection that is what was there when it became stale.
        """
        return self._frozen[id(mirror)] if self._frozen else mirror.items()

    def _reconcile(self) -> None:
        wished = faults.wished(self._layout)
        self._writers.obey(wished.get(faults.ALBCONFIG) == faults.WRITERS, self._albconfigs.items())
        if wished.get(faults.CONTROLLER) != faults.STALE:
            self._frozen = {}
        elif not self._frozen:
            self._frozen = {id(mirror): mirror.items() for mirror in self._mirrors}
        plan = self._plan(wished)
        skipped = any(outcome.reason == SKIPPED for told in plan.outcomes.values() for outcome in told)
        self._again = time.monotonic() + _AGAIN if skipped else math.inf
        taken = self._openapi.balancers.taken()
        self._pending = None
        try:
            self._data_plane.write(plan.text)
            self._openapi.balancers.configure(
                name for name, one in plan.balancers.items() if taken.get(name) != one
            )
            serves = self._data_plane.reload(plan.text)
        except NotTaken as reason:
            print(f"the data plane refuses the configuration: {reason}", file=sys.stderr, flush=True)
            self._openapi.balancers.configure(())
            changed = {name for name, one in plan.balancers.items() if taken.get(name) != one}
            refused = [
                Outcome(
                    APPLY_FAILED, f"apply failed. errMsgs: the data plane refuses the configuration: {reason}"
                )
            ]
            self._report(replace(plan, balancers={}, outcomes=dict.fromkeys(changed, refused)))
            return
        finally:
            self._faults = plan.faults
        self._openapi.ready.set()
        if serves:
            self._tell(plan)
        else:
            self._pending = plan

    def _serves(self, plan: _Plan) -> bool:
        now = self._data_plane.serving()
        return now is not None and now[0] == nginx.generation(plan.text)

    def _plan(self, wished: dict[str, Any]) -> _Plan:
        albconfigs = {item["metadata"]["name"]: item for item in self._items(self._albconfigs)}
        places = self._openapi.balancers.places(albconfigs)
        taken = {
            name: balancer
            for name, balancer in self._openapi.balancers.taken().items()
            if name in albconfigs and balancer.uid == albconfigs[name]["metadata"]["uid"]
        }
        balancers: dict[str, Balancer] = {}
        outcomes: dict[str, list[Outcome]] = {}
        for name in sorted(albconfigs, key=lambda name: places[name]):
            try:
                built = self._build(albconfigs[name], places[name])
                balancers[name], skipped = self._servable(built, balancers.values())
                outcomes[name] = [*skipped, Outcome(SUCCESS, "Successfully reconciled")]
            except Unfit as reason:
                if name in taken:
                    balancers[name] = taken[name]
                outcomes[name] = [
                    Outcome(APPLY_FAILED if isinstance(reason, Refused) else BUILD_FAILED, str(reason))
                ]
        text = nginx.render(balancers.values(), self._surroundings(), wished.get("alb", faults.NONE))
        subjects = {name: [albconfig, *self._ingresses_of(name)] for name, albconfig in albconfigs.items()}
        return _Plan(balancers, outcomes, subjects, wished, text)

    def _build(self, albconfig: Resource, place: int) -> Balancer:
        address = self._layout.listener_address(place)
        repositories = self._openapi.repositories
        return build(
            albconfig,
            self._ingresses_of(albconfig["metadata"]["name"]),
            place,
            address if has_address(address) else self._layout.listener_address(0),
            ca_known=lambda identifier: repositories.ca_pem(identifier) is not None,
            server_certificates={seeds.SERVER_CERTIFICATE_ID: seeds.SERVER_HOSTS},
        )

    def _servable(self, balancer: Balancer, before: Iterable[Balancer]) -> tuple[Balancer, list[Outcome]]:
        """Return the load balancer without the listeners that this machine cannot serve.

        Also returns what to report about those listeners.
        """
        ours = {(endpoint.address, endpoint.port) for endpoint in ports.listeners(self._layout)}
        others = {
            (one.address, listener.port) for one in before for listener in one.listeners if listener.served
        }
        kept, skipped = [], []
        if balancer.address != self._layout.listener_address(balancer.index):
            wished = self._layout.listener_address(balancer.index)
            skipped.append(
                Outcome(
                    SKIPPED,
                    f"this machine has no address {wished}, so {balancer.albconfig} is served on"
                    f" {balancer.address}",
                )
            )
        for listener in balancer.listeners:
            place = (balancer.address, listener.port)
            try:
                port = self._layout.listener_port(listener.port)
            except UserError as error:
                skipped.append(Outcome(SKIPPED, str(error)))
                continue
            if listener.served and (
                place in others
                or ((balancer.address, port) not in ours and not can_listen(balancer.address, port))
            ):
                skipped.append(
                    Outcome(SKIPPED, f"listener {listener} is not served: {balancer.address}:{port} is taken")
                )
                continue
            kept.append(listener)
        return replace(balancer, listeners=tuple(kept)), skipped

    def _surroundings(self) -> nginx.Surroundings:
        server = tuple(f"../pki/{file.name}" for file in seeds.server_files(self._layout))
        return nginx.Surroundings(
            root=os.geteuid() == 0,
            status_port=self._layout.data_plane_port,
            backends_port=self._layout.backends_port,
            listener_port=self._layout.listener_port,
            ca_file=self._ca_file,
            another_ca_file=f"../pki/{seeds.another_ca_file(self._layout).name}",
            server_files=lambda _: (server[0], server[1]),
        )

    def _ca_file(self, identifier: str) -> str:
        pem = self._openapi.repositories.ca_pem(identifier)
        if pem is None:
            raise NotTaken(f"CA certificate {identifier} is gone")
        # Named by its content, so that another content is another configuration.
        name = f"certificates/ca-{hashlib.sha256(pem.encode()).hexdigest()[:32]}.crt"
        file = self._layout.nginx_directory / name
        if not file.exists():
            write_atomically(file, pem + "\n")
        return name

    def _ingresses_of(self, albconfig: str) -> list[Resource]:
        classes = self._items(self._classes)
        return [item for item in self._items(self._ingresses) if albconfig_of(item, classes) == albconfig]

    def _tell(self, plan: _Plan) -> None:
        """The data plane serves the plan: show it."""
        self._pending = None
        self._openapi.balancers.take(plan.balancers.values())
        write_atomically(self._layout.faults_applied_file, json.dumps(plan.faults) + "\n")
        self._report(plan)

    def _report(self, plan: _Plan) -> None:
        """Write status and events.

        What the API server does not take now is written after the next change, or a little later.
        """
        for albconfig in self._items(self._albconfigs):
            name = albconfig["metadata"]["name"]
            try:
                if name in plan.balancers:
                    self._reports.write_status(albconfig, self._ingresses_of(name), plan.balancers[name])
                self._reports.write_events(
                    plan.subjects.get(name, []), plan.outcomes.get(name, []), plan.balancers.get(name)
                )
            except FAILURES as reason:
                print(
                    f"status or events of AlbConfig {name} could not be written: {reason!r}",
                    file=sys.stderr,
                    flush=True,
                )
                self._again = time.monotonic() + _AGAIN
