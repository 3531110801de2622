"""Logs of the router's processes: to standard output, since TGI's launcher reads standard error only at the end."""

import json
import logging
import os
import sys
from datetime import UTC, datetime


def all_output_to_stdout() -> None:
    """Make standard error the same as standard output.

    TGI's launcher reads standard error only when standard output has ended: 64 KiB of it would block this process.
    """
    sys.stderr.flush()
    os.dup2(1, 2)


def log_to_stdout(level: str, json_lines: bool) -> None:
    """Log in lines for people, or in JSON lines like those of TGI's router."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _JsonLines() if json_lines else logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "message": record.getMessage(),
            "target": record.name,
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
