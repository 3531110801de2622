"""A worker that says it is ready, starts a child, writes both process ids to a file, and never answers."""

import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as pipe:
        pipe.send("ready")
        pipe.recv()
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path(os.environ["FREESH_TEST_PIDS"]).write_text(f"{os.getpid()} {child.pid}", encoding="ascii")
        time.sleep(600)
