"""Log lines of the router's processes: JSON as TGI's `--json-output` writes it, or text; always on standard output."""

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
_LEVELS = {"WARNING": "WARN", "CRITICAL": "ERROR"}


class JsonLines(logging.Formatter):
    """One JSON object a line: timestamp, level, message, target, and whatever `extra` holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; a traceback is part of its message."""
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": _LEVELS.get(record.levelname, record.levelname),
            "message": message,
            "target": record.name,
            "filename": record.filename,
            "line_number": record.lineno,
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        return msgspec.json.encode(line, enc_hook=str).decode()


def log_to(stream: TextIO = sys.stdout, level: str = "INFO", json_lines: bool = True) -> None:
    """Send the log of this process to `stream`, and nowhere else.

    Args:
        stream: Where to write; TGI's launcher reads the router's standard output first.
        level: Least level that is written; a server's own chatter is from WARNING on.
        json_lines: Whether lines are JSON objects.
    """
    handler = logging.StreamHandler(stream)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if json_lines else text)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "httpx", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
