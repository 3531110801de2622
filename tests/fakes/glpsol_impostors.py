"""Programs that stand in for glpsol and misbehave: each a short script, started as glpsol would be."""

import sys
from pathlib import Path

_BODY = {
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "refuses": "sys.stderr.write('glpsol: bad option'); sys.exit(1)",
    "writes_nothing": "",
    "writes_garbage": "write('s mip ? what')",
    "writes_short": "write('s mip 1 2 o 0\\nj 1 3\\ne o f')",
    "writes_binary": "open(target, 'wb').write(bytes(range(256)))",
    "hangs": "import time; time.sleep(60)",
}


def impostor(folder: Path, deed: str) -> tuple[str, ...]:
    """Command of the one that does this deed."""
    script = folder / f"{deed}.py"
    lines = [
        "import sys",
        "target = sys.argv[sys.argv.index('--write') + 1]",
        "def write(text): open(target, 'w').write(text)",
        _BODY[deed],
    ]
    script.write_text("\n".join(lines), encoding="utf-8")
    return sys.executable, str(script)
