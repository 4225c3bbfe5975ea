"""The shipped severity table, in order.

(alert type, tier, criticality, (burn, excess, shortfall, stars) or None, severity, note)
"""

# How far a promise must be missed: the same three steps for all, raised or lowered by one.
_FAR, _MORE, _SOME = (10.0, 2.0, 30.0, 1.5), (5.0, 1.5, 20.0, 1.0), (2.0, 1.2, 10.0, 0.5)
_RAISED = ((_MORE, "critical"), (_SOME, "high"), (None, "medium"))
_AS_THEY_ARE = ((_FAR, "critical"), (_MORE, "high"), (_SOME, "medium"), (None, "low"))
_LOWERED = ((_FAR, "high"), (_MORE, "medium"), (None, "low"))

ROWS = [
    ("self", "", "", None, "high", "Who watches must not be blind."),
    ("no_data", "", "critical", None, "high", "Silence of what matters most is an outage."),
    ("no_data", "", "", None, "medium", "Silence may be an outage."),
    ("probe_failed", "", "", None, "medium", "Seen from outside, users not asked."),
    ("predictive", "", "critical", None, "medium", "Nothing is broken yet."),
    ("predictive", "", "", None, "low", "Nothing is broken yet."),
    *(("", "", "critical", *step, "Critical promises: a step higher.") for step in _RAISED),
    *(
        ("", "enterprise", "low", *step, "Enterprise and low criticality: as they are.")
        for step in _AS_THEY_ARE
    ),
    *(("", "", "low", *step, "Promises of low criticality: a step lower.") for step in _LOWERED),
    *(("", "enterprise", "", *step, "Enterprise clients: a step higher.") for step in _RAISED),
    *(("", "", "", *step, "") for step in _AS_THEY_ARE[:3]),
    ("", "", "high", None, "medium", "Promises of high criticality are never low."),
    ("", "", "", None, "low", "Everything else."),
]
