"""Claims of the market, each computed by the compiler or from the targets, beside what is said, with a verdict."""
