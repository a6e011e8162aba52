"""A derivation handed out: the questions that users ask, and the trace as a proof to read."""
