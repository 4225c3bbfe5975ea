"""The shipped playbooks of SLAs and model targets: (name, matchers, priority, body)."""

SPECIFIC, BY_KIND, LAST = 100, 20, 0


def _is(name, value):
    return {"name": name, "op": "=", "value": value}


def _like(name, value):
    return {"name": name, "op": "=~", "value": value}


_QUERY_START = (
    "{bad} of {total} requests of {client} missed the promise ({failed} failed, {slow} were too "
    "slow); the 95th percentile is {p95}, the baseline {baseline}.\n\n"
)
_VOTES_START = "Ratings of {client} average {measured} against {promised}, over {window}.\n\n"

_SLA = [
    (
        "Simple queries too slow", "sla:simple_queries:latency",
        _QUERY_START
        + "1. Look-ups have no model in them: check the database first (locks, slow statements, "
        "connection pool of {component}).\n"
        "2. Follow request `{worst_request}` through the logs: where did its time go?\n"
        "3. Last deployment near: {deployment}. If the slowness began with it, roll it back.\n"
        "4. If load is the cause, shed or queue complex queries before simple ones.",
    ),
    (
        "Simple queries unavailable", "sla:simple_queries:availability",
        _QUERY_START
        + "1. Read the errors of the worst requests, beginning with `{worst_request}`.\n"
        "2. Is the database of {component} reachable, is its pool exhausted?\n"
        "3. Roll back the deployment near ({deployment}) if errors began with it.\n"
        "4. Tell {client}: facts can't be looked up. The budget has {budget_left} left.",
    ),
    (
        "Simple queries rated badly", "sla:simple_queries:satisfaction",
        _VOTES_START
        + "1. Read the lowest-rated answers, beginning with `{worst_request}`: wrong, stale or slow?\n"
        "2. Wrong or stale facts: check the data's last synchronisation.\n"
        "3. Compare with the latency alert of the same class: slow answers are rated badly too.",
    ),
    (
        "Moderate queries too slow", "sla:moderate_queries:latency",
        _QUERY_START
        + "1. Split the time of `{worst_request}` into query, prediction and answer.\n"
        "2. Predictions slow: see the model targets' alerts; answer without predictions meanwhile.\n"
        "3. Joins slow: look for a changed plan or missing statistics.\n"
        "4. Last deployment near: {deployment}.",
    ),
    (
        "Moderate queries unavailable", "sla:moderate_queries:availability",
        _QUERY_START
        + "1. Read the errors of `{worst_request}` and the requests after it.\n"
        "2. Models failing: serve the analysis without predictions and say so in the answer.\n"
        "3. Roll back the deployment near ({deployment}) if errors began with it.",
    ),
    (
        "Moderate queries rated badly", "sla:moderate_queries:satisfaction",
        _VOTES_START
        + "1. Read the lowest-rated analyses, beginning with `{worst_request}`.\n"
        "2. Were their predictions off? Compare the models' business accuracy.\n"
        "3. Check what changed in prompts, models or data (deployment near: {deployment}).",
    ),
    (
        "Complex queries too slow", "sla:complex_queries:latency",
        _QUERY_START
        + "1. How many run at once? Limit complex queries before they starve the simple ones.\n"
        "2. Find the slowest of the models that `{worst_request}` used; call them side by side.\n"
        "3. Offer large analyses as a report that is sent when it is ready.\n"
        "4. Last deployment near: {deployment}.",
    ),
    (
        "Complex queries unavailable", "sla:complex_queries:availability",
        _QUERY_START
        + "1. Did they fail or reach the time-out? Failed: read the errors of `{worst_request}`.\n"
        "2. Time-outs: lower how many run at once; check queue and memory of {component}.\n"
        "3. Tell {client}'s management when their analyses will be ready again.",
    ),
    (
        "Complex queries rated badly", "sla:complex_queries:satisfaction",
        _VOTES_START
        + "1. Read the lowest-rated analyses with their authors' comments (`{worst_request}`).\n"
        "2. Were recommendations wrong, or not explained? Route to the larger model meanwhile.\n"
        "3. Check what changed in prompts or models (deployment near: {deployment}).",
    ),
    (
        "Feedback processed too slowly", "sla:user_feedback_processing:latency",
        _QUERY_START
        + "1. Feedback must never wait for a model: check that integration is queued, not awaited.\n"
        "2. Look at the database's write latency and at locks on the feedback tables.\n"
        "3. Last deployment near: {deployment}.",
    ),
    (
        "Feedback is lost", "sla:user_feedback_processing:availability",
        _QUERY_START
        + "1. Votes that failed are gone unless clients send them again: stop the loss first.\n"
        "2. Read the errors of `{worst_request}`; check the endpoint's database and disk.\n"
        "3. Roll back the deployment near ({deployment}) if errors began with it.",
    ),
    (
        "Feedback reaches the models too late", "sla:user_feedback_processing:learning_integration",
        "{bad} of {total} corrections of {client} took longer than {promised} to reach a model; "
        "the median took {p50}.\n\n"
        "1. Is the integration job running, and how long is its queue?\n"
        "2. Is a training holding it up? See the training limits of data_intelligence.\n"
        "3. Take the oldest correction, `{worst_request}`, through by hand to find the step that "
        "waits.",
    ),
]

