"""The container files: checked by their own tools, and against what the project relies on."""

import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config_schema

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
PASSWORD = {"DAGSTER_POSTGRES_PASSWORD": "only-for-this-test"}


def tool(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def load(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((DOCKER / name).read_text())
    assert isinstance(loaded, dict)
    return loaded


def compose(*files: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`docker-compose config` with the example's settings and `variables`, nothing else."""
    command = [tool("docker-compose"), "--env-file", str(DOCKER / ".env.example")]
    for file in files:
        command += ["-f", str(DOCKER / file)]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}
    return subprocess.run(
        [*command, "config"], capture_output=True, text=True, env=environment, check=False
    )


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run(
        [tool("hadolint"), str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_nobody_special() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    final = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    users = [line.split()[1] for line in final if line.startswith("USER")]
    assert users == ["${FER_UID}"]
    assert "ARG FER_UID=1000" in final


def test_what_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    sources = [s for line in copies for s in line.split()[:-1] if not s.startswith("--")]
    kept = (DOCKER / "Dockerfile.dockerignore").read_text().split()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in kept or f"!{source.split('/')[0]}" in kept or source == "docker/", (
            source
        )


def test_the_servers_command_is_one_that_dagster_knows() -> None:
    line = next(s for s in (DOCKER / "Dockerfile").read_text().splitlines() if s.startswith("CMD"))
    command = yaml.safe_load(line.removeprefix("CMD "))
    done = subprocess.run(
        [tool("dagster"), *command[1:3], "--help"], capture_output=True, text=True, check=True
    )
    for option in (word for word in command if word.startswith("--")):
        assert option in done.stdout
    assert "fer_assets.definitions" in command


def test_compose_is_valid_with_a_password_and_refused_without() -> None:
    done = compose("docker-compose.yaml", **PASSWORD)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"postgres", "code", "webserver", "daemon"}
    for name in ("code", "webserver", "daemon"):
        assert services[name]["environment"]["DAGSTER_POSTGRES_PASSWORD"] == "only-for-this-test"
    without = compose("docker-compose.yaml")
    assert without.returncode != 0
    assert "set a password" in without.stderr


def test_compose_with_a_gpu_is_valid() -> None:
    done = compose("docker-compose.yaml", "docker-compose.cuda.yaml", **PASSWORD)
    assert done.returncode == 0, done.stderr
    code = yaml.safe_load(done.stdout)["services"]["code"]
    assert code["environment"]["FER_DEVICE"] == "cuda"
    assert code["environment"]["FER_ROOT"] == "/data"
    (device,) = code["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_only_the_web_page_has_a_port_and_only_on_the_loopback_address() -> None:
    services = load("docker-compose.yaml")["services"]
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["webserver"]
    assert all(port.startswith("127.0.0.1:") for port in ports["webserver"])
    assert not any(service.get("network_mode") for service in services.values())


def test_every_service_has_a_health_check_and_none_the_docker_socket() -> None:
    services = load("docker-compose.yaml")["services"]
    assert all("healthcheck" in service for service in services.values())
    assert "docker.sock" not in (DOCKER / "docker-compose.yaml").read_text()
    assert services["code"]["volumes"][0].endswith(":/data")


def test_no_password_is_in_the_repository() -> None:
    example = (DOCKER / ".env.example").read_text()
    assert re.search(r"^DAGSTER_POSTGRES_PASSWORD=$", example, re.MULTILINE)
    assert (DOCKER / ".gitignore").read_text().split() == [".env"]
    known = set(re.findall(r"\$\{(\w+)", (DOCKER / "docker-compose.yaml").read_text()))
    assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) <= known


def test_dagsters_settings_are_valid_and_their_classes_exist() -> None:
    settings = load("dagster.yaml")
    result = validate_config(dagster_instance_config_schema(), settings)
    assert result.success, result.errors
    for section in ("run_launcher", "compute_logs"):
        module = importlib.import_module(settings[section]["module"])
        assert hasattr(module, settings[section]["class"])


def test_dagsters_settings_read_what_compose_sets() -> None:
    postgres = load("dagster.yaml")["storage"]["postgres"]["postgres_db"]
    read = {value["env"] for value in postgres.values() if isinstance(value, dict)}
    assert read == set(load("docker-compose.yaml")["x-dagster"]["environment"])


def test_logs_are_on_a_volume_that_the_web_server_shares() -> None:
    folder = load("dagster.yaml")["compute_logs"]["config"]["base_dir"]
    services = load("docker-compose.yaml")["services"]
    mounts = {n: [v for v in s["volumes"] if v.endswith(f":{folder}")] for n, s in services.items()}
    assert mounts["code"] and mounts["code"] == mounts["webserver"]


@pytest.mark.parametrize(
    "section", ["concurrency", "run_retries", "run_monitoring", "telemetry", "nux"]
)
def test_shared_settings_are_those_of_the_top_level_file(section: str) -> None:
    top = yaml.safe_load((ROOT / "dagster.yaml").read_text()) or {}
    if section not in top:
        pytest.skip(f"the top-level dagster.yaml has no {section}")
    here = load("dagster.yaml")[section]
    for settings in (here, top[section]):
        settings.pop("runs", None)  # how many at once depends on the database
    assert here == top[section]


def test_the_workspace_names_the_code_service_and_its_port() -> None:
    (server,) = load("workspace.yaml")["load_from"]
    assert server["grpc_server"]["host"] in load("docker-compose.yaml")["services"]
    assert f"EXPOSE {server['grpc_server']['port']}" in (DOCKER / "Dockerfile").read_text()


def test_requirements_are_the_projects_own() -> None:
    requirements = runpy.run_path(str(DOCKER / "requirements.py"))["requirements"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    torch, rest = (requirements(ROOT / "pyproject.toml", part) for part in ("torch", "rest"))
    assert {re.split("[=<>]", line)[0] for line in torch} == {"torch", "torchvision"}
    wanted = {*project["dependencies"], *project["optional-dependencies"]["postgres"]}
    assert {*torch, *rest} == wanted
