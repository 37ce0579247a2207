"""The workflows in examples/ and the project's own: what they call exists, who gets credentials,
who waits for whom.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.toolchain.stand_ins import announcement
from dev.toolchain.versions import load

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "examples/workflows"
GITHUB = {
    file.stem.removeprefix("alb-mutual-tls-"): file for file in (EXAMPLES / "github-actions").glob("*.yml")
}
GITLAB = EXAMPLES / "gitlab-ci.yml"
FLOW = EXAMPLES / "alibaba-devops-flow.yml"
FILES = [*GITHUB.values(), GITLAB, FLOW, REPOSITORY / ".github/workflows/ci.yml"]
LOCKING = ("deploy", "renew")
"""Scripts that take the lock of the stack; `pulumi preview` takes none."""


def read(file: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    return document


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from texts(item)


def calls() -> dict[str, set[str]]:
    """Every script of the checkout that a workflow starts, with all options it is given."""
    found: dict[str, set[str]] = {}
    for file in FILES:
        for text in texts(read(file)):
            for line in text.replace("\\\n", " ").splitlines():
                for script, rest in re.findall(
                    r"(?:^|[\s;])(ci/[a-z]+|\./mtls [a-z]+|\.ci/[a-z]+)([^|;&>]*)", line
                ):
                    found.setdefault(script, set()).update(re.findall(r"--[a-z-]+", rest))
    for job in called_jobs():
        script, *options = job["with"]["command"].split()
        found.setdefault(f"ci/{script}", set()).update({*options, "--stack", "--output"})
    return found


def called_jobs() -> list[dict[str, Any]]:
    """The jobs of GitHub Actions that start a script of ci/."""
    return [
        job
        for name, file in GITHUB.items()
        if name != "run"
        for job in read(file)["jobs"].values()
        if "uses" in job
    ]


@pytest.mark.parametrize(
    ("script", "options"), sorted(calls().items()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_workflow_starts_exists_and_knows_the_options_it_is_given(
    script: str, options: set[str]
) -> None:
    program, *command = script.split()
    assert (REPOSITORY / program).is_file()
    if options:
        shown = subprocess.run(
            [REPOSITORY / program, *command, "--help"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        assert options <= set(re.findall(r"--[a-z-]+", shown))


def test_each_platform_starts_each_script_that_it_can() -> None:
    for file, wanted in ((GITLAB, "preview deploy drift renew"), (FLOW, "preview deploy")):
        assert {
            name for text in texts(read(file)) for name in re.findall(r"(?<!\S)ci/([a-z]+) --", text)
        } == set(wanted.split())
    assert {job["with"]["command"].split()[0] for job in called_jobs()} == {
        "preview",
        "deploy",
        "drift",
        "renew",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(file: Path) -> None:
    for used in re.findall(r"uses: (.*)", file.read_text()):
        assert used.startswith("./") or re.fullmatch(
            r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+.*", used
        ), used


def test_the_same_action_has_the_same_commit_everywhere() -> None:
    pins = {
        tuple(used.split("@"))
        for file in FILES
        for used in re.findall(r"uses: ([\w/-]+@\w+)", file.read_text())
    }
    assert len({name for name, _ in pins}) == len(pins) > 3


def test_the_engine_is_the_official_release_that_the_toolchain_pins() -> None:
    wanted = load().releases["pulumi"].version
    assert f"pulumi-version: {wanted}\n" in GITHUB["run"].read_text()
    assert read(GITLAB)[".alb-mutual-tls"]["variables"]["PULUMI_VERSION"] == wanted


@pytest.mark.parametrize("name", sorted(GITHUB))
def test_github_gives_credentials_to_no_fork_and_permissions_only_to_jobs_that_use_them(name: str) -> None:
    workflow = read(GITHUB[name])
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads `on` as true
    if name == "run":  # called by the others, with their permissions
        return
    assert workflow["permissions"] == {}
    for key, job in workflow["jobs"].items():
        if key == "fork":
            assert "permissions" not in job
            assert "secrets" not in job
            assert job["if"] == "github.event.pull_request.head.repo.full_name != github.repository"
            continue
        comments = job["with"].get("comment", False)
        assert job["permissions"] == {
            "contents": "read",
            "id-token": "write",
            **({"pull-requests": "write"} if comments else {}),
        }
        if "pull_request" in workflow[True]:
            assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_github_lets_only_runs_that_take_the_lock_of_a_stack_wait_for_each_other() -> None:
    for job in called_jobs():
        script, stack = job["with"]["command"].split()[0], job["with"]["stack"]
        assert (job["with"]["group"] == f"alb-mutual-tls-{stack}") == (script in LOCKING)
    assert read(GITHUB["run"])["jobs"]["run"]["concurrency"] == {
        "group": "${{ inputs.group }}",
        "cancel-in-progress": False,
    }


def test_only_a_deployment_runs_in_the_environment_with_the_deploy_role() -> None:
    for job in called_jobs():
        script, stack, environment = (
            job["with"]["command"].split()[0],
            job["with"]["stack"],
            job["with"]["environment"],
        )
        assert environment == {"deploy": stack, "renew": f"{stack}-renew"}.get(script, f"{stack}-preview")
    for key, job in read(GITLAB).items():
        names = (
            re.findall(r"ci/([a-z]+) --", "\n".join(texts(job.get("script", []))))
            if isinstance(job, dict)
            else []
        )
        for script in names:
            assert job["environment"]["name"] == {"deploy": "$STACK", "renew": "$STACK-renew"}.get(
                script, "$STACK-preview"
            ), key
            assert (job.get("resource_group") == "alb-mutual-tls-$STACK") == (script in LOCKING), key


def test_gitlab_gives_no_job_of_a_fork_a_token() -> None:
    jobs = read(GITLAB)
    assert "id_tokens" not in jobs["fork"]
    assert "extends" not in jobs["fork"]
    (rule,) = jobs["preview"]["rules"]
    assert rule["if"].endswith("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID")


@pytest.mark.parametrize("file", [GITHUB["run"], GITLAB], ids=lambda file: file.name)
def test_the_comment_is_found_again_by_the_marker_that_the_summary_has(file: Path) -> None:
    made = import_module("alb_mutual_tls.pipeline.markdown").marker
    (marker,) = set(
        re.findall(r"<!--.*?-->", file.read_text().replace("%s", "STACK").replace("$STACK", "STACK"))
    )
    assert made("preview", "STACK") == marker


def test_no_script_from_the_network_runs_beside_credentials_and_gitlab_checks_the_engine() -> None:
    for file in FILES:
        for text in texts(read(file)):
            assert not re.search(r"\b(?:curl|wget)\b[^\n]*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b|apt-get", text), (
                file,
                text,
            )
    before = read(GITLAB)[".alb-mutual-tls"]["before_script"]
    checked, unpacked = (
        next(place for place, line in enumerate(before) if word in line)
        for word in ("sha256sum --check --strict", "tar -x")
    )
    assert checked < unpacked
    release = load().releases["pulumi"]
    (archive,) = release.files("linux", "x86_64")
    for url in (archive.url, archive.checksums):
        assert any(f'"{url.replace(release.version, "$PULUMI_VERSION")}"' in line for line in before)


def test_github_updates_only_a_comment_of_its_own_token() -> None:
    (comment,) = [
        step["run"]
        for step in read(GITHUB["run"])["jobs"]["run"]["steps"]
        if "GH_TOKEN" in step.get("env", {})
    ]
    assert (
        '.user.login == "github-actions[bot]" and (.body | contains($marker))' in comment
        and "--paginate" in comment
    )


def test_the_projects_own_ci_runs_its_scripts_and_asserts_that_no_plugin_stands_in() -> None:
    jobs = read(REPOSITORY / ".github/workflows/ci.yml")["jobs"]
    runs = {
        name: "\n".join(step["run"] for step in job["steps"] if "run" in step) for name, job in jobs.items()
    }
    assert "bash .ci/run" in runs["built"]
    assert "bash .ci/official" in runs["official"]
    (looked_for,) = re.findall(r"grep -F '(.*)'", (REPOSITORY / ".ci/official").read_text())
    assert looked_for in announcement("tls", "1.2.3")


def test_no_change_is_left_out_because_of_the_name_of_its_file() -> None:
    """A stack file names requests and certificates by paths of any kind: a replaced one changes
    what is to be deployed.
    """
    triggers = [read(file)[True] for file in GITHUB.values()]  # YAML 1.1 reads `on` as true
    assert all(isinstance(trigger, dict) for trigger in triggers)
    filtered = {
        key for trigger in triggers for event in trigger.values() if isinstance(event, dict) for key in event
    }
    assert not filtered & {"paths", "paths-ignore"}
