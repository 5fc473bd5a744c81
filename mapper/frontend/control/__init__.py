"""Control flow, sequences and optionals, resolved into the surrounding graph."""
