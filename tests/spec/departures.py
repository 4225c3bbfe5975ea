"""Where our tables depart from the specification's, and why. Nothing else may differ."""

from tests.spec.catalogue import Column, Index

BASELINES = "ai_system_performance_baselines"
METRICS = "ai_performance_metrics"
ALERTS = "ai_performance_alerts"
TABLES = (BASELINES, METRICS, ALERTS)

IDENTITY = "numbered by the database as SERIAL does; the SQL standard's way, and Django's"
FILLED = "has a default: NULL would only be a third answer that means nothing"
OWNED = "the client “platform” owns what belongs to none; needed to distribute by client"
AT_COMMIT = "Django's foreign keys are checked at commit, so that rows may be deleted in any order"
FROM_STATUS = "generated from status, so that the two flags can't contradict it or one another"

# (table, column, what of it): (the specification's, ours, reason)
COLUMNS: dict[tuple[str, str, str], tuple[object, object, str]] = {
    (BASELINES, "id", "default"): ("serial", "identity", IDENTITY),
    (BASELINES, "measurement_date", "nullable"): (True, False, FILLED),
    (BASELINES, "active", "nullable"): (True, False, FILLED),
    (BASELINES, "client_id", "deferrable"): (False, True, AT_COMMIT),
    (METRICS, "id", "type"): ("integer", "bigint", "2.1 billion rows are weeks at full speed"),
    (METRICS, "client_id", "nullable"): (True, False, OWNED),
    (METRICS, "timestamp", "nullable"): (True, False, "the key of the daily partitions"),
    (ALERTS, "id", "default"): ("serial", "identity", IDENTITY),
    (ALERTS, "client_id", "nullable"): (True, False, OWNED),
    (ALERTS, "created_at", "nullable"): (True, False, FILLED),
    (ALERTS, "acknowledged_by", "deferrable"): (False, True, AT_COMMIT),
    (ALERTS, "client_id", "deferrable"): (False, True, AT_COMMIT),
    (ALERTS, "acknowledged", "default"): (
        "false",
        "generated: CASE WHEN ((status)::text = 'acknowledged'::text) THEN true ELSE false END",
        FROM_STATUS,
    ),
    (ALERTS, "resolved", "default"): (
        "false",
        "generated: CASE WHEN ((status)::text = 'resolved'::text) THEN true ELSE false END",
        FROM_STATUS,
    ),
}


def _varchar(length: int, default: str | None = None) -> Column:
    return Column(f"character varying({length})", default, False, None, False)


_COUNTER = Column("integer", "1", False, None, False)
_EMPTY = "''::character varying"
_OBJECT = Column("jsonb", "'{}'::jsonb", False, None, False)
_WHEN = Column("timestamp with time zone", None, True, None, False)
_RANDOM = "(gen_random_uuid())::character varying(64)"
# (table, column): (definition, what it is for)
ADDED_COLUMNS: dict[tuple[str, str], tuple[Column, str]] = {
    (METRICS, "success"): (
        Column("boolean", "true", False, None, False),
        "a failed call is a row too: availability counts it",
    ),
    (METRICS, "synthetic"): (
        Column("boolean", "false", False, None, False),
        "probes' rows stay out of a customer's figures",
    ),
    (METRICS, "event_id"): (
        Column("uuid", None, True, None, False),
        "a row that is sent again is recognised and stored once",
    ),
    (ALERTS, "status"): (
        _varchar(20, "'firing'::character varying"),
        "the one state that acknowledged and resolved follow",
    ),
    (ALERTS, "version"): (_COUNTER, "a stale action is refused by it"),
    (ALERTS, "fingerprint"): (_varchar(64, _RANDOM), "one open alert a fingerprint"),
    (ALERTS, "objective"): (_varchar(160, _EMPTY), "which promise is broken"),
    (ALERTS, "model"): (_varchar(100, _EMPTY), "which ML model it is about"),
    (ALERTS, "unit"): (_varchar(20, _EMPTY), "of threshold_value and actual_value"),
    (ALERTS, "breaches"): (_COUNTER, "how often the breach was found"),
    (ALERTS, "last_breach_at"): (
        Column("timestamp with time zone", "statement_timestamp()", False, None, False),
        "when it was found last",
    ),
    (ALERTS, "resolved_by_id"): (
        Column("integer", None, True, "users(id)", True),
        "who resolved it; NULL: the portal, on recovery",
    ),
    (ALERTS, "evidence"): (_OBJECT, "everything needed to recompute it"),
    (ALERTS, "rule"): (_varchar(100, _EMPTY), "which rule fired"),
    (ALERTS, "severity_reason"): (
        Column("text", "''::text", False, None, False),
        "the figure that the severity follows from",
    ),
    (ALERTS, "impact"): (_OBJECT, "business impact in numbers"),
    (ALERTS, "impact_score"): (
        Column("double precision", "0.0", False, None, False),
        "the inbox is sorted by it",
    ),
    (ALERTS, "changed_at"): (
        Column("timestamp with time zone", "statement_timestamp()", False, None, False),
        "an open page asks whether there is news",
    ),
    (ALERTS, "data_committed_at"): (_WHEN, "how long the alert took to be raised"),
    (ALERTS, "fired_at"): (_WHEN, "how long people took to answer"),
    (ALERTS, "ack_expires_at"): (_WHEN, "an acknowledgement can end"),
    (ALERTS, "assignee_id"): (
        Column("integer", None, True, "users(id)", True),
        "whose work it is",
    ),
    (ALERTS, "team_id"): (Column("bigint", None, True, "teams(id)", True), "whose work it is"),
    (ALERTS, "incident_id"): (
        Column("bigint", None, True, "incidents(id)", True),
        "alerts with one cause are one incident",
    ),
    (ALERTS, "ends_at"): (_WHEN, "an alert of another system is over then unless told again"),
    (ALERTS, "suppressed_by"): (_varchar(255, _EMPTY), "why nobody is told"),
    (ALERTS, "flapping"): (
        Column("boolean", "false", False, None, False),
        "one that changes too often is told once",
    ),
    (ALERTS, "kept"): (
        Column("boolean", "false", False, None, False),
        "what a flapping one was last found to be",
    ),
    (ALERTS, "steady_since"): (_WHEN, "when a flapping one may be told again"),
    (ALERTS, "fires_at"): (_WHEN, "until when a pending one has to hold"),
    (ALERTS, "reopened"): (Column("integer", "0", False, None, False), "how often it came back"),
    (ALERTS, "resolution"): (_varchar(20, _EMPTY), "what turned out to be the matter"),
    (ALERTS, "actionable"): (
        Column("boolean", None, True, None, False),
        "the noise ledger counts what responders say",
    ),
    (ALERTS, "labels"): (_OBJECT, "an alert from another system brings its own"),
}

