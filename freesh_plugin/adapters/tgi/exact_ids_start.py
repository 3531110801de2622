"""What `freesh_exact_ids.pth` imports at Python's start: looks whether this process is a shard, and only then more."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePath

_PROGRAM = "text-generation-server"


def is_shard(argv: Sequence[str]) -> bool:
    """Whether a command line is that of `text-generation-server serve`."""
    return any(PurePath(word).name == _PROGRAM and following == "serve" for word, following in pairwise(argv))


def start(argv: Sequence[str]) -> None:
    """Load the hook if this process is a shard; never lets Python's start fail."""
    if not is_shard(argv):
        return
    try:
        # Not above: nothing but a shard needs any of it.
        from freesh_plugin.adapters.tgi.exact_ids_hook import install

        install()
    except Exception as error:  # noqa: BLE001 - whatever is broken in FREESH, the shard must serve
        print(f"Exact token ids are not taken: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201


start(sys.orig_argv)
