"""Structured logs (日志): one JSON line per event, no personal data; a caller's text never reaches a line unescaped."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record with its ``extra`` fields. An exception is told by type and place: its text may hold data."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update({key: value for key, value in record.__dict__.items() if key not in _STANDARD})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = _frames(record)
        return orjson.dumps(line, default=str).decode()


def _frames(record: logging.LogRecord) -> list[str]:
    trace = record.exc_info[2] if record.exc_info else None
    frames: list[str] = []
    while trace is not None and len(frames) < 40:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('site-packages/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames


def write_line(logger: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """One line of the same shape, without a record: every request writes one, and ``logging`` would cost a quarter
    of an anonymous answer.
    """
    if logger.isEnabledFor(level):
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": logging.getLevelName(level).lower(), "logger": logger.name, "event": event, **fields}
        sys.stderr.write(orjson.dumps(line, default=str).decode() + "\n")


def configure_logs(level: str) -> None:
    """Send everything to standard error as JSON lines."""
    # No line of ours tells them, and finding them out for every line costs more than writing it.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("sanic.root", "sanic.error", "sanic.access", "sanic.server", "sanic.websockets", "websockets"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    # These would print request lines, tokens and decrypted bodies.
    for name in ("httpx", "httpcore", "wechatpayv3", "wechatpy", "tortoise", "tortoise.db_client", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
