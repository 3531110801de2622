"""What the worker process runs: one request after the other from its pipe, until the pipe closes."""

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from freesh_plugin.core.errors import FreeshError
from models.allocation.fixed import evaluate
from models.allocation.run import run_program
from models.domain.allocation import AllocationResult

_CALLS: dict[str, Callable[..., AllocationResult]] = {"run_program": run_program, "evaluate": evaluate}


def main(descriptor: int) -> None:
    """Say that the libraries are there, then answer calls. A fault of ours ends the process: the caller sees it."""
    with Connection(descriptor) as pipe:
        pipe.send("ready")
        while True:
            try:
                name, arguments, options = pipe.recv()
            except EOFError:
                return
            answer: AllocationResult | FreeshError
            try:
                answer = _CALLS[name](*arguments, **options)
            except FreeshError as error:
                answer = error
            pipe.send(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
