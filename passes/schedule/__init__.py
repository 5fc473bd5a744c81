"""Passes that decide when: the schedule of one call of each phase."""
