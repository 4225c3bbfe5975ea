"""The shipped playbooks of resource limits and of alerts without a promise."""

SPECIFIC, BY_TYPE, BY_KIND = 100, 200, 20
_START = "{metric} of {component} is {measured}; the limit is {promised}.\n\n"

# component → (limit, name, steps)
_LIMITS = {
    "cognitive_core": [
        ("max_memory_usage", "Cognitive core: memory",
         "1. Which process grew, and since when? Deployment near: {deployment}.\n"
         "2. Unload models that nobody asked for in the last hour.\n"
         "3. Restart one instance at a time if memory leaks; then find the leak."),
        ("max_cpu_usage", "Cognitive core: CPU",
         "1. Is it load or a loop? Compare requests a minute with CPU.\n"
         "2. Load: add an instance, or queue complex queries.\n"
         "3. No more load than usual: profile it, and roll back {deployment}."),
        ("max_concurrent_queries", "Cognitive core: too many queries at once",
         "1. Who sends them? One client's burst is to be limited by its key's rate.\n"
         "2. Are queries slow rather than many? See the latency alerts.\n"
         "3. Queue complex queries first."),
        ("query_timeout", "Cognitive core: a query took too long",
         "1. Follow the query `{worst_request}`: which step did not end?\n"
         "2. Cancel it in the database and in the model's queue if it still runs.\n"
         "3. Several of a kind: limit that kind until its cause is found."),
        ("max_queue_size", "Cognitive core: queue too long",
         "1. Do workers work? A stuck worker and a flood look alike from outside.\n"
         "2. Flood: refuse the least urgent queries with 429 and a Retry-After.\n"
         "3. Add workers; watch CPU and memory of {component} while you do."),
        ("ml_inference_timeout", "Cognitive core: a prediction took too long",
         "1. Which model? See the worst requests, beginning with `{worst_request}`.\n"
         "2. Answer without the prediction meanwhile.\n"
         "3. Is a training using the same machine? Pause it."),
    ],
    "user_interface": [
        ("max_memory_usage", "User interface: memory",
         "1. Count open sessions and sockets: does memory follow them?\n"
         "2. Restart one instance at a time; sessions move to the others.\n"
         "3. Deployment near: {deployment}. Look for caches without a bound."),
        ("max_cpu_usage", "User interface: CPU",
         "1. Rendering or sockets? Profile one instance.\n"
         "2. Slow down live updates before you refuse users.\n"
         "3. Roll back the deployment near ({deployment}) if it began with it."),
        ("websocket_connections", "User interface: too many sockets",
         "1. Do clients reconnect in a loop? Look at connections opened a minute.\n"
         "2. Close idle sockets; let clients wait longer before they reconnect.\n"
         "3. Many real users: add an instance."),
        ("feedback_processing_timeout", "User interface: feedback took too long",
         "1. Follow the vote `{worst_request}`: database, queue or model?\n"
         "2. Accept votes at once and work on them later.\n"
         "3. Check for locks on the feedback tables."),
        ("terminal_response_time", "User interface: the terminal reacts slowly",
         "1. Measure in a browser: network, script or server?\n"
         "2. Compare with the baseline {baseline}; deployment near: {deployment}.\n"
         "3. Show a result's first part before all of it is there."),
    ],
    "data_intelligence": [
        ("max_training_memory", "Data intelligence: training memory",
         "1. Which training? Stop it if others on the machine suffer.\n"
         "2. Train on a sample or in batches; drop unused features.\n"
         "3. Has the data grown for good? Then plan for more memory."),
        ("max_training_cpu", "Data intelligence: training CPU",
         "1. Are several trainings running at once? Let them queue.\n"
         "2. Lower the training's threads, or move it to the night.\n"
         "3. Check that predictions on the same machine keep their time."),
        ("max_training_time", "Data intelligence: training too long",
         "1. Does it still make progress? Stop one that does not.\n"
         "2. Compare data and features with the last training.\n"
         "3. Serve the last model meanwhile; nothing is lost by waiting."),
        ("embedding_batch_size", "Data intelligence: embedding batches too large",
         "1. Which service sends them? Let it split at {promised}.\n"
         "2. Larger batches cost memory and delay all others: refuse them if they go on."),
        ("feature_extraction_timeout", "Data intelligence: feature extraction too long",
         "1. Follow `{worst_request}`: which source did it wait for?\n"
         "2. Use the features of the last run meanwhile.\n"
         "3. Large inputs: extract in parts."),
    ],
    "nervous_system": [
        ("monitoring_overhead", "Monitoring costs too much",
         "1. What grew: rows a minute, series, or probes? See Ingestion health.\n"
         "2. Let probes run less often; sample rows of the busiest service.\n"
         "3. Check retention: old partitions must go each hour."),
        ("alert_processing_time", "Alerts come too late",
         "1. Are beat and workers running? See the front page and /readyz.\n"
         "2. Is evaluation behind? Look at slow statements of the database.\n"
         "3. Until it is fixed, watch the front page: alerts may be missing."),
        ("metric_collection_interval", "Metrics are collected too seldom",
         "1. Which collector is late? See Probes, last run.\n"
         "2. Is the probes' worker busy with a hanging target? Lower its time-out.\n"
         "3. Check the schedule of probe dispatch."),
        ("dashboard_refresh_rate", "The dashboard shows old figures",
         "1. Do roll-ups keep up? See Ingestion health, waiting minutes.\n"
         "2. Is the database slow? Look at its longest statements.\n"
         "3. Tell those who look at it how old the figures are."),
    ],
}

