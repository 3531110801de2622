"""The use cases that the schedule runs every half hour: traffic, carbon, plan, push."""
