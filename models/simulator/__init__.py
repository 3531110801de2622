"""Models of serving that are driven by the plugin's own scheduler."""
