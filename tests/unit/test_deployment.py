"""The papers of production say what the program needs: Compose file, image, proxy, secrets."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
ONE_SHOT = {"migrate", "tools"}
OURS = {"migrate", "backend", "worker", "tools"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def _schema_errors(path: Path) -> str:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout


def test_given_the_compose_file_then_it_fits_the_schema_and_a_broken_one_does_not(tmp_path: Path) -> None:
    assert _schema_errors(ROOT / "docker-compose.yml") == ""
    broken = tmp_path / "docker-compose.yml"
    broken.write_text((ROOT / "docker-compose.yml").read_text().replace("stop_signal: SIGINT", "stop_sign: SIGINT"))
    assert "stop_sign" in _schema_errors(broken)


def test_given_the_compose_file_then_everything_of_production_is_there(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "redis", "migrate", "backend", "worker", "proxy", "tools"}
    assert services["backend"]["deploy"]["replicas"] >= 2
    assert services["migrate"]["command"] == ["migrate"]
    for name in ("backend", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert "--data-checksums" in services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]


def test_given_any_service_then_it_is_watched_limited_and_cannot_gain_rights(services: dict[str, Any]) -> None:
    for name, service in services.items():
        health = service["healthcheck"]
        assert health.get("disable", False) == (name in ONE_SHOT), name
        assert (service["restart"] == "no") == (name in ONE_SHOT), name
        if name not in ONE_SHOT:
            assert health["test"][0] in ("CMD", "CMD-SHELL"), name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service["image"].endswith(":latest"), name
        assert ":" in service["image"], name
        if name in OURS:
            assert service["user"] == "10001:10001", name


def test_given_nothing_durable_is_switched_off_then_a_power_cut_loses_nothing(services: dict[str, Any]) -> None:
    command = " ".join(services["postgres"]["command"])
    assert not re.search(r"fsync|synchronous_commit|full_page_writes", command)


def test_given_any_secret_then_it_comes_from_a_file_outside_the_repository(
    compose: dict[str, Any], services: dict[str, Any]
) -> None:
    declared = compose["secrets"]
    for name, secret in declared.items():
        assert secret == {"file": f"deploy/secrets/{name}"}
    used = set()
    for name, service in services.items():
        mounted = set(service.get("secrets", []))
        used |= mounted
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert Path(value).parent == Path("/run/secrets"), variable
                assert Path(value).name in mounted, f"{name} reads {variable} without mounting it"
            else:
                assert not re.search(r"PASSWORD|SECRET|APIV3|TOKEN|(?<!FIELD_)KEY(S)?$|_URL$", variable), variable
    assert used == set(declared)
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text().split()
    assert "deploy/secrets" in (ROOT / ".dockerignore").read_text().split()


def test_given_the_owners_password_then_only_migrate_and_tools_have_it(services: dict[str, Any]) -> None:
    def holders(secret: str) -> set[str]:
        return {name for name, service in services.items() if secret in service.get("secrets", [])}

    assert holders("database_owner_url") == {"migrate", "tools"}
    assert holders("database_sealer_url") == {"worker"}
    assert holders("tls_key") == {"proxy"}


def _made_secrets(folder: Path) -> Path:
    shutil.copy(DEPLOY / "make-secrets.sh", folder)
    done = subprocess.run(["sh", folder / "make-secrets.sh"], capture_output=True, text=True, check=True)
    assert "deploy/secrets/tls_key" in done.stdout
    return folder / "secrets"


def _environment_of(service: dict[str, Any], secrets: Path) -> dict[str, str]:
    given = {
        "HOSPITAL_PUBLIC_ORIGIN": "https://hospital.example",
        "WECHAT_APPID": "wx1",
        "WECHAT_MCHID": "19",
        "WECHAT_MERCHANT_SERIAL": "5A",
        "WECHAT_PLATFORM_PUBLIC_KEY_ID": "PUB_KEY_ID_1",
    }

    def filled(text: str) -> str:
        return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: given.get(m[1], m[2] or ""), text)

    values = {name: filled(str(value)) for name, value in service["environment"].items()}
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in values.items()}


@pytest.mark.parametrize("name", sorted(OURS))
def test_given_made_secrets_then_each_service_starts_with_complete_settings(
    name: str, services: dict[str, Any], tmp_path: Path
) -> None:
    secrets = _made_secrets(tmp_path)
    for wechat in ("wechat_secret", "wechat_merchant_key", "wechat_platform_public_key"):
        (secrets / wechat).write_text("x")
    (secrets / "wechat_apiv3_key").write_text("k" * 32)
    environment = _environment_of(services[name], secrets)
    settings = load_settings(environment)
    assert settings.environment == "production"
    assert settings.database_url.startswith("postgres://hospital_app:")
    assert (settings.database_owner_url is not None) == (name in {"migrate", "tools"})
    assert (settings.database_sealer_url is not None) == (name == "worker")
    assert settings.keyring().current == 1
    assert settings.wechat is not None
    known = {f"HOSPITAL_{field.upper()}" for field in Settings.model_fields}
    ours = {variable.removesuffix("_FILE") for variable in environment if not variable.startswith("HOSPITAL_WECHAT_")}
    assert ours <= known, "a variable that nobody reads"


def test_given_secrets_made_twice_then_no_key_is_exchanged(tmp_path: Path) -> None:
    secrets = _made_secrets(tmp_path)
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert _made_secrets(tmp_path) == secrets
    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    passwords = [body for name, body in before.items() if name.endswith(("password", "key"))]
    assert len(set(passwords)) == len(passwords)


def _block(text: str, head: str) -> str:
    """The body of one brace block of nginx's configuration."""
    start = text.index(head + " {")
    depth = 0
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0 and text[position] == "}":
            return text[start : position + 1]
    raise AssertionError(f"{head} is not closed")


