"""GPUs: read through NVIDIA's library or simulated, and the way to the one process that may set their clocks."""
