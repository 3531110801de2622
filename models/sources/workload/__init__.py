"""Requests of a fleet: traces read, rates turned into arrivals, or all of it made from a seed."""
