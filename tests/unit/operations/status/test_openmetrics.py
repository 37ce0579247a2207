"""The exposition of `mtls status`, read back by Prometheus' own parser of OpenMetrics."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from alb_mutual_tls.listener.enforced import Absent, NotKnown, Shown, View
from alb_mutual_tls.operations.status.certificates import AuthorityStatus, ClientStatus, OutstandingStatus
from alb_mutual_tls.operations.status.listeners import ListenerStatus
from alb_mutual_tls.operations.status.openmetrics import as_openmetrics, escaped
from alb_mutual_tls.operations.status.status import StatusReport
from alb_mutual_tls.stack.deployed import DeployedListener

NOW = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
END = datetime(2027, 2, 21, 12, tzinfo=UTC)
HTTPS = DeployedListener("https", "alb", 443, True, ca_certificate_id="ca-1")


def made(
    albconfig: View = Shown(True, ("ca-1",)),  # noqa: B008
    alb: View = Shown(True, ("ca-1",)),  # noqa: B008
    name: str = "one",
) -> StatusReport:
    return StatusReport(
        now=NOW,
        fail_within=None,
        listeners=(ListenerStatus("mtls", HTTPS, "root", albconfig, alb),),
        authorities=(
            AuthorityStatus("mtls", "a", ("trusted",), "CN=a", "f" * 64, END),
            AuthorityStatus("mtls", "b", ("issuing",), "CN=b", "e" * 64, END),
        ),
        clients=(
            ClientStatus("mtls", name, "1f", END, END.replace(month=1), due=True, ends_with_authority=False),
            ClientStatus("mtls", f"{name} short", "2f", END, None, due=False, ends_with_authority=True),
        ),
        outstanding=(OutstandingStatus("mtls", name, "3f", END, "removed", NOW, accepted=True),),
    )


def samples(report: StatusReport) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Family -> labels and values, as the parser reads them; it refuses what is not OpenMetrics."""
    found = {}
    for family in text_string_to_metric_families(as_openmetrics(report)):
        assert family.type == "gauge"
        assert family.documentation
        assert family.unit == ("seconds" if family.name.endswith("_seconds") else "")
        found[family.name] = [(dict(sample.labels), float(sample.value)) for sample in family.samples]
    return found


def test_names_and_labels_are_the_contract_of_alert_rules() -> None:
    place = {"component": "mtls", "listener": "https", "albconfig": "alb", "port": "443"}
    one, short = {"component": "mtls", "client": "one"}, {"component": "mtls", "client": "one short"}
    assert samples(made()) == {
        "albmtls_certificate_not_after_timestamp_seconds": [(one, END.timestamp()), (short, END.timestamp())],
        "albmtls_certificate_renewal_timestamp_seconds": [(one, END.replace(month=1).timestamp())],
        "albmtls_certificate_renewal_due": [(one, 1), (short, 0)],
        "albmtls_authority_not_after_timestamp_seconds": [
            ({"component": "mtls", "authority": "a", "trusted": "true", "issuing": "false"}, END.timestamp()),
            ({"component": "mtls", "authority": "b", "trusted": "false", "issuing": "true"}, END.timestamp()),
        ],
        "albmtls_outstanding_certificate_not_after_timestamp_seconds": [
            ({**one, "serial_number": "3f", "reason": "removed", "accepted": "true"}, END.timestamp())
        ],
        "albmtls_listener_ca_enabled": [
            ({**place, "view": "wished"}, 1),
            ({**place, "view": "albconfig"}, 1),
            ({**place, "view": "alb"}, 1),
        ],
        "albmtls_listener_in_step": [(place, 1)],
        "albmtls_status_exit_code": [({}, 0)],
        "albmtls_status_timestamp_seconds": [({}, NOW.timestamp())],
    }


def test_the_page_lists_every_metric_with_its_labels() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs/status.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `albmtls_")]
    listed = {
        cells[0].strip("`"): set(re.findall("`([a-z_]+)`", re.sub(r"\(.*?\)", "", cells[1])))
        for cells in rows
    }
    assert listed == {
        name: {label for labels, _ in found for label in labels} for name, found in samples(made()).items()
    }


def test_what_is_not_known_is_left_out_and_what_is_out_of_step_is_zero() -> None:
    unseen = samples(made(alb=NotKnown("no permission")))
    assert [labels["view"] for labels, _ in unseen["albmtls_listener_ca_enabled"]] == ["wished", "albconfig"]
    assert unseen["albmtls_listener_in_step"] == []
    assert unseen["albmtls_status_exit_code"] == [({}, 2)]
    off = samples(made(alb=Shown(False, ("ca-1",)), albconfig=Absent("gone")))
    assert [(labels["view"], value) for labels, value in off["albmtls_listener_ca_enabled"]] == [
        ("wished", 1),
        ("alb", 0),
    ]
    assert [value for _, value in off["albmtls_listener_in_step"]] == [0]


def test_a_stack_with_nothing_in_it_is_an_exposition_too() -> None:
    empty = replace(made(), listeners=(), authorities=(), clients=(), outstanding=())
    assert samples(empty)["albmtls_certificate_renewal_due"] == []
    assert as_openmetrics(empty).endswith("\n# EOF\n")


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_text_survives_as_a_label(text: str) -> None:
    found = samples(made(name=text))
    assert found["albmtls_certificate_renewal_due"][0][0]["client"] == text


@given(st.text(st.sampled_from('\\n"\n{}=,# x'), max_size=12))
def test_an_escaped_text_is_on_one_line_and_has_no_quote_of_its_own(text: str) -> None:
    inside = escaped(text)
    assert "\n" not in inside
    plain = inside.replace("\\\\", "").replace('\\"', "").replace("\\n", "")
    assert '"' not in plain and "\\" not in plain
