"""OTLP: what its names mean to the portal, and which component a service belongs to."""

from django.db import migrations, models

GENAI_SPANS = "chat text_completion generate_content completion responses".split()

# (name, meaning, convention, priority)
ATTRIBUTES = [
    ("gen_ai.request.model", "model", "genai_137", 10),
    ("gen_ai.response.model", "model", "genai_137", 30),
    ("llm.model_name", "model", "openinference", 20),
    ("embedding.model_name", "model", "openinference", 21),
    ("llm.request.model", "model", "openllmetry", 22),
    ("gen_ai.provider.name", "provider", "genai_137", 10),
    ("gen_ai.system", "provider", "genai_legacy", 20),
    ("llm.provider", "provider", "openinference", 30),
    ("llm.system", "provider", "openinference", 40),
    ("gen_ai.operation.name", "operation", "genai_137", 10),
    ("openinference.span.kind", "operation", "openinference", 20),
    ("llm.request.type", "operation", "openllmetry", 30),
    ("gen_ai.usage.input_tokens", "input_tokens", "genai_137", 10),
    ("gen_ai.usage.prompt_tokens", "input_tokens", "genai_legacy", 20),
    ("llm.token_count.prompt", "input_tokens", "openinference", 30),
    ("llm.usage.prompt_tokens", "input_tokens", "openllmetry", 40),
    ("gen_ai.usage.output_tokens", "output_tokens", "genai_137", 10),
    ("gen_ai.usage.completion_tokens", "output_tokens", "genai_legacy", 20),
    ("llm.token_count.completion", "output_tokens", "openinference", 30),
    ("llm.usage.completion_tokens", "output_tokens", "openllmetry", 40),
    ("gen_ai.token.type", "token_type", "genai_137", 10),
    ("llm.usage.token_type", "token_type", "openllmetry", 20),
    ("gen_ai.usage.token_type", "token_type", "openllmetry", 30),
    ("gen_ai.response.time_to_first_chunk", "first_token", "genai_newest", 10),
    ("gen_ai.server.time_to_first_token", "first_token", "genai_137", 20),
    ("gen_ai.latency.time_to_first_token", "first_token", "genai_legacy", 30),
    ("gen_ai.server.ttft", "first_token", "genai_legacy", 40),
    ("gen_ai.response.finish_reasons", "finish_reasons", "genai_137", 10),
    ("gen_ai.response.finish_reason", "finish_reasons", "openllmetry", 20),
    ("llm.finish_reason", "finish_reasons", "openinference", 30),
    ("gen_ai.response.id", "response_id", "genai_137", 10),
    ("error.type", "error", "general", 10),
    ("service.name", "service", "general", 10),
    ("aiosmon.client", "client", "aiosmon", 10),
    ("aiosmon.component", "component", "aiosmon", 10),
    ("aiosmon.query_complexity", "complexity", "aiosmon", 10),
    ("http.route", "endpoint", "general", 10),
    ("url.path", "endpoint", "general", 20),
    ("http.target", "endpoint", "general", 30),
    ("gen_ai.evaluation.name", "evaluation", "genai_newest", 10),
    ("gen_ai.evaluation.score.value", "score", "genai_newest", 10),
    ("gen_ai.evaluation.score.label", "label", "genai_newest", 10),
    ("gen_ai.evaluation.explanation", "comment", "genai_newest", 10),
]

