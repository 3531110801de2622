"""Profiles written into a scenario folder that the planner solves."""
