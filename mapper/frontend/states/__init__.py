"""What outlives a call: KV caches and recurrent states."""
