"""All checks, in the order in which they are made."""

from kbin.audit.findings import Check

# Those that find what belongs together come first: the folds of the others keep copies on one side.
CHECKS: tuple[Check, ...] = ()