_MODEL = [
    (
        "Model answers too slowly", "inference_time",
        "{bad} of {total} predictions of {model} missed {promised}; the 95th percentile is {p95}, "
        "the baseline {baseline}.\n\n"
        "1. New version or larger inputs? Deployment near: {deployment}.\n"
        "2. Is the machine it runs on busy with a training? Move or pause the training.\n"
        "3. Route to a smaller model until {model} is back under its baseline.",
    ),
    (
        "Model less accurate than promised", "accuracy",
        "{model} scores {measured}; promised is at least {promised}.\n\n"
        "1. Compare the evaluation set with the last one: has the data drifted, or the labels?\n"
        "2. Roll back to the last version that kept the promise (deployment near: {deployment}).\n"
        "3. Start a retraining with recent feedback; don't release it under {promised}.",
    ),
    (
        "Model not accurate enough for the business", "business_accuracy",
        "{model} is right for the business in {measured}; promised is at least {promised}.\n\n"
        "1. Which cases went wrong? Sort the misses by client and by kind of input.\n"
        "2. Say in the product that predictions of {model} are uncertain at present.\n"
        "3. Retrain with the corrections that users gave; check the definition of “right” too.",
    ),
    (
        "Model trains too long", "training_time",
        "The training of {model} took {measured}; promised is at most {promised}.\n\n"
        "1. Has the training data grown, or its features? Sample, or train incrementally.\n"
        "2. Did it share its machine with others? See data_intelligence's training limits.\n"
        "3. If the new time is right, agree on a new promise with its owner.",
    ),
    (
        "Model too large", "(model_size|model_size_limit|size)",
        "{model} has {measured}; promised is at most {promised}.\n\n"
        "1. What grew: parameters, vocabulary, embedded data?\n"
        "2. Prune or quantise it; keep the last version in service meanwhile.\n"
        "3. Check that every machine that loads {model} has the memory for it.",
    ),
    (
        "Model's answers rated badly", "satisfaction",
        "Answers of {model} are rated {measured} against {promised}, over {window}.\n\n"
        "1. Read the lowest-rated answers, beginning with `{worst_request}`.\n"
        "2. What changed: version, prompt, data? Deployment near: {deployment}.\n"
        "3. Route part of the traffic to the version before and compare the ratings.",
    ),
]

_KINDS = [
    (
        "Requests too slow", ".*:latency",
        _QUERY_START
        + "1. Compare load, queue and model times of {component} with their baselines.\n"
        "2. Follow the worst request, `{worst_request}`.\n"
        "3. Last deployment near: {deployment}. Roll back if the slowness began with it.",
    ),
    (
        "Requests fail", ".*:availability",
        _QUERY_START
        + "1. Read the errors of the worst requests, beginning with `{worst_request}`.\n"
        "2. Check the services that {component} calls.\n"
        "3. Last deployment near: {deployment}. Roll back if errors began with it.",
    ),
    (
        "Users are not satisfied", ".*:satisfaction",
        _VOTES_START
        + "1. Read the lowest-rated answers, beginning with `{worst_request}`.\n"
        "2. Check what changed in model, prompt or data (deployment near: {deployment}).",
    ),
    (
        "Learning comes too late", ".*:learning_integration",
        "{bad} of {total} took longer than {promised}.\n\n"
        "1. Is the integration job running, and how long is its queue?\n"
        "2. Follow the oldest, `{worst_request}`, step by step.",
    ),
]

PLAYBOOKS = [
    *((name, [_is("objective", key)], SPECIFIC, body) for name, key, body in _SLA),
    *(
        (name, [_like("objective", f"model:.*:{kind}")], SPECIFIC, body)
        for name, kind, body in _MODEL
    ),
    *((name, [_like("objective", f"sla:{key}")], BY_KIND, body) for name, key, body in _KINDS),
    (
        "Any other alert", [], LAST,
        "Measured is {measured}, promised {promised}, for {client} in {component}.\n\n"
        "1. Look at the chart: since when, and what changed then? Deployment near: {deployment}.\n"
        "2. Look at the worst request, `{worst_request}`.\n"
        "3. Write down what helped when you resolve the alert: the next one will find it.",
    ),
]
