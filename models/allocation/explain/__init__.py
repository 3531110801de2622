"""The explanation of an allocation: what binds and at what price, what each promise costs, who serves whom and why."""