def test_given_the_proxy_then_websockets_are_upgraded_and_forwarded_addresses_cannot_be_forged() -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    assert text.count("{") == text.count("}")
    sockets = _block(text, "location /ws/")
    assert "proxy_set_header Upgrade $http_upgrade;" in sockets
    assert "proxy_set_header Connection $connection_upgrade;" in sockets
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in sockets
    assert "$proxy_add_x_forwarded_for" not in text, "appending would keep what the client claims"
    assert "return 308 https://" in text
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text
    # By its beginning, not letter by letter: whatever follows must not lead around it.
    assert "return 404" in _block(text, "location /metrics")
    log_format = next(line for line in text.splitlines() if "log_format" in line)
    assert "$request_uri" not in log_format, "queries hold what people search for"
    assert "$args" not in log_format


def test_given_the_image_then_it_is_locked_without_root_and_without_the_sandbox() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes -r /tmp/requirements.lock" in text
    users = re.findall(r"^USER (\S+)", text, re.M)
    assert users[-1] == "10001:10001"
    # The text of a Dockerfile is one stage after another; each ends as it runs.
    runtime = text[text.index("AS runtime") : text.index("# -- tools")]
    assert re.findall(r"^USER (\S+)", runtime, re.M) == ["10001:10001"]
    copied = re.findall(r"^COPY (?!--from)(.+)$", text, re.M)
    assert not [line for line in copied if line.split()[0].startswith(("sandbox", "tests", "."))]
    for line in copied:
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), f"the Dockerfile copies {source}, which is not there"


def test_given_every_page_workspace_then_the_image_builds_it() -> None:
    import json

    workspaces = json.loads((ROOT / "package.json").read_text())["workspaces"]
    text = (DEPLOY / "Dockerfile").read_text()
    assert [name for name in workspaces if f"COPY {name}/package.json {name}/" not in text] == []


@pytest.mark.parametrize("script", sorted(path.name for path in DEPLOY.glob("*.sh")))
def test_given_a_shell_script_then_a_plain_shell_reads_it(script: str) -> None:
    done = subprocess.run(["sh", "-n", str(DEPLOY / script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert script == "find-python.sh" or os.access(DEPLOY / script, os.X_OK)


def test_given_the_operations_manual_then_what_it_names_exists() -> None:
    from typer.main import get_command

    from backend.cli import app

    text = (ROOT / "docs" / "operations.md").read_text()
    fields = {f"HOSPITAL_{name.upper()}" for name in Settings.model_fields} | {
        "HOSPITAL_X",
        "HOSPITAL_X_FILE",
        "HOSPITAL_SETTINGS",
    }
    assert set(re.findall(r"HOSPITAL_[A-Z_]+", text)) <= fields
    metrics = (ROOT / "backend" / "http" / "metrics.py").read_text()
    named = set(re.findall(r"hospital_(?:http|redis|websockets|live)\w*", text))
    assert named
    assert {name for name in named if f'"{name}"' not in metrics} == set()
    commands = set(getattr(get_command(app), "commands", {}))
    used = set(re.findall(r"(?:`hospital|tools) ([a-z]+(?:-[a-z]+)?)", text))
    assert used - commands == set()
    assert {"backup", "restore", "check", "bootstrap"} <= used


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.name)
def test_given_a_decision_record_then_it_has_its_three_parts_on_one_page(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {path.name[:4]} ", text)
    assert [text.count(f"\n## {part}\n") for part in ("Context", "Decision", "Consequences")] == [1, 1, 1]
    assert len(text.splitlines()) <= 60
    for module in re.findall(r"`((?:backend|hospital_core)/[\w/]+(?:\.py)?)`", text):
        assert (ROOT / module).exists(), module
