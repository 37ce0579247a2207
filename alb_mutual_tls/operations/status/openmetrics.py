"""The report of `mtls status` as OpenMetrics 1.0 text.

Alert rules rely on names and labels: docs/status.md has them all. A series whose value is not known
is left out. Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from alb_mutual_tls.listener.enforced import Shown
from alb_mutual_tls.operations.status.certificates import ISSUING, TRUSTED
from alb_mutual_tls.operations.status.listeners import ListenerStatus
from alb_mutual_tls.operations.status.status import StatusReport
from alb_mutual_tls.verdict import Verdict

_SECONDS: Final = "seconds"


@dataclass
class _Family:
    """A metric family, all of which are gauges; `samples`: labels and value."""

    name: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float | datetime, **labels: str) -> None:
        self.samples.append((labels, value.timestamp() if isinstance(value, datetime) else value))

    def lines(self) -> Iterator[str]:
        yield f"# TYPE {self.name} gauge"
        if self.name.endswith(f"_{_SECONDS}"):
            yield f"# UNIT {self.name} {_SECONDS}"
        yield f"# HELP {self.name} {escaped(self.help)}"
        for labels, value in self.samples:
            inside = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{inside}}} {_number(value)}" if inside else f"{self.name} {_number(value)}"


def escaped(text: str) -> str:
    """A label value or a help text as ABNF's `escaped-string` wants it.

    Backslash, line feed and double quote stand behind a backslash.
    """
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def as_openmetrics(report: StatusReport) -> str:
    """The exposition, which ends with `# EOF`."""
    lines = [line for family in _families(report) for line in family.lines()]
    return "\n".join([*lines, "# EOF", ""])


def _families(report: StatusReport) -> list[_Family]:
    return [
        *_certificates(report),
        *_authorities(report),
        *_outstanding(report),
        *_listeners(report),
        *_whole(report),
    ]


def _certificates(report: StatusReport) -> list[_Family]:
    ends = _Family(
        "albmtls_certificate_not_after_timestamp_seconds", "When the certificate of a client ends."
    )
    renewals = _Family(
        "albmtls_certificate_renewal_timestamp_seconds",
        "From when pulumi up issues the certificate of a client anew.",
    )
    due = _Family(
        "albmtls_certificate_renewal_due",
        "Whether pulumi up would issue the certificate of a client anew now.",
    )
    for client in report.clients:
        ends.add(client.not_after, component=client.component, client=client.name)
        if client.renewal is not None:
            renewals.add(client.renewal, component=client.component, client=client.name)
        due.add(client.due, component=client.component, client=client.name)
    return [ends, renewals, due]


def _authorities(report: StatusReport) -> list[_Family]:
    ends = _Family(
        "albmtls_authority_not_after_timestamp_seconds", "When the certificate of an authority ends."
    )
    for authority in report.authorities:
        roles = {role: str(role in authority.roles).lower() for role in (TRUSTED, ISSUING)}
        ends.add(authority.not_after, component=authority.component, authority=authority.name, **roles)
    return [ends]


def _outstanding(report: StatusReport) -> list[_Family]:
    ends = _Family(
        "albmtls_outstanding_certificate_not_after_timestamp_seconds",
        "When a certificate ends that no client has any more; until then it is valid.",
    )
    for outstanding in report.outstanding:
        ends.add(
            outstanding.not_after,
            component=outstanding.component,
            client=outstanding.client,
            serial_number=outstanding.serial_number,
            reason=outstanding.reason,
            accepted=str(outstanding.accepted).lower(),
        )
    return [ends]


def _listeners(report: StatusReport) -> list[_Family]:
    enabled = _Family(
        "albmtls_listener_ca_enabled", "Whether a listener asks for client certificates, as each view has it."
    )
    in_step = _Family(
        "albmtls_listener_in_step",
        "Whether AlbConfig and ALB have what is desired; left out while that is not known.",
    )
    for listener in report.listeners:
        labels = _labels(listener)
        # the label keeps an older word for desired, because alert rules name it
        enabled.add(listener.desired.ca_enabled, **labels, view="wished")
        for view, shown in (("albconfig", listener.albconfig), ("alb", listener.alb)):
            if isinstance(shown, Shown):
                enabled.add(shown.ca_enabled, **labels, view=view)
        if listener.verdict is not Verdict.NOT_DECIDED:
            in_step.add(listener.verdict is Verdict.HELD, **labels)
    return [enabled, in_step]


def _labels(listener: ListenerStatus) -> dict[str, str]:
    desired = listener.desired
    return {
        "component": listener.component,
        "listener": desired.name,
        "albconfig": desired.alb_config,
        "port": str(desired.port),
    }


def _whole(report: StatusReport) -> list[_Family]:
    code = _Family(
        "albmtls_status_exit_code", "Exit code of mtls status: 0 held, 1 fell short, 2 could not be decided."
    )
    code.add(report.exit_code)
    at = _Family("albmtls_status_timestamp_seconds", "When this was found out.")
    at.add(report.now)
    return [code, at]


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
