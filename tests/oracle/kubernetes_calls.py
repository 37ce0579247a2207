"""The calls to a plugin kubernetes that are made side by side, each with what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from alb_mutual_tls.plugin.properties import from_struct, to_struct
from alb_mutual_tls.plugin.protocol import empty_pb2, provider_pb2
from alb_mutual_tls.wire import UNKNOWN, Properties
from tests.contract.listener.kubernetes_plugin import URN, Plugin, wanted
from tests.oracle.answers import changes, outcome
from tests.oracle.comparison import Answer
from tests.oracle.kubernetes_side import NAME, Side, kubeconfig

NEW: Final = wanted(NAME, data={"tls.crt": "new"})
NO_DATA: Final[Properties] = {**wanted(NAME), "data": UNKNOWN}
NOWHERE: Final[Properties] = {**wanted(NAME), "metadata": {"namespace": "nowhere", "name": NAME}}
ONE: Final = wanted(NAME)
FORCED: Final = wanted(NAME, force=True)
LABELLED: Final = wanted(NAME, labels={"app": "shop"})
MORE: Final = wanted(NAME, labels={"app": "shop"}, data={"tls.crt": "new", "ca.crt": "root"})
_NAMED: Final = {"clusterIdentifier": "one"}


def _with(inputs: Properties, part: str, key: str) -> Properties:
    """Inputs with one value of a part that is not known."""
    return {**inputs, part: {**inputs[part], key: UNKNOWN}}


def _in_args_alone(side: Side) -> Answer:
    plugin = side.start({})
    configuration = to_struct({"kubeconfig": str(side.plane.kubeconfig)})
    plugin.stub.Configure(provider_pb2.ConfigureRequest(args=configuration, acceptSecrets=True))
    return {"made": "id" in outcome(partial(plugin.create, ONE))}


def _check(plugin: Plugin, inputs: Properties) -> Answer:
    request = provider_pb2.CheckRequest(urn=URN, news=to_struct(inputs))
    return outcome(partial(plugin.stub.Check, request))


def _create(plugin: Plugin, inputs: Properties) -> Answer:
    began = time.monotonic()
    answer = outcome(partial(plugin.create, inputs))
    return {**answer, "took": "a minute" if time.monotonic() - began > 30 else "no time"}


def _create_over_theirs(side: Side, plugin: Plugin, inputs: Properties) -> Answer:
    side.make_theirs()
    return {**_create(plugin, inputs), "live": side.live()}


def _plan(plugin: Plugin, inputs: Properties) -> Answer:
    return outcome(partial(plugin.create, inputs, True))


def _plan_over_theirs(side: Side) -> Answer:
    side.make_theirs()
    shown = from_struct(side.default.create(ONE, True).properties)
    return {"shows": "the inputs" if shown == ONE else f"a Secret with {', '.join(sorted(shown))}"}


def _diff(plugin: Plugin, new: Properties, old: Properties = ONE) -> Answer:
    return changes(partial(plugin.diff, plugin.make(old), new))


def _diff_after_an_edit(side: Side) -> Answer:
    state = side.ours.make(ONE)
    side.edit("kubectl-edit")
    return changes(partial(side.ours.diff, side.ours.refreshed(state), ONE))


def _update(side: Side, plugin: Plugin, new: Properties, *, preview: bool = False) -> Answer:
    state = side.ours.make(ONE)
    return {**outcome(partial(plugin.change, state, new, preview)), "live": side.live()}


def _update_after_an_edit(side: Side, manager: str, inputs: Properties) -> Answer:
    state = side.ours.make(inputs)
    side.edit(manager)
    answer = outcome(partial(side.ours.change, side.ours.refreshed(state), inputs))
    return {"refused": answer.get("refused", "no"), "live": side.live()}


def _missing(side: Side) -> Properties:
    """The state of a Secret that somebody else has deleted."""
    state = side.ours.make(ONE)
    side.clear()
    return state


def _import(side: Side) -> Answer:
    side.make_theirs()
    request = provider_pb2.ReadRequest(id=f"default/{NAME}", urn=URN)
    return {"imported": "id" in outcome(partial(side.ours.stub.Read, request))}


def _delete(side: Side, plugin: Plugin, state: Properties) -> Answer:
    request: Any = provider_pb2.DeleteRequest(
        id=f"default/{NAME}", urn=URN, properties=to_struct(state), timeout=3.0
    )
    return {"refused": "no", **outcome(partial(plugin.stub.Delete, request)), "live": side.live()}


def _reconfigure(side: Side, old: Properties, new: Properties) -> Answer:
    here = {"kubeconfig": str(side.plane.kubeconfig)}
    return changes(partial(side.ours.diff_config, here | old, here | new))


def _elsewhere(side: Side, name: str) -> Properties:
    return {"kubeconfig": str(side.directory / name)}


CALLS: Final[Mapping[str, Callable[[Side], Answer]]] = {
    "version": lambda side: {"it says": side.ours.stub.GetPluginInfo(empty_pb2.Empty()).version},
    "handshake": lambda side: outcome(
        partial(side.ours.stub.Handshake, provider_pb2.ProviderHandshakeRequest())
    ),
    "configuration in args alone": _in_args_alone,
    "check": lambda side: _check(side.ours, ONE),
    "check, unknown data": lambda side: _check(side.ours, NO_DATA),
    "check, no namespace": lambda side: _check(side.default, {**ONE, "metadata": {"name": NAME}}),
    "create": lambda side: {**_create(side.ours, LABELLED), "live": side.live()},
    "create, default settings": lambda side: {**_create(side.default, ONE), "live": side.live()},
    "create, it is there": lambda side: _create_over_theirs(side, side.ours, ONE),
    "create with force, it is there": lambda side: _create_over_theirs(side, side.ours, FORCED),
    "create, it is there, default settings": lambda side: _create_over_theirs(side, side.default, ONE),
    "create, no such namespace": lambda side: _create(side.default, NOWHERE),
    "create, closed cluster": lambda side: _create(side.closed, ONE),
    "create, no kubeconfig": lambda side: _create(side.nowhere, ONE),
    "preview of a create": lambda side: {**_plan(side.ours, ONE), "live": side.live()},
    "preview of a create, unknown data": lambda side: _plan(side.ours, NO_DATA),
    "preview of a create, it is there": _plan_over_theirs,
    "preview of a create, no such namespace": lambda side: _plan(side.ours, NOWHERE),
    "preview of a create, closed cluster": lambda side: _plan(side.closed, ONE),
    "preview of a create, no kubeconfig": lambda side: _plan(side.nowhere, ONE),
    "diff, nothing": lambda side: _diff(side.ours, ONE),
    "diff, data and labels": lambda side: _diff(side.ours, MORE),
    "diff, data, default settings": lambda side: _diff(side.default, NEW),
    "diff, less data and labels": lambda side: _diff(side.ours, ONE, MORE),
    "diff, unknown data": lambda side: _diff(side.ours, NO_DATA),
    "diff, unknown data, default settings": lambda side: _diff(side.default, NO_DATA),
    "diff, one unknown key": lambda side: _diff(side.ours, _with(ONE, "data", "tls.crt")),
    "diff, unknown metadata": lambda side: _diff(side.default, {**ONE, "metadata": UNKNOWN}, LABELLED),
    "diff, unknown labels": lambda side: _diff(side.ours, _with(ONE, "metadata", "labels"), LABELLED),
    "diff, unknown name": lambda side: _diff(side.ours, _with(ONE, "metadata", "name")),
    "diff, unknown type": lambda side: _diff(side.ours, {**ONE, "type": UNKNOWN}),
    "diff, name": lambda side: _diff(side.ours, wanted("other")),
    "diff, namespace": lambda side: _diff(side.ours, NOWHERE),
    "diff, type": lambda side: _diff(side.ours, {**ONE, "type": "Opaque"}),
    "diff, immutable": lambda side: _diff(side.ours, {**NEW, "immutable": True}),
    "diff, closed cluster": lambda side: changes(partial(side.closed.diff, side.ours.make(ONE), NEW)),
    "diff, somebody edited it": _diff_after_an_edit,
    "update": lambda side: _update(side, side.ours, MORE),
    "update, kubectl edited it": lambda side: _update_after_an_edit(side, "kubectl-edit", ONE),
    "update, a console owns it": lambda side: _update_after_an_edit(side, "console", ONE),
    "update with force, a console owns it": lambda side: _update_after_an_edit(side, "console", FORCED),
    "update, it is missing": lambda side: outcome(partial(side.ours.change, _missing(side), NEW)),
    "update, closed cluster": lambda side: _update(side, side.closed, NEW),
    "preview of an update": lambda side: _update(side, side.ours, NEW, preview=True),
    "preview of an update, unknown data": lambda side: _update(side, side.ours, NO_DATA, preview=True),
    "preview of an update, closed cluster": lambda side: _update(side, side.closed, NEW, preview=True),
    "read": lambda side: outcome(partial(side.ours.read, side.ours.make(ONE))),
    "read, it is missing": lambda side: outcome(partial(side.ours.read, _missing(side))),
    "read, closed cluster": lambda side: outcome(partial(side.closed.read, side.ours.make(ONE))),
    "import": _import,
    "delete": lambda side: _delete(side, side.ours, side.ours.make(ONE)),
    "delete, it is missing": lambda side: _delete(side, side.ours, _missing(side)),
    "delete, closed cluster": lambda side: _delete(side, side.closed, side.ours.make(ONE)),
    "same configuration": lambda side: _reconfigure(side, {}, {}),
    "another cluster identifier": lambda side: _reconfigure(side, _NAMED, {"clusterIdentifier": "two"}),
    "first cluster identifier": lambda side: _reconfigure(side, {}, _NAMED),
    "another kubeconfig of the cluster": lambda side: _reconfigure(
        side, {}, {"kubeconfig": kubeconfig(side.plane, side.directory / "moved")}
    ),
    "another cluster": lambda side: _reconfigure(side, {}, _elsewhere(side, "closed")),
    "another cluster, same identifier": lambda side: _reconfigure(
        side, _NAMED, _NAMED | _elsewhere(side, "closed")
    ),
    "unknown kubeconfig": lambda side: _reconfigure(side, {}, {"kubeconfig": UNKNOWN}),
    "new kubeconfig is missing": lambda side: _reconfigure(side, {}, _elsewhere(side, "missing")),
    "old kubeconfig is missing": lambda side: _reconfigure(side, _elsewhere(side, "missing"), {}),
    "another context": lambda side: _reconfigure(side, {}, {"context": "other"}),
    "mutable Secrets": lambda side: _reconfigure(side, {}, {"enableSecretMutable": "true"}),
}
"""In the order in which they are made."""