# (table, index): (the specification's, ours, reason)
INDEXES: dict[tuple[str, str], tuple[Index, Index, str]] = {
    (METRICS, "primary key"): (
        Index(("id",), None, unique=True),
        Index(("client_id", '"timestamp"', "id"), None, unique=True),
        "a partitioned table's key holds the partition key; client_id leads for distribution",
    ),
    (METRICS, "idx_ai_performance_metrics_client"): (
        Index(("client_id",), None),
        Index(("client_id", "metric_name", '"timestamp"'), None),
        "by client alone the key finds rows; a minute of one metric is counted without the others",
    ),
}

# (table, index): (definition, what it is for)
ADDED_INDEXES: dict[tuple[str, str], tuple[Index, str]] = {
    (METRICS, "ai_performance_metrics_events"): (
        Index(
            ("client_id", '"timestamp"', "event_id", "metric_name"),
            "(event_id IS NOT NULL)",
            unique=True,
        ),
        "the database refuses to store a row twice",
    ),
    (METRICS, "ai_performance_metrics_ids"): (
        Index(("id",), None, method="brin"),
        "one row's page in the admin, without reading every partition",
    ),
    (METRICS, "ai_performance_metrics_requests"): (
        Index(("request_id",), "(request_id IS NOT NULL)"),
        "an alert's evidence names requests: they are looked up by it",
    ),
    (METRICS, "ai_performance_metrics_responses"): (
        Index(
            ("((metadata ->> 'response_id'::text))",),
            "((metadata ->> 'response_id'::text) IS NOT NULL)",
        ),
        "a vote names the model's response rather than the request",
    ),
    (METRICS, "ai_performance_metrics_votes"): (
        Index(("client_id", '"timestamp"'), "(user_satisfaction_score IS NOT NULL)"),
        "a minute's votes are counted without the rows that have none",
    ),
    (METRICS, "ai_performance_metrics_probes"): (
        Index(("client_id", "((metadata ->> 'probe'::text))", '"timestamp"'), "synthetic"),
        "a failing probe's runs are found among the rows of services",
    ),
    (ALERTS, "one_open_alert"): (
        Index(("fingerprint",), "(NOT ((status)::text = 'resolved'::text))", unique=True),
        "the database refuses a second open alert",
    ),
    (ALERTS, "alerts_by_fingerprint"): (
        Index(("fingerprint", "resolved_at"), None),
        "when was this last resolved by a person?",
    ),
    (ALERTS, "alerts_to_end"): (
        Index(
            ("ends_at",),
            "((ends_at IS NOT NULL) AND (NOT ((status)::text = 'resolved'::text)))",
        ),
        "which alerts of other systems were not told again?",
    ),
    (ALERTS, "alerts_solved"): (
        Index(
            ("component", "alert_type", "resolved_at"),
            "((status)::text = 'resolved'::text)",
        ),
        "what was like this one, and what solved it?",
    ),
    (ALERTS, "alerts_by_age"): (Index(("created_at",), None), "the newest, without a sort"),
    (ALERTS, "alerts_open"): (
        Index(
            ("status",),
            "((status)::text = ANY ((ARRAY['pending'::character varying, "
            "'firing'::character varying, 'acknowledged'::character varying, "
            "'suppressed'::character varying])::text[]))",
        ),
        "what the sweep looks at",
    ),
    (ALERTS, "alerts_flapping"): (
        Index(("steady_since",), "flapping"),
        "which flapping ones are steady?",
    ),
    (ALERTS, "alerts_ack_expiry"): (
        Index(
            ("ack_expires_at",),
            "((ack_expires_at IS NOT NULL) AND ((status)::text = 'acknowledged'::text))",
        ),
        "which acknowledgements have ended?",
    ),
    (ALERTS, "ai_performance_alerts_incident_id_6f93ef58"): (
        Index(("incident_id",), None),
        "the alerts of an incident",
    ),
}
