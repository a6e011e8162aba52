"""The exit statuses of every command. Imports nothing: the way in needs them first."""

FAILED = 1
"""A FAIL, a false certificate, a run that failed, or an error that lint found."""

BAD_INPUT = 2
UNKNOWN = 3
OWN_ERROR = 70
INTERRUPTED = 130
