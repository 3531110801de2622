"""A worker that ends before it is ready, as with a library that does not import."""

import sys

if __name__ == "__main__":
    sys.exit(3)
