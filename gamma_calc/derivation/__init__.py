"""A derivation handed out: the questions that users ask, the trace as a proof to read, and certificates to check."""
