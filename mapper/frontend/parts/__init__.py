"""Several files in one problem: which phase runs which, and what the files share."""
