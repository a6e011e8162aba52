"""The command line: one file a question. Each parses, calls the package, and prints."""
