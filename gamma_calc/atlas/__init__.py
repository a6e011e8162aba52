"""The atlas: exponents that the literature found by hand, each beside what the rules derive for the same setting."""
