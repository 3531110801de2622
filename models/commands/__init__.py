"""The command line of the planner, one file a command: reads arguments, calls a use case, shows what came out."""
