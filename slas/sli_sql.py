"""How SLIs are counted from rows, in SQL: the statements of slas.slis, each built from parts that
say once which rows count, what of them is judged and which are good.
"""

from slas.objectives import Kind

CLAIMABLE = """
WITH due AS (
    SELECT client_id, date_trunc('hour', minute) AS hour FROM (
        SELECT DISTINCT client_id, minute FROM changed_minutes ORDER BY minute DESC LIMIT %s
    ) newest GROUP BY 1, 2
)
SELECT client_id, hour, pg_try_advisory_xact_lock(
    hashtextextended('sli/' || client_id || '/' || date_trunc('day', hour, 'UTC'), 0))
FROM due
"""
CLAIM = """
DELETE FROM changed_minutes c
USING unnest(%s::int[], %s::timestamptz[]) AS k (client_id, hour)
WHERE c.client_id = k.client_id
    AND c.minute >= k.hour AND c.minute < k.hour + interval '1 hour'
RETURNING c.client_id, c.metric_name, c.minute
"""
# Which objectives a changed metric concerns; an objective without a metric looks at every one.
_OF_CLIENT = "JOIN slos o ON o.id = v.slo_id AND (o.client_id IS NULL OR o.client_id = m.client_id)"
_CONCERNED = f"""
WITH marks AS (
    SELECT DISTINCT * FROM unnest(%(clients)s::int[], %(names)s::text[], %(minutes)s::timestamptz[])
        AS k (client_id, metric_name, minute)
), concerned AS MATERIALIZED (
    SELECT m.client_id, m.minute, v.slo_id
    FROM marks m JOIN slo_versions v ON v.metric_name = m.metric_name {_OF_CLIENT}
    UNION
    SELECT m.client_id, m.minute, v.slo_id
    FROM (SELECT DISTINCT client_id, minute FROM marks) m JOIN slo_versions v ON v.metric_name = ''
    {_OF_CLIENT}
)
"""  # noqa: S608  # built from the constants above alone
# The numbers that counting rows depends on, with their types.
ASKED = {
    **dict.fromkeys(
        ("kind", "metric_name", "component", "unit", "query_complexity", "model"), "text"
    ),
    **dict.fromkeys(("threshold", "good_within"), "float8"),
    "include_synthetic": "boolean",
}
_STORED = "client_id, slo_id, minute, version_id, good, total, value_sum, value_max"
# Which rows count for an objective, what of them is judged, and which are good: said once.
_VALUE = f"""CASE WHEN a.kind = '{Kind.SATISFACTION}' THEN m.user_satisfaction_score
    ELSE m.metric_value END"""
_BELONGS = """m.component = a.component
    AND (a.query_complexity = '' OR m.query_complexity = a.query_complexity)
    AND (a.model = '' OR m.ml_models_used ? a.model)
    AND (a.include_synthetic OR NOT m.synthetic OR m.client_id = %(platform)s)"""
_NAMED = f"""AND m.metric_name = a.metric_name
    WHERE a.metric_name <> '' AND (a.kind = '{Kind.SATISFACTION}' OR m.measurement_unit = a.unit)"""
_NAMELESS = "AND m.user_satisfaction_score IS NOT NULL WHERE a.metric_name = ''"
_GOOD = f"""CASE kind
        WHEN '{Kind.SATISFACTION}' THEN value >= threshold
        WHEN '{Kind.LIMIT}' THEN value <= threshold
        WHEN '{Kind.AT_LEAST}' THEN value >= threshold
        ELSE success AND value <= good_within END"""
