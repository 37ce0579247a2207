"""The metrics and alert rules of docs/status.md under Prometheus' own judge, promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alb_mutual_tls.operations.status.openmetrics import as_openmetrics
from tests.integration.documentation import documents
from tests.unit.operations.status.test_openmetrics import made

DAY = 24 * 60
"""In minutes, the distance between two values of the series; time begins at 0."""

(RULES,) = documents("status.md")["Metrics"]
LISTENER = 'albmtls_listener_in_step{component="mtls", listener="https"}'
CERTIFICATE = 'albmtls_certificate_not_after_timestamp_seconds{component="mtls", client="partner"}'
AUTHORITY = 'albmtls_authority_not_after_timestamp_seconds{component="mtls", authority="root", trusted="%s"}'
STATUS = "albmtls_status_timestamp_seconds"


def promtool(place: Path, *arguments: str, **files: Any) -> subprocess.CompletedProcess[str]:
    for name, content in files.items():
        (place / f"{name}.yaml").write_text(yaml.safe_dump(content))
    command = ["promtool", *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=60, check=False)


def test_the_metrics_are_text_in_prometheus_own_format_as_well() -> None:
    command = ["promtool", "check", "metrics"]
    text = as_openmetrics(made())
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prometheus_reads_the_rules(tmp_path: Path) -> None:
    done = promtool(tmp_path, "check", "rules", "rules.yaml", rules=RULES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(RULES['groups'][0]['rules'])} rules found" in done.stdout


def always(value: float) -> str:
    """A series' value in each minute of two days."""
    return f"{value:.0f}+0x{2 * DAY}"


@pytest.mark.parametrize(
    ("alert", "series", "values", "minutes", "message"),
    [
        ("AlbMtlsListenerOutOfStep", LISTENER, f"1+0x9 {always(0)}", 24, None),
        (
            "AlbMtlsListenerOutOfStep",
            LISTENER,
            f"1+0x9 {always(0)}",
            25,
            "listener https is not as desired: run ./mtls status",
        ),
        ("AlbMtlsListenerOutOfStep", LISTENER, always(1), DAY, None),
        ("AlbMtlsClientCertificateEnds", CERTIFICATE, always(14 * 86400 + 3600), 59, None),
        (
            "AlbMtlsClientCertificateEnds",
            CERTIFICATE,
            always(14 * 86400 + 3600),
            61,
            "the certificate of client partner ends within 14 days",
        ),
        ("AlbMtlsAuthorityEnds", AUTHORITY % "true", always(180 * 86400 + 3600), 59, None),
        (
            "AlbMtlsAuthorityEnds",
            AUTHORITY % "true",
            always(180 * 86400 + 3600),
            61,
            "authority root ends within 180 days: rotate",
        ),
        ("AlbMtlsAuthorityEnds", AUTHORITY % "false", always(86400), DAY, None),
        ("AlbMtlsStatusIsOld", STATUS, always(0), DAY, None),
        ("AlbMtlsStatusIsOld", STATUS, always(0), DAY + 1, "./mtls status has not run for a day"),
        ("AlbMtlsStatusIsOld", "something_else", always(0), 1, "./mtls status has not run for a day"),
    ],
)
def test_an_alert_fires_when_it_should_and_only_then(
    tmp_path: Path, alert: str, series: str, values: str, minutes: int, message: str | None
) -> None:
    """`message` is that of the alert that fires after so many minutes; None where it must not."""
    labels = series.rstrip("}").partition("{")[2]
    shown = dict(label.split("=") for label in labels.split(", ")) if labels else {}
    labelled = {key: text.strip('"') for key, text in shown.items()} if series != "something_else" else {}
    fired = [] if message is None else [{"exp_labels": labelled, "exp_annotations": {"summary": message}}]
    test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values}],
        "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": fired}],
    }
    done = promtool(
        tmp_path,
        "test",
        "rules",
        "test.yaml",
        rules=RULES,
        test={"rule_files": ["rules.yaml"], "tests": [test]},
    )
    assert done.returncode == 0, done.stdout + done.stderr
