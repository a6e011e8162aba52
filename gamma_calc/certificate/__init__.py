"""A derivation as a file to check without the engine: what writes it, its independent checker, and other provers."""