_TYPES = [
    ("no_data", "Nothing is measured any more",
     "Nothing came for {what} of {client} from {component}, where something used to come.\n\n"
     "1. Is the service up? Silence is an outage until shown otherwise.\n"
     "2. Up: does its exporter report? Look at Reporting services and Ingestion health for "
     "rejected rows and expired keys.\n"
     "3. Deployment near: {deployment}. Was the metric renamed or switched off?"),
    ("probe_failed", "A probe fails",
     "The portal's own probe of {component} fails: {what}.\n\n"
     "1. Try its address by hand from the portal's machine.\n"
     "2. Users affected too? Compare with the rows of real requests.\n"
     "3. Only the probe fails: check its address, key and time-out under Probes."),
    ("predictive", "A promise will be broken",
     "{what} of {client} is {measured} and moves towards {promised}.\n\n"
     "1. Nothing is broken yet: use the time. What grows, and since when?\n"
     "2. Add capacity or shed load before the limit, not at it.\n"
     "3. Deployment near: {deployment}. Is it the beginning of a leak?"),
    ("self", "The portal itself is in trouble",
     "{what}: {measured}, where {promised} is promised.\n\n"
     "1. Look at /readyz and the front page: what is stopped or behind?\n"
     "2. Run `manage.py doctor` on the portal's machine and do what it says.\n"
     "3. Until it is well, alerts may be late or missing: watch the services directly."),
    ("external", "Alert of another system",
     "{what} in {component}, reported by another system for {client}.\n\n"
     "1. Open it where it comes from: its labels name the source.\n"
     "2. Does a promise of ours suffer? Look at the other open alerts of {component}."),
]


def _is(name, value):
    return {"name": name, "op": "=", "value": value}


PLAYBOOKS = [
    *(
        (name, [_is("objective", f"limit:{component}:{limit}")], SPECIFIC, _START + steps)
        for component, limits in _LIMITS.items()
        for limit, name, steps in limits
    ),
    *((name, [_is("alert_type", kind)], BY_TYPE, body) for kind, name, body in _TYPES),
    (
        "A limit is exceeded", [_is("alert_type", "resource_limit")], BY_KIND,
        _START + "1. Find what drives {metric} of {component} up; deployment near: {deployment}.\n"
        "2. Shed or queue load, or add capacity.\n"
        "3. If the new level is right, correct the limit.",
    ),
    (
        "A model is worse than promised", [_is("alert_type", "model_degradation")], BY_KIND,
        "{model}: {measured} against {promised}.\n\n"
        "1. What changed: version, inputs, data? Deployment near: {deployment}.\n"
        "2. Go back to the last version that kept the promise.",
    ),
]
