"""The files that deploy Newsreel: what they start is there, and what they set is known."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from newsreel.cli.main import newsreel
from newsreel.config import PREFIX, Settings, read_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
PAGES = [ROOT / "docs/how-to/postgresql.md", ROOT / "docs/how-to/run-as-a-service.md"]
VARIABLES = {PREFIX + field.name.upper() for field in fields(Settings)} | {f"{PREFIX}CONFIG"}
_SH = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def accepts(arguments: list[str]) -> None:
    """Let the real parser read a command line; it raises what it would tell."""
    context = newsreel.make_context("newsreel", list(arguments))
    command: click.Command = newsreel
    while isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = command.make_context(name, rest, parent=context)


def manifests() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def containers() -> Iterator[dict[str, Any]]:
    for manifest in manifests():
        match manifest["kind"]:
            case "Deployment":
                yield from manifest["spec"]["template"]["spec"]["containers"]
            case "CronJob":
                job = manifest["spec"]["jobTemplate"]["spec"]
                yield from job["template"]["spec"]["containers"]
            case _:
                pass


def worker() -> dict[str, Any]:
    """The worker of the compose file."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["worker"])


def lines_in(text: str) -> Iterator[list[str]]:
    """Every command line in a text that begins with newsreel, up to where the shell goes on."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        bare = line.strip().removeprefix("#").strip()
        for found in re.findall(r"(?:^|[ /])newsreel ((?!-worker)[^|`]+)", bare):
            words = shlex.split(found, comments=True)
            if words and words[0] in {*newsreel.list_commands(click.Context(newsreel)), "--db"}:
                yield words


# --- what is started


def test_the_image_starts_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    entry, command = (
        json.loads(re.findall(rf"^{word} (.+)$", text, re.MULTILINE)[-1])
        for word in ("ENTRYPOINT", "CMD")
    )

    assert entry == ["newsreel"]
    accepts(command)
    for path in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in path.split())


def test_the_image_is_not_root_and_sets_what_a_file_of_settings_may_still_choose() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")

    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    assert PREFIX not in text  # variables are stronger than a file


def test_compose_starts_what_is_there() -> None:
    found = worker()

    accepts(found["command"])
    (probe,) = lines_in(found["healthcheck"]["test"][1])
    accepts(probe)
    assert found["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_compose_keeps_its_secrets_in_files() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    found = yaml.safe_load(text)

    named = {secret["file"] for secret in found["secrets"].values()}
    assert named == {"secrets/postgres_password", "secrets/newsreel.toml"}
    assert not re.search(r"^\s+\w*PASSWORD:", text, re.MULTILINE)
    assert "*" in (DEPLOY / "secrets/.gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_is_there(unit: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.+)$", unit.read_text("utf-8"), re.MULTILINE)

    program, *arguments = shlex.split(command)
    assert Path(program).name == "newsreel"
    accepts(arguments)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    if (systemd := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd")
    copy = tmp_path / unit.name.replace("@.", "@1.")
    program = str(Path(sys.executable).with_name("newsreel"))
    copy.write_text(unit.read_text("utf-8").replace("/opt/newsreel/bin/newsreel", program))

    done = subprocess.run(
        [systemd, "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_units_differ_in_what_they_are_for_alone() -> None:
    bodies = [unit.read_text("utf-8").partition("[Service]")[2] for unit in UNITS]

    assert len(bodies) == 2
    assert len(set(bodies)) == 1


def test_kubernetes_starts_what_is_there() -> None:
    found = list(containers())

    assert [container["args"] for container in found] == [["db", "check"], ["run"]]
    for container in found:
        accepts(container["args"])
    (probe,) = lines_in(found[1]["livenessProbe"]["exec"]["command"][2])
    accepts(probe)


def test_kubernetes_lets_nobody_be_root() -> None:
    for container in containers():
        limits = container["securityContext"]
        assert limits["allowPrivilegeEscalation"] is False
        assert limits["readOnlyRootFilesystem"] is True
        assert limits["capabilities"] == {"drop": ["ALL"]}


def test_kubernetes_applies_all_but_the_example() -> None:
    folder = DEPLOY / "kubernetes"
    named = yaml.safe_load((folder / "kustomization.yaml").read_text("utf-8"))["resources"]

    others = {"kustomization.yaml", "secret.example.yaml"}
    assert sorted(named) == sorted({path.name for path in MANIFESTS} - others)


def test_the_budget_and_the_deployment_mean_the_same_pods() -> None:
    found = {manifest["kind"]: manifest for manifest in manifests()}
    wanted = found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    deployment = found["Deployment"]["spec"]

    assert deployment["template"]["metadata"]["labels"] == wanted
    assert deployment["selector"]["matchLabels"] == wanted


def test_kustomize_puts_the_manifests_together() -> None:
    if (kubectl := shutil.which("kubectl")) is None:
        pytest.skip("no kubectl")

    done = subprocess.run(
        [kubectl, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=True
    )

    found = list(yaml.safe_load_all(done.stdout))
    assert {manifest.get("metadata", {}).get("namespace") for manifest in found} == {
        None,  # the namespace itself
        "newsreel",
    }


# --- what is set


def test_every_variable_that_is_set_is_one_of_ours() -> None:
    named = {
        (name, path.name)
        for path in FILES
        for name in re.findall(rf"\b{PREFIX}[A-Z_]+", path.read_text("utf-8"))
    }

    assert {name for name, _ in named} <= VARIABLES, named


@pytest.mark.parametrize("place", ["example", "kubernetes"])
def test_the_example_of_a_file_of_settings_can_be_read(place: str, tmp_path: Path) -> None:
    if place == "example":
        text = (DEPLOY / "newsreel.example.toml").read_text("utf-8")
    else:
        secret = (DEPLOY / "kubernetes/secret.example.yaml").read_text("utf-8")
        text = yaml.safe_load(secret)["stringData"]["newsreel.toml"]
    path = tmp_path / "newsreel.toml"
    path.write_text(text)

    settings = read_settings(config=path, given={}, environ={})

    assert tomllib.loads(text)["db"] == settings.db
    assert settings.db.startswith("postgresql://")


# --- what is told


def test_commands_are_found_where_they_are_named() -> None:
    found = {words[0] for path in FILES for words in lines_in(path.read_text("utf-8"))}

    assert found >= {"add", "workers"}
    with pytest.raises(click.UsageError):
        accepts(["run", "--what-nobody-knows"])


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: path.name)
def test_every_command_that_is_named_is_understood(path: Path) -> None:
    text = path.read_text("utf-8")
    if path in PAGES:
        text = "\n".join(_SH.findall(text))

    for arguments in lines_in(text):
        accepts(arguments)
