"""Measured latencies of public sources as rows that `mapper cost --csv` prices; one file for each source."""
