"""Whether a profile still holds: measured against planned energy and capacity."""
