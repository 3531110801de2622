"""Everything that speaks with TGI or stands in for it: its shards' protocol and a shard that is simulated."""
