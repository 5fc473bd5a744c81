"""The timeline: what units, links and memories do when, for one request and for a stretch of the steady state."""
