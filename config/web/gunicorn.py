"""gunicorn's settings. Each process has one copy of the model and many threads, and warms up before
it accepts requests. `connection.py` has the time limits of connections."""

import logging
import os
import signal
from typing import Any

from catalog.parent_death import die_with_parent
from config.environment import read_choice, read_int
from config.web.draining import DRAIN_S, successors
from config.web.memory import return_freed_memory

bind = f"{os.environ.get('HOST', '').strip() or '127.0.0.1'}:{read_int('PORT', 8000, 1, 65535)}"
worker_class = "config.web.gunicorn_worker.Worker"
workers = read_int("WEB_PROCESSES", 1, 1, 64)
threads = read_int("WEB_THREADS", 32, 1, 256)
timeout = 60
graceful_timeout = round(DRAIN_S) + 5
control_socket_disable = True
logconfig_dict: dict[str, Any] = {}
if read_choice("LOG_FORMAT", "text", {"text", "json"}) == "json":
    logconfig_dict = {
        "formatters": {"generic": {"()": "config.log_lines.JsonLines"}},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["error_console"]}},
    }

# config/settings.py reads these when it is loaded later.
os.environ.setdefault("DATABASE_POOL", str(threads))
os.environ.setdefault("STATEMENT_TIMEOUT_S", os.environ.get("SEARCH_TIME_LIMIT_S") or "5")


def on_reload(server: Any) -> None:
    """Tells the web processes, which SIGTERM stops next, that others take over."""
    successors.expect()
    for process in list(server.WORKERS):
        os.kill(process, signal.SIGHUP)


def post_fork(server: object, worker: Any) -> None:
    """Makes the web process end with its master, even if the master is killed, and return freed
    memory to the system."""
    die_with_parent(worker.ppid, signal.SIGKILL)
    return_freed_memory()


def post_worker_init(worker: Any) -> None:
    """Loads the encoder and the vocabulary after the fork, so that no shopper waits for them."""
    from django.db import Error, connection

    from catalog.index.live_index import IndexNotReady
    from catalog.visual.errors import EncoderError
    from search.errors import RequestError
    from search.page.warm_up import warm_up

    try:
        warm_up()
    except (IndexNotReady, EncoderError, RequestError, Error) as error:
        logging.getLogger("vitrina").warning("not warmed up: %s", error)
    finally:
        connection.close()  # back to the pool: this thread answers no requests
        successors.note_ready(worker.age)
