"""A few minutes on a machine with a GPU: readings beside nvidia-smi's, power at rest, a model's start, a profile.

Needs nothing but Python, nvidia-ml-py and, for the model, torch and transformers; sets nothing.
"""
