"""A worker that dies of a segmentation fault at its first call, as a solver in C may."""

import os
import signal
import sys
from multiprocessing.connection import Connection

if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as pipe:
        pipe.send("ready")
        pipe.recv()
        os.kill(os.getpid(), signal.SIGSEGV)
