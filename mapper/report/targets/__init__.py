"""Targets as text and data: what there is, what each rests on."""
