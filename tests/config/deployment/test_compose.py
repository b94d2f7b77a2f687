"""compose.yaml follows the Compose specification, and agrees with the Dockerfile, the proxy and the
settings."""

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from config.paths import BASE_DIR
from tests.config.deployment.dockerfile import context, read_dockerfile

CADDYFILE = (BASE_DIR / "deploy/Caddyfile").read_text()
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
FOR_COMPOSE = {"SITE", "POSTGRES_PASSWORD"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((BASE_DIR / "compose.yaml").read_text())


def own(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run the project's images."""
    return {name: each for name, each in compose["services"].items() if "build" in each}


def test_the_file_follows_the_specification(compose: dict[str, Any]) -> None:
    folder = files("check_jsonschema") / "builtin_schemas/vendor"
    schema = json.loads((folder / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)

    assert [error.message for error in validator.iter_errors(compose)] == []
    broken = {**compose, "services": {"web": {"imagee": "x"}}}
    assert not validator.is_valid(broken)


def test_services_name_what_there_is(compose: dict[str, Any]) -> None:
    services, stages = compose["services"], read_dockerfile()

    assert {each["build"]["target"] for each in own(compose).values()} == {"web", "worker"}
    assert {"web", "worker"} <= set(stages)
    for each in services.values():
        assert set(each.get("depends_on", [])) <= set(services)
        assert set(each["networks"]) <= set(compose["networks"])
        named = {volume.split(":")[0] for volume in each.get("volumes", [])}
        assert {name for name in named if not name.startswith("./")} <= set(compose["volumes"])
    for name in re.findall(r"(\S+):8000", services["proxy"]["environment"]["WEB"]):
        assert services[name]["build"]["target"] == "web"


def test_settings_are_documented(compose: dict[str, Any]) -> None:
    tables = (BASE_DIR / "docs/settings.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", tables, re.MULTILINE))

    for each in own(compose).values():
        assert set(each["environment"]) <= documented
    variables = set(VARIABLE.findall((BASE_DIR / "compose.yaml").read_text()))
    assert variables <= documented | FOR_COMPOSE


def test_our_containers_have_no_rights_that_they_do_not_need(compose: dict[str, Any]) -> None:
    for each in own(compose).values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
    for name, each in compose["services"].items():
        assert "ports" not in each or name == "proxy"
        assert each["logging"] == {"driver": "local"}
    [network] = compose["networks"]["inside"]["ipam"]["config"]
    for each in own(compose).values():
        assert each["environment"]["FORWARDED_ALLOW_IPS"] == network["subnet"]


def test_a_web_process_leaves_later_than_the_proxy_closes_connections(
    compose: dict[str, Any],
) -> None:
    [kept_s] = map(int, re.findall(r"keepalive (\d+)s", CADDYFILE))

    for name in ("web-1", "web-2"):
        drain_s = compose["services"][name]["environment"]["WEB_DRAIN_S"]
        assert kept_s < drain_s < int(compose["services"][name]["stop_grace_period"][:-1]) - 5
    unit = (BASE_DIR / "deploy/vitrina-web.service").read_text()
    [drain_s] = map(int, re.findall(r"WEB_DRAIN_S=(\d+)", unit))
    [stop_s] = map(int, re.findall(r"TimeoutStopSec=(\d+)", unit))
    assert kept_s < drain_s < stop_s - 5


def test_a_builder_is_sent_the_program_alone() -> None:
    sent = {str(path) for path in context()}

    for needed in ("manage.py", "config/run.py", "requirements.txt", "LICENSE"):
        assert needed in sent
    assert "catalog/encoders/starter/open_clip_model.safetensors" in sent
    assert not [path for path in sent if path.split("/")[0] in ("tests", "docs", ".git", ".ci")]
