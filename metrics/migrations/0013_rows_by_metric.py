"""One client's rows of one metric are found without reading the client's others.

Counting a minute of one metric read all of the client's rows in it: beside a metric with
10,000 rows a second every other one waited.
"""

from django.db import migrations

INDEXES = """
DROP INDEX idx_ai_performance_metrics_client;
CREATE INDEX idx_ai_performance_metrics_client
    ON ai_performance_metrics(client_id, metric_name, timestamp);
CREATE INDEX ai_performance_metrics_votes ON ai_performance_metrics(client_id, timestamp)
    WHERE user_satisfaction_score IS NOT NULL;
"""
AS_BEFORE = """
DROP INDEX ai_performance_metrics_votes;
DROP INDEX idx_ai_performance_metrics_client;
CREATE INDEX idx_ai_performance_metrics_client ON ai_performance_metrics(client_id);
"""


class Migration(migrations.Migration):
    dependencies = [("metrics", "0012_probe_failures")]

    operations = [migrations.RunSQL(INDEXES, AS_BEFORE)]
