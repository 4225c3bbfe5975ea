"""Admin of the promises, one file a concern."""

from slas.admin import contracts, exclusions, promises, rules, slos, verdicts

__all__ = ["contracts", "exclusions", "promises", "rules", "slos", "verdicts"]
