"""A whole FREESH site on one machine, for the demo and for tests: Airflow's programs and runtimes, loopback only."""
