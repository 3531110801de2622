"""Where the planner meets the world: one file a provider, the store, the publisher."""
