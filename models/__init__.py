"""The planner: forecasts, allocation, sources. Run by Airflow or by `python -m models`; not in the wheel."""
