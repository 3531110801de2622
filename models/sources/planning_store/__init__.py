"""The parts of the plan and forecast store: its tables, its database, its documents."""