_JUDGED = f"""
SELECT a.*, m.success, {_VALUE} AS value
FROM asked a JOIN picked m ON m.client_id = a.client_id AND m.minute = a.minute AND {_BELONGS}
"""  # noqa: S608  # built from the constants above alone
_PARTED = f"""
SELECT a.*, m.client_id, date_trunc('minute', m."timestamp") AS minute, m."timestamp" AS at,
    m.id AS row_id, m.success, {_VALUE} AS value,
    coalesce(m.metadata @> '{{"no_answer": true}}', false) AS no_answer
FROM asked a JOIN ai_performance_metrics m ON m.client_id = ANY(%(clients)s)
    AND m."timestamp" >= %(first)s AND m."timestamp" < %(last)s AND {_BELONGS}
"""  # noqa: S608  # built from the constants above alone
_PICKED = """r.metric_name, r.component, r.measurement_unit, r.query_complexity,
            r.ml_models_used, r.success, r.synthetic, r.metric_value, r.user_satisfaction_score
        FROM ai_performance_metrics r"""
_OF_MINUTE = """r.client_id = k.client_id
            AND r."timestamp" >= k.minute AND r."timestamp" < k.minute + interval '1 minute'
            AND r."timestamp" >= %(first)s AND r."timestamp" < %(last)s"""
