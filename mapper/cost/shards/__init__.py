"""Ways in which the ranks of a team do a cluster together: what each does, in which layouts, and what it costs."""