# (name, convention, metric_name, category, unit, factor)
INFERENCE = ("gen_ai.client.inference.duration", "ml_inference", "ms", 1000.0)
FIRST = ("gen_ai.client.inference.time_to_first_chunk", "ml_inference", "ms", 1000.0)
TOKENS = ("gen_ai.client.inference.usage.{token_type}_tokens", "ml_inference", "count", 1.0)
METRICS = [
    ("gen_ai.client.operation.duration", "genai_137", *INFERENCE),
    ("gen_ai.client.inference.duration", "genai_newest", *INFERENCE),
    ("gen_ai.server.time_to_first_token", "genai_137", *FIRST),
    ("gen_ai.client.operation.time_to_first_chunk", "genai_137", *FIRST),
    ("gen_ai.client.inference.time_to_first_chunk", "genai_newest", *FIRST),
    (
        "gen_ai.server.request.duration",
        "genai_137",
        "gen_ai.server.request.duration",
        "ml_inference",
        "ms",
        1000.0,
    ),
    (
        "gen_ai.server.time_per_output_token",
        "genai_137",
        "gen_ai.server.time_per_output_token",
        "ml_inference",
        "ms",
        1000.0,
    ),
    (
        "llm.chat_completions.streaming_time_to_generate",
        "openllmetry",
        "gen_ai.client.streaming_time_to_generate",
        "ml_inference",
        "ms",
        1000.0,
    ),
    ("gen_ai.client.token.usage", "genai_137", *TOKENS),
    (
        "gen_ai.client.inference.usage.input_tokens",
        "genai_newest",
        TOKENS[0].format(token_type="input"),
        *TOKENS[1:],
    ),
    (
        "gen_ai.client.inference.usage.output_tokens",
        "genai_newest",
        TOKENS[0].format(token_type="output"),
        *TOKENS[1:],
    ),
    (
        "gen_ai.client.inference.operation.input_tokens",
        "genai_newest",
        TOKENS[0].format(token_type="input"),
        *TOKENS[1:],
    ),
    (
        "gen_ai.client.inference.operation.output_tokens",
        "genai_newest",
        TOKENS[0].format(token_type="output"),
        *TOKENS[1:],
    ),
    (
        "gen_ai.client.generation.choices",
        "openllmetry",
        "gen_ai.client.generation.choices",
        "ml_inference",
        "count",
        1.0,
    ),
    (
        "llm.openai.chat_completions.exceptions",
        "openllmetry",
        "gen_ai.client.exceptions",
        "ml_inference",
        "count",
        1.0,
    ),
    (
        "llm.openai.embeddings.exceptions",
        "openllmetry",
        "gen_ai.client.embeddings.exceptions",
        "ml_inference",
        "count",
        1.0,
    ),
    (
        "llm.openai.embeddings.vector_size",
        "openllmetry",
        "gen_ai.client.embeddings.vector_size",
        "ml_inference",
        "count",
        1.0,
    ),
    (
        "http.server.request.duration",
        "general",
        "http.server.request.duration",
        "user_interface",
        "ms",
        1000.0,
    ),
]

SPAN = ("gen_ai_inference_time", "ml_inference")
EMBEDDING = ("embedding_generation_time", "ai_query")
# (priority, name, attribute, pattern, component, metric_name, category)
RULES = [
    *(
        (
            10 + number,
            f"GenAI spans: {name}",
            "gen_ai.operation.name",
            name,
            "cognitive_core",
            *SPAN,
        )
        for number, name in enumerate(GENAI_SPANS)
    ),
    (
        20,
        "GenAI spans: embeddings",
        "gen_ai.operation.name",
        "embeddings",
        "data_intelligence",
        *EMBEDDING,
    ),
    (30, "OpenInference spans: LLM", "openinference.span.kind", "LLM", "cognitive_core", *SPAN),
    (
        31,
        "OpenInference spans: embedding",
        "openinference.span.kind",
        "EMBEDDING",
        "data_intelligence",
        *EMBEDDING,
    ),
    (40, "OpenLLMetry spans: chat", "llm.request.type", "chat", "cognitive_core", *SPAN),
    (
        41,
        "OpenLLMetry spans: completion",
        "llm.request.type",
        "completion",
        "cognitive_core",
        *SPAN,
    ),
    (
        42,
        "OpenLLMetry spans: embedding",
        "llm.request.type",
        "embedding",
        "data_intelligence",
        *EMBEDDING,
    ),
    (1000, "Everything else", "service.name", "*", "cognitive_core", "", ""),
]

DEFINITIONS = [
    ("gen_ai_inference_time", "ml_inference", "ms", "One call of a language model, from its span."),
    (
        "gen_ai.client.inference.duration",
        "ml_inference",
        "ms",
        "Calls of a language model, from the client's histogram.",
    ),
    (
        "gen_ai.client.inference.time_to_first_chunk",
        "ml_inference",
        "ms",
        "Call to first output, from the client's histogram.",
    ),
]