_SAME_MINUTE = "s.client_id = k.client_id AND s.slo_id = k.slo_id AND s.minute = k.minute"
# Each row is read once, by its client, metric and minute, however many objectives look at it. Of
# what is counted only what differs from what is stored is written (looked up one by one, OFFSET 0,
# whatever the planner expects); what was stored and is not counted any more goes.
COUNT = f"""{_CONCERNED}, asked AS MATERIALIZED (
    SELECT c.client_id, c.minute, c.slo_id, v.id AS version_id, v.kind, v.metric_name,
        v.component, v.unit, v.query_complexity, v.model, v.threshold, v.good_within,
        v.include_synthetic
    FROM concerned c JOIN slo_versions v ON v.slo_id = c.slo_id
        AND v.valid_from <= c.minute AND (v.valid_until IS NULL OR c.minute < v.valid_until)
    JOIN slos o ON o.id = c.slo_id
    WHERE NOT EXISTS (
        SELECT FROM slos own JOIN slo_versions w ON w.slo_id = own.id
        WHERE o.client_id IS NULL AND own.base = o.base AND own.client_id = c.client_id
            AND w.valid_from <= c.minute AND (w.valid_until IS NULL OR c.minute < w.valid_until))
), picked AS MATERIALIZED (
    SELECT k.client_id, k.minute, m.*
    FROM (
        SELECT client_id, minute, array_agg(DISTINCT metric_name) AS names,
            bool_or(metric_name = '') AS votes
        FROM asked GROUP BY 1, 2
    ) k CROSS JOIN LATERAL (
        SELECT {_PICKED} WHERE {_OF_MINUTE} AND r.metric_name = ANY(k.names)
        UNION ALL
        SELECT {_PICKED} WHERE k.votes AND {_OF_MINUTE} AND r.user_satisfaction_score IS NOT NULL
            AND r.metric_name <> ALL(k.names)
        OFFSET 0  -- Looked up minute by minute, whatever the planner expects.
    ) m
), judged AS (
    {_JUDGED} {_NAMED}
    UNION ALL
    {_JUDGED} {_NAMELESS}
), counted AS MATERIALIZED (
    SELECT client_id, slo_id, minute, version_id, count(*) FILTER (WHERE {_GOOD}) AS good,
        count(*) AS total, sum(value) AS value_sum, max(value) AS value_max
    FROM judged WHERE value IS NOT NULL
    GROUP BY client_id, slo_id, minute, version_id
), changed AS MATERIALIZED (
    SELECT k.* FROM counted k WHERE NOT EXISTS (
        SELECT FROM sli_minutes s WHERE {_SAME_MINUTE}
            AND (s.version_id, s.good, s.total, s.value_sum, s.value_max)
                = (k.version_id, k.good, k.total, k.value_sum, k.value_max) OFFSET 0)
), put AS (
    INSERT INTO sli_minutes ({_STORED}) SELECT {_STORED} FROM changed
    ON CONFLICT (client_id, slo_id, minute) DO UPDATE SET version_id = excluded.version_id,
        good = excluded.good, total = excluded.total, value_sum = excluded.value_sum,
        value_max = excluded.value_max
), gone AS (
    DELETE FROM sli_minutes WHERE ctid = ANY(ARRAY(
        SELECT s.ctid FROM concerned k CROSS JOIN LATERAL (
            SELECT s.ctid FROM sli_minutes s WHERE {_SAME_MINUTE} OFFSET 0) s
        WHERE (k.client_id, k.slo_id, k.minute) NOT IN (
            SELECT client_id, slo_id, minute FROM counted)))
    RETURNING client_id, slo_id, minute
)
SELECT DISTINCT client_id, slo_id, date_trunc('hour', minute, 'UTC') FROM (
    SELECT client_id, slo_id, minute FROM changed UNION ALL SELECT * FROM gone) c
"""  # noqa: S608  # built from the constants above alone
# A longer span is the sum of the shorter ones in it, and goes with the last of them. They are
# looked up span by span (OFFSET 0), whatever the planner expects.
_SUM_UP = """
WITH spans AS (
    SELECT DISTINCT client_id, slo_id, date_trunc('{unit}', hour, 'UTC') AS {unit}
    FROM unnest(%s::int[], %s::bigint[], %s::timestamptz[]) AS k (client_id, slo_id, hour)
), sums AS MATERIALIZED (
    SELECT k.*, s.* FROM spans k CROSS JOIN LATERAL (
        SELECT sum(s.good) AS good, sum(s.total) AS total, sum(s.value_sum) AS value_sum,
            max(s.value_max) AS value_max
        FROM sli_{part}s s WHERE s.client_id = k.client_id AND s.slo_id = k.slo_id
            AND s.{part} >= k.{unit} AND s.{part} < k.{unit} + interval '1 {unit}' OFFSET 0
    ) s
), gone AS (
    DELETE FROM sli_{unit}s h USING sums k WHERE k.total IS NULL
        AND h.client_id = k.client_id AND h.slo_id = k.slo_id AND h.{unit} = k.{unit}
)
INSERT INTO sli_{unit}s (client_id, slo_id, {unit}, good, total, value_sum, value_max)
SELECT client_id, slo_id, {unit}, good, total, value_sum, value_max
FROM sums WHERE total IS NOT NULL
ON CONFLICT (client_id, slo_id, {unit}) DO UPDATE SET good = excluded.good,
    total = excluded.total, value_sum = excluded.value_sum, value_max = excluded.value_max
"""
HOURS = _SUM_UP.format(unit="hour", part="minute")
DAYS = _SUM_UP.format(unit="day", part="hour")
# Minutes in up to three parts, so that windows may begin between them: the very start (0), up to
# the cut (1), after it (2).
PARTS = f"""
WITH asked AS (
    SELECT {", ".join(f"%({n})s::{t} AS {n}" for n, t in ASKED.items())}
), judged AS (
    {_PARTED} {_NAMED}
    UNION ALL
    {_PARTED} {_NAMELESS}
)
SELECT client_id, minute, CASE WHEN at = minute THEN 0 WHEN at <= minute + %(cut)s THEN 1 ELSE 2 END
    AS part, count(*) FILTER (WHERE {_GOOD}), count(*), sum(value), max(value),
    (array_agg(value ORDER BY at DESC, row_id DESC))[1],
    count(*) FILTER (WHERE no_answer AND value >= threshold)
FROM judged WHERE value IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT %(most)s
"""  # noqa: S608  # built from the constants above alone
RECOUNT = """
INSERT INTO changed_minutes (client_id, metric_name, minute)
SELECT DISTINCT r.client_id, r.metric_name, r.minute FROM minute_rollups r
WHERE r.minute >= %s AND (%s::int IS NULL OR r.client_id = %s)
    AND (r.metric_name = ANY(%s) OR '' = ANY(%s))
"""
