"""What the recorded plans come to, in words, in Markdown and in JSON."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alb_mutual_tls.entry import ExitCode
from alb_mutual_tls.operations.deployment.summary import Summary, as_json, of_drift, of_preview
from alb_mutual_tls.pipeline.summary_markdown import LIMIT, as_markdown
from tests.unit.operations.deployment.recorded import NAMES, ended, lines, recorded

PREVIEWS: dict[str, tuple[str, int]] = {
    "first": (
        r"listener alb:443 will be claimed with client authentication off; 2 client certificates issued",
        0,
    ),
    "no_change": (r"no change", 0),
    "enable": (r"listener alb:443 will demand client certificates", 0),
    "disable": (r"listener alb:443 will let everybody in without a client certificate", 0),
    "rotate": (r"listener alb:443 will trust another CA", 0),
    "rotate_issue": (
        r"2 client certificates issued anew; listener alb:443 stays as it is, only its record changes",
        0,
    ),
    "removed_client": (r"1 client certificate removed", 0),
    "released": (r"listener alb:443 will let everybody in without a client certificate", 0),
    "renewal": (r"2 client certificates renewed", 0),
    "drift": (
        (
            r"listener alb:443 will demand client certificates; drift: listener alb:443 was changed,"
            r" caEnabled true → false"
        ),
        0,
    ),
    "drift_and_pending": (
        (
            r"listener alb:443 will demand .*; 1 client certificate removed; drift: listener alb:443 was"
            r" changed, .*"
        ),
        0,
    ),
    "update": (r"listener alb:443 will trust another CA", 0),
    "refused": (
        (
            r"refused: AlbConfig alb has no listener on port 8443, it has 80/HTTP, 443/HTTPS: correct the"
            r" port .*"
        ),
        1,
    ),
    "locked_out": (
        (
            r"refused: listener 443/HTTPS of AlbConfig alb would trust another certificate authority.*so"
            r" everybody would be locked out.*"
        ),
        1,
    ),
    "bad_configuration": (
        (
            r"refused: caEnabled: 'maybe' is neither true nor false: pulumi config set caEnabled true \(or"
            r" false\)"
        ),
        1,
    ),
    "protected": (
        r'refused: resource ".*alb-mutual-tls-alb-443" cannot be deleted because it is protected.*',
        1,
    ),
    "unreachable": (r"not checked: the cluster cannot be reached from here", 2),
    "wrong_credentials": (r"not checked: credentials or the kubeconfig are missing or not accepted", 2),
}


def test_every_recorded_plan_has_its_verdict() -> None:
    assert sorted(PREVIEWS) == NAMES


@pytest.mark.parametrize("name", PREVIEWS)
def test_the_first_line_is_the_verdict_and_the_second_one_the_marker(name: str) -> None:
    verdict, exit_code = PREVIEWS[name]
    summary = of_preview("prod", recorded(name))
    assert re.fullmatch(verdict, summary.verdict), summary.verdict
    assert summary.exit_code == exit_code
    first, second = as_markdown(summary).splitlines()[:2]
    assert first.startswith("**prod: ")
    assert first.endswith("**")
    assert second == "<!-- alb-mutual-tls preview prod -->"


def row(text: str, beginning: str) -> list[str]:
    """The cells of the only row of the tables that begins so."""
    [found] = [line for line in text.splitlines() if line.startswith(f"| {beginning} |")]
    return [cell.strip() for cell in found.strip("|").split(" | ")]


def test_a_listener_is_shown_with_its_switch_and_its_ca() -> None:
    cells = row(as_markdown(of_preview("prod", recorded("enable"))), "alb:443")
    assert cells[1] == "off → **on**"
    assert re.fullmatch(r"CN=root [0-9a-f]{8},O=alb-mutual-tls, SHA-256 `[0-9a-f]{16}…`, id \S+", cells[2])


def test_a_rotation_shows_both_cas() -> None:
    cells = row(as_markdown(of_preview("prod", recorded("rotate"))), "alb:443")
    assert cells[1] == "on"
    before, after = cells[2].split(" → ")
    assert before.startswith("CN=root ")
    assert after.startswith("CN=next ")


def test_a_first_deployment_does_not_pretend_to_know_what_the_listener_had() -> None:
    cells = row(as_markdown(of_preview("prod", recorded("first"))), "alb:443")
    assert cells[1:3] == ["not this stack's → **off**", "one that this deployment makes"]


def test_a_listener_that_goes_is_shown_with_what_it_had_before_this_stack() -> None:
    cells = row(as_markdown(of_preview("prod", recorded("released"))), "alb:443")
    assert cells[1] == "on → **off**"
    assert cells[2].endswith("→ none")


def test_a_removed_client_is_shown_with_the_end_of_its_certificate_in_the_table_and_in_a_warning() -> None:
    text = as_markdown(of_preview("prod", recorded("removed_client")))
    until = row(text, "client partner")[2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", until)
    assert (
        f"- client partner is removed, but whoever holds its certificate is let in until {until} wherever"
        in text
    )


def test_renewed_certificates_are_told_from_those_that_are_issued_for_another_reason() -> None:
    assert (
        row(as_markdown(of_preview("prod", recorded("renewal"))), "client client")[1] == "renewed for 90 days"
    )
    anew = row(as_markdown(of_preview("prod", recorded("rotate_issue"))), "client client")
    assert anew[1] == "issued anew for 90 days, because of another authority"


def test_all_resources_are_folded_away_with_their_paths() -> None:
    text = as_markdown(of_preview("prod", recorded("enable")))
    assert "<details><summary>Resources: 1 to update, 12 unchanged</summary>" in text
    assert (
        "\n! update albmtls:index:ListenerClientAuthentication alb-mutual-tls-alb-443 [caEnabled]\n" in text
    )


def test_a_failed_preview_shows_no_half_of_a_plan() -> None:
    for name in ("locked_out", "unreachable", "refused"):
        text = as_markdown(of_preview("prod", recorded(name)))
        assert "<details>" not in text
        assert "### Listeners" not in text
        assert "### Certificates" not in text


DRIFTS: dict[str, tuple[str, int]] = {
    "no_change": (r"no drift", 0),
    "enable": (r"no drift; not deployed yet: listener alb:443 will demand client certificates", 0),
    "renewal": (r"no drift; not deployed yet: 2 client certificates renewed", 0),
    "drift": (r"drift: listener alb:443 was changed, caEnabled true → false", 1),
    "drift_and_pending": (
        (
            r"drift: listener alb:443 was changed, caEnabled true → false; not deployed yet: 1 client"
            r" certificate removed"
        ),
        1,
    ),
    "refused": (r"not decided: the configuration is refused: AlbConfig alb has no listener .*", 2),
    "unreachable": (r"not decided: the cluster cannot be reached from here", 2),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_is_told_from_what_is_not_deployed_yet(name: str) -> None:
    verdict, exit_code = DRIFTS[name]
    summary = of_drift("prod", recorded(name))
    assert re.fullmatch(verdict, summary.verdict), summary.verdict
    assert summary.exit_code == exit_code
    assert as_markdown(summary).splitlines()[1] == "<!-- alb-mutual-tls drift prod -->"


def test_drift_says_what_the_next_update_does_about_it() -> None:
    cells = row(as_markdown(of_drift("prod", recorded("drift"))), "listener alb:443")
    assert cells[1:] == ["caEnabled", "true", "false", "puts it back"]


def altered(name: str, *changes: tuple[str, str]) -> list[str]:
    """Recorded events with texts replaced, each of which must be there."""
    text = "\n".join(lines(name))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text.splitlines()


def test_a_switch_by_hand_that_the_configuration_wishes_too_is_left() -> None:
    told = [line for line in lines("drift") if '"op": "update"' not in line]
    [found] = of_drift("prod", ended(told)).drifts
    assert found.outlook == "leaves it, for the configuration says so"


def test_a_resource_that_is_gone_is_drift_and_what_replaces_it_is_not_a_change_of_the_configuration() -> None:
    told = []
    for line in lines("drift"):
        event = json.loads(line)
        step = event.get("resOutputsEvent", {}).get("metadata", {})
        if step.get("op") == "refresh" and step.get("detailedDiff"):
            step |= {"new": None, "detailedDiff": None, "diffs": None}
        told.append(json.dumps(event))
    summary = of_drift("prod", ended(told))
    assert summary.verdict == "drift: listener alb:443 is gone or was made anew"
    assert summary.exit_code == ExitCode.BAD
    assert summary.drifts[0].outlook == "puts it back"


def test_what_nobody_could_look_at_is_no_good_news() -> None:
    warning = {
        "severity": "warning",
        "message": "the CA certificate 7 was not looked at, what is known of it is kept: it is locked",
    }
    told = [json.dumps({"diagnosticEvent": warning}), *lines("no_change")]
    assert of_drift("prod", ended(told)).exit_code == ExitCode.UNDECIDED
    assert (
        of_preview("prod", ended(told)).verdict
        == "no change (not everything could be looked at, see the warnings)"
    )


def test_an_event_log_that_was_cut_off_is_not_checked() -> None:
    whole = lines("enable")
    for kept in (0, 1, len(whole) // 2, len(whole) - 1):
        summary = of_preview("prod", ended([*whole[:kept], whole[kept][: len(whole[kept]) // 2]]))
        assert summary.verdict == "not checked: it was interrupted before its end"
        assert summary.exit_code == ExitCode.UNDECIDED


# --- steady, without secrets, not too long


@pytest.mark.parametrize("name", NAMES)
def test_the_order_in_which_the_engine_tells_things_makes_no_difference(name: str) -> None:
    told = lines(name)
    diagnostics = [line for line in told if "diagnosticEvent" in line]
    others = [line for line in told if "diagnosticEvent" not in line]
    shuffled = diagnostics[::-1] + random.Random(7).sample(others[:-1], len(others) - 1) + others[-1:]
    for of in (of_preview, of_drift):
        one, other = of("prod", ended(told)), of("prod", ended(shuffled))
        assert as_markdown(one) == as_markdown(other)
        assert as_json(one) == as_json(other)


def test_ids_of_requests_and_days_left_do_not_make_a_summary_differ() -> None:
    def told(request: str, days: int) -> str:
        texts = {
            "error": (
                "STS at sts.aliyuncs.com does not accept the access key LTAI****: SignatureDoesNotMatch"
                f" (HTTP 400, request {request}); set it"
            ),
            "warning": f"client ends on 2027-01-01T00:00:00Z ({days} days left), and so does its authority",
        }
        events = [
            {"diagnosticEvent": {"severity": severity, "message": text}} for severity, text in texts.items()
        ]
        return as_markdown(of_preview("prod", ended([json.dumps(event) for event in events])))

    assert told("4798E467-F149-44B8-BA0E-119EDB18F1AD", 3) == told("D7A0FC76-8D58-4AAB-852E-C319E14B454E", 2)


SECRET = "s3cr3t-"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq{}\n-----END PRIVATE KEY-----\n"
SIGNATURE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
SHOWN = {
    "albConfig",
    "port",
    "caEnabled",
    "caCertificateId",
    "trustedNotAfter",
    "trustedFingerprint",
    "appliedCaCertificateId",
    "previous",
}
SHOWN |= {
    "notAfter",
    "validityDays",
    "kind",
    "sign",
    "certificatePem",
    "certificates",
    "outstanding",
    "owner",
}


@given(name=st.sampled_from(NAMES), seed=st.integers(0, 10**6))
def test_secrets_in_events_never_appear_in_a_summary(name: str, seed: int) -> None:
    """Planted as the engine marks them, in properties that are not shown, in messages, and in the
    configuration.
    """
    chance = random.Random(seed)
    secret = f"{SECRET}{seed}"

    def plant(values: Any) -> None:
        if not isinstance(values, dict):
            return
        for key in list(values):
            if chance.random() < 0.3:
                values[key] = {**SIGNATURE, "ciphertext": secret, "plaintext": json.dumps(secret)}
            elif key not in SHOWN and chance.random() < 0.5:
                values[key] = secret
        values["password"] = secret

    told = [json.dumps({"preludeEvent": {"config": {"alb-mutual-tls:x": secret}}})]
    for line in lines(name):
        event = json.loads(line)
        for value in event.values():
            for side in ("old", "new"):
                for part in ("inputs", "outputs"):
                    plant(((value.get("metadata") or {}).get(side) or {}).get(part))
            if "message" in value:
                value["message"] = f"{value['message'].strip()} and {secret} or {KEY.format(secret)}"
        told.append(json.dumps(event))
    run = ended(told, secrets=(secret,))
    for summary in (of_preview("prod", run), of_drift("prod", run)):
        for text in (as_markdown(summary), as_json(summary)):
            assert secret not in text
            assert "MIIEvQIBADANBgkq" not in text


def many(count: int) -> list[str]:
    """A plan in which that many clients come, with long names."""
    *told, last = lines("first")
    [key] = [
        line for line in told if "PrivateKey" in line and "client-partner" in line and "resOutputs" in line
    ]
    names = [f"{'n' * 100}-{number}" for number in range(count)]
    return [
        *(with_clients(line, names) if "::alb-mutual-tls-issued" in line else line for line in told),
        *(key.replace("client-partner", f"client-{name}") for name in names),
        last,
    ]


def with_clients(line: str, names: list[str]) -> str:
    """The step of the register with as many clients more."""
    event: dict[str, Any] = json.loads(line)
    clients = event["resOutputsEvent"]["metadata"]["new"]["inputs"]["clients"]
    clients |= dict.fromkeys(names, clients["partner"])
    return json.dumps(event)


def test_a_summary_fits_into_a_comment_however_many_resources_change_and_says_what_it_left_out() -> None:
    text = as_markdown(of_preview("prod", ended(many(2000))))
    assert LIMIT - 1000 < len(text) <= LIMIT
    assert text.splitlines()[0].startswith(
        "**prod: listener alb:443 will be claimed with client authentication off; 2002 client certificates"
        " issued**"
    )
    assert text.count("are left out here: see the engine's own output") == 2
    assert text.endswith("```\n\n</details>\n")
    folded = text.partition("```diff\n")[2].partition("\n```")[0].splitlines()
    assert int(folded[-1].split()[1]) + len(folded) - 1 == 2013


def test_a_long_list_of_warnings_does_not_push_the_plan_out() -> None:
    texts = [f"warning {number}: {'x' * 3000}" for number in range(500)]
    told = [
        json.dumps({"diagnosticEvent": {"severity": "warning", "message": text}}) for text in texts
    ] + many(500)
    text = as_markdown(of_preview("prod", ended(told)))
    assert len(text) <= LIMIT
    assert "| alb:443 |" in text
    assert "```diff\n+ create" in text


def parsed(summary: Summary) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(as_json(summary))
    return document


def test_json_holds_the_same() -> None:
    document = parsed(of_preview("prod", recorded("enable")))
    assert (document["version"], document["kind"], document["stack"], document["exitCode"]) == (
        1,
        "preview",
        "prod",
        0,
    )
    [listener] = document["listeners"]
    assert listener["listener"] == "alb:443"
    assert (listener["before"]["caEnabled"], listener["after"]["caEnabled"]) == (False, True)
    assert document["resources"][0]["paths"] == ["caEnabled"]
    assert document["failure"] is None
    assert parsed(of_drift("prod", recorded("drift")))["drift"] == [
        {
            "what": "listener alb:443",
            "gone": False,
            "differences": [{"property": "caEnabled", "left": "true", "found": "false"}],
            "outlook": "puts it back",
        }
    ]
    refused = parsed(of_preview("prod", recorded("refused")))
    assert refused["failure"]["reason"] == "refused"
    assert refused["resources"] == []
