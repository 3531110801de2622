# What people and CI run. Every target does its own set-up; each is one script, named in the README.
.PHONY: setup setup-system demo test check bench-quick bench lock

setup:
	./scripts/setup.sh

setup-system:
	./scripts/setup_system.sh

demo: setup
	.venv/bin/python scripts/demo.py

test: setup
	.venv/bin/python -m pytest -n 2 --dist loadfile $(TEST_ARGS)

check: setup
	./scripts/check.sh

bench-quick: setup
	.venv/bin/python -m bench --quick

bench: setup
	.venv/bin/python -m bench

lock:
	./scripts/lock.sh
