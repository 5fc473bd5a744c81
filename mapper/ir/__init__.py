"""The intermediate representation: graph, kinds, plan, verifier, serialisation."""
