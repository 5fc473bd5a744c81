"""Published end-to-end figures against ours, a file for each kind of row; `kinds` is the list of kinds."""
