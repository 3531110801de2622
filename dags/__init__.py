"""When the planner runs: schedules, retries and task borders around the use cases of `models.refresh`."""
