"""Every answer has the id of its request, and so have the log lines of the request."""

import json
import logging
import re
from pathlib import Path

import pytest
from django.test import Client

from config.log_lines import JsonLines, TextLines, build_logging, current_request_id
from tests.support.web_servers import web_server


@pytest.mark.parametrize("given", ["proxy-4711-abc", ""])
def test_an_answer_has_the_id_that_was_sent_or_a_new_one(client: Client, given: str) -> None:
    answer = client.get("/livez", headers={"X-Request-Id": given} if given else None)

    assert re.fullmatch(given or "[0-9a-f]{32}", answer["X-Request-Id"])


@pytest.mark.parametrize("forged", ["short", "a b c d e f g h", "x" * 65, "line\u2028break--"])
def test_what_is_no_id_is_replaced(client: Client, forged: str) -> None:
    answer = client.get("/livez", headers={"X-Request-Id": forged})

    assert re.fullmatch("[0-9a-f]{32}", answer["X-Request-Id"])


def test_lines_have_the_id_of_their_request_alone() -> None:
    record = logging.LogRecord("vitrina", logging.INFO, __file__, 1, "found %d", (3,), None)
    text = TextLines("%(levelname)s %(name)s: %(message)s")
    token = current_request_id.set("abc")

    line, parsed = text.format(record), json.loads(JsonLines().format(record))
    current_request_id.reset(token)

    assert line == "INFO vitrina: found 3 [abc]"
    assert (parsed["message"], parsed["level"], parsed["request_id"]) == ("found 3", "INFO", "abc")
    assert text.format(record) == "INFO vitrina: found 3"
    assert "request_id" not in json.loads(JsonLines().format(record))


def test_what_django_logs_of_a_failed_request_has_its_id(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "django.request"):
        answer = client.get("/api/v1/nothing/")

    [record] = [record for record in caplog.records if record.name == "django.request"]
    assert json.loads(JsonLines().format(record))["request_id"] == answer["X-Request-Id"]


def test_a_json_line_holds_its_traceback() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        raised = (type(error), error, error.__traceback__)
    record = logging.LogRecord("vitrina", logging.ERROR, __file__, 1, "failed", (), raised)

    line = JsonLines().format(record)

    assert "\n" not in line
    assert "ValueError: two\nlines" in json.loads(line)["traceback"]


def test_the_setting_chooses_the_formatter() -> None:
    for name in ("text", "json"):
        handlers = build_logging(False, name)["handlers"].values()
        assert {handler["formatter"] for handler in handlers} == {name}


def test_a_web_server_writes_each_line_as_json(tmp_path: Path) -> None:
    with web_server(tmp_path, LOG_FORMAT="json") as server:
        pass

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any("Listening at" in line["message"] for line in lines)
    assert len({line["message"] for line in lines}) == len(lines)  # each once
