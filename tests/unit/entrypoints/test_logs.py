"""What a log line says, and what it never does."""

import json
import logging
from io import StringIO
from typing import Any

import structlog

from tests.support.product import captured_log

CANARY = "canary-5f2c9e"


def lines(log: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def a_failure() -> ValueError:
    try:
        int(CANARY)
    except ValueError as error:
        return error
    raise AssertionError


def test_our_events_and_the_libraries_are_objects_of_one_form() -> None:
    with captured_log() as log, structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.stdlib.get_logger("vetassist.x").info("ours", number=1)
        logging.getLogger("library").warning("theirs %s", 2)
    ours, theirs = lines(log)
    assert (ours["event"], ours["level"], ours["logger"]) == ("ours", "info", "vetassist.x")
    assert (theirs["event"], theirs["level"]) == ("theirs 2", "warning")
    for line in (ours, theirs):
        assert line["request_id"] == "r-1"
        assert line["timestamp"].endswith("Z")


def test_an_error_that_a_library_logs_shows_its_kind_and_place_and_not_its_message() -> None:
    with captured_log() as log:
        logging.getLogger("asyncio").error("Task failed", exc_info=a_failure())
        logging.getLogger("library").error("no error", stack_info=True)
    failed, nothing = lines(log)
    assert failed["error"] == "ValueError"
    assert failed["places"][0].endswith(" a_failure")
    assert CANARY not in log.getvalue()
    assert "error" not in nothing


def test_what_is_no_json_is_still_one_line() -> None:
    with captured_log() as log:
        logging.getLogger("library").error("a\nb\x1b[31m %s", object)
    assert len(log.getvalue().splitlines()) == 1
    assert "\x1b" not in log.getvalue()
