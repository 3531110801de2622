"""What people run from the repository: set-up, checks, the demo."""