def seed(apps, schema_editor):
    alias = apps.get_model("metrics", "OtlpAlias")
    names = ("name", "meaning", "convention", "priority")
    alias.objects.bulk_create(
        alias(kind="attribute", **dict(zip(names, row))) for row in ATTRIBUTES
    )
    names = ("name", "convention", "metric_name", "metric_category", "measurement_unit", "factor")
    alias.objects.bulk_create(alias(kind="metric", **dict(zip(names, row))) for row in METRICS)
    rule = apps.get_model("metrics", "ComponentRule")
    names = (
        "priority",
        "name",
        "attribute",
        "pattern",
        "component",
        "metric_name",
        "metric_category",
    )
    rule.objects.bulk_create(rule(**dict(zip(names, row))) for row in RULES)
    definition = apps.get_model("metrics", "MetricDefinition")
    names = ("name", "category", "unit", "description")
    definition.objects.bulk_create(
        [definition(**dict(zip(names, row))) for row in DEFINITIONS], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("metrics", "0005_feedback")]

    operations = [
        migrations.CreateModel(
            name="ComponentRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        default=100, help_text="The lowest is tried first."
                    ),
                ),
                (
                    "attribute",
                    models.CharField(
                        help_text="Of the span or resource; also span.name and span.kind (server, client, …).",
                        max_length=200,
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        default="*",
                        help_text="What its value looks like: * stands for any text, ? for one character.",
                        max_length=200,
                    ),
                ),
                (
                    "component",
                    models.CharField(
                        blank=True,
                        help_text="Code of the component. Empty: a later rule's.",
                        max_length=50,
                    ),
                ),
                (
                    "metric_name",
                    models.CharField(
                        blank=True,
                        help_text="Spans that match are rows of this metric, in ms.",
                        max_length=100,
                    ),
                ),
                (
                    "metric_category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ai_query", "AI query"),
                            ("ml_inference", "ML inference"),
                            ("user_feedback", "User feedback"),
                            ("system_health", "System health"),
                            ("user_interface", "User interface"),
                        ],
                        max_length=50,
                    ),
                ),
                (
                    "query_complexity",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("simple", "Simple"),
                            ("moderate", "Moderate"),
                            ("complex", "Complex"),
                        ],
                        max_length=20,
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "component rule",
                "db_table": "component_rules",
                "ordering": ["priority", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("component", ""), _negated=True),
                            models.Q(("metric_name", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="component_rules_do_something",
                        violation_error_message="A rule names a component, a metric, or both.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("metric_name", ""),
                            models.Q(("metric_category", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="component_rules_metrics_are_whole",
                        violation_error_message="A metric needs its category.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OtlpAlias",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("attribute", "Attribute"), ("metric", "Metric")], max_length=10
                    ),
                ),
                ("name", models.CharField(help_text="As the emitter writes it.", max_length=200)),
                (
                    "meaning",
                    models.CharField(
                        choices=[
                            ("model", "Model"),
                            ("provider", "Provider"),
                            ("operation", "Operation"),
                            ("input_tokens", "Input tokens"),
                            ("output_tokens", "Output tokens"),
                            ("token_type", "Kind of tokens (input, output)"),
                            ("first_token", "Time to the first output (s)"),
                            ("finish_reasons", "Finish reasons"),
                            ("response_id", "Id of the response"),
                            ("error", "Error (marks a failure)"),
                            ("service", "Service name"),
                            ("client", "Client's code"),
                            ("component", "Component's code"),
                            ("complexity", "Query complexity"),
                            ("endpoint", "Endpoint"),
                            ("evaluation", "Name of an evaluation"),
                            ("score", "Score of an evaluation"),
                            ("label", "Label of an evaluation"),
                            ("comment", "Explanation of an evaluation"),
                            ("value", "The metric's value"),
                        ],
                        default="value",
                        max_length=20,
                    ),
                ),
                (
                    "convention",
                    models.CharField(
                        choices=[
                            ("genai_legacy", "GenAI, before 1.37"),
                            ("genai_137", "GenAI, 1.37–1.41"),
                            ("genai_newest", "GenAI, newest"),
                            ("openinference", "OpenInference"),
                            ("openllmetry", "OpenLLMetry"),
                            ("general", "OpenTelemetry, general"),
                            ("aiosmon", "AIOSMON"),
                            ("own", "Our own"),
                        ],
                        default="own",
                        max_length=20,
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="Of several attributes with one meaning the lowest counts.",
                    ),
                ),
                (
                    "metric_name",
                    models.CharField(
                        blank=True,
                        help_text="Metrics: what it is called here. “{token_type}” is replaced by that attribute.",
                        max_length=100,
                    ),
                ),
                (
                    "metric_category",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ai_query", "AI query"),
                            ("ml_inference", "ML inference"),
                            ("user_feedback", "User feedback"),
                            ("system_health", "System health"),
                            ("user_interface", "User interface"),
                        ],
                        max_length=50,
                    ),
                ),
                (
                    "measurement_unit",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("ms", "ms (milliseconds)"),
                            ("seconds", "seconds"),
                            ("mb", "mb (megabytes)"),
                            ("requests/sec", "requests/sec"),
                            ("accuracy", "accuracy (0–1)"),
                            ("percent", "percent (0–100)"),
                            ("count", "count"),
                            ("score", "score (1–5)"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "factor",
                    models.FloatField(
                        default=1.0,
                        help_text="Metrics: what the value is multiplied by; s to ms is 1000.",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name": "OTLP name",
                "db_table": "otlp_aliases",
                "ordering": ["kind", "meaning", "priority", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "name", "meaning"), name="otlp_aliases_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "metric"), _negated=True),
                            models.Q(
                                models.Q(("metric_name", ""), _negated=True),
                                models.Q(("metric_category", ""), _negated=True),
                                models.Q(("measurement_unit", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="otlp_aliases_metrics_are_whole",
                        violation_error_message="A metric needs its name here, its category and its unit.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("factor__gt", 0)), name="otlp_aliases_factor"
                    ),
                ],
            },
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
