"""A shard that is simulated: TGI's protocol, a model that takes time but no GPU, and a memory that forgives nothing."""
