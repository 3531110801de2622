"""What `freesh_exact_ids.pth` imports at Python's start: looks whether this process is a shard, and only then more.

It runs in every Python program that inherits FREESH_EXACT_IDS, so it imports next to nothing.
"""

import sys
from itertools import pairwise

_PROGRAM = "text-generation-server"


def is_shard(argv: list[str]) -> bool:
    """Whether a command line is that of `text-generation-server serve`."""
    return any(word.rpartition("/")[2] == _PROGRAM and following == "serve" for word, following in pairwise(argv))


def start(argv: list[str]) -> None:
    """Load the hook if this process is a shard; never lets Python's start fail."""
    if not is_shard(argv):
        return
    try:
        from freesh_plugin.adapters.tgi.exact_ids_hook import install

        install()
    except Exception as error:  # noqa: BLE001 - whatever is broken in FREESH, the shard must serve
        print(f"Exact token ids are not taken: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201


start(sys.orig_argv)
