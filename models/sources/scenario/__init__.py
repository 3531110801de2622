"""How a scenario folder is read and written: values with their places, settings, tables, rules."""
