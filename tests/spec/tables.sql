-- Create comprehensive performance monitoring table
CREATE TABLE ai_system_performance_baselines (
    id SERIAL PRIMARY KEY,
    metric_name VARCHAR(100) NOT NULL,
    metric_category VARCHAR(50) NOT NULL, -- 'ai_query', 'ml_inference', 'user_feedback', 'system_health'
    baseline_value FLOAT NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL, -- 'ms', 'seconds', 'mb', 'requests/sec', 'accuracy'
    measurement_date TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    test_conditions JSONB, -- Test parameters and conditions
    client_id INTEGER REFERENCES clients(id),
    component VARCHAR(50) NOT NULL, -- 'cognitive_core', 'user_interface', 'data_intelligence', 'nervous_system'
    active BOOLEAN DEFAULT TRUE
);

-- Real-time AI performance metrics
CREATE TABLE ai_performance_metrics (
    id SERIAL PRIMARY KEY,
    metric_name VARCHAR(100) NOT NULL,
    metric_category VARCHAR(50) NOT NULL, -- 'ai_query', 'ml_inference', 'user_feedback', 'system_health'
    metric_value FLOAT NOT NULL,
    measurement_unit VARCHAR(20) NOT NULL,
    component VARCHAR(50) NOT NULL, -- 'cognitive_core', 'user_interface', 'data_intelligence', 'nervous_system'
    service_name VARCHAR(50) NOT NULL,
    endpoint_path VARCHAR(255),
    user_id INTEGER REFERENCES users(id),
    client_id INTEGER REFERENCES clients(id),
    request_id VARCHAR(100),
    query_complexity VARCHAR(20), -- 'simple', 'moderate', 'complex'
    ml_models_used JSONB,
    user_satisfaction_score FLOAT, -- 1-5 rating from user feedback
    timestamp TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    metadata JSONB
);

-- AI-specific performance alerts
CREATE TABLE ai_performance_alerts (
    id SERIAL PRIMARY KEY,
    alert_type VARCHAR(50) NOT NULL, -- 'sla_breach', 'model_degradation', 'user_satisfaction', 'resource_limit'
    severity VARCHAR(20) NOT NULL,   -- 'low', 'medium', 'high', 'critical'
    component VARCHAR(50) NOT NULL,
    metric_name VARCHAR(100) NOT NULL,
    threshold_value FLOAT NOT NULL,
    actual_value FLOAT NOT NULL,
    business_impact VARCHAR(255),
    recommended_action TEXT,
    alert_message TEXT NOT NULL,
    acknowledged BOOLEAN DEFAULT FALSE,
    acknowledged_by INTEGER REFERENCES users(id),
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    resolved BOOLEAN DEFAULT FALSE,
    resolved_at TIMESTAMP WITH TIME ZONE,
    client_id INTEGER REFERENCES clients(id),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

-- Create indexes for AI performance queries
CREATE INDEX idx_ai_performance_metrics_timestamp ON ai_performance_metrics(timestamp);
CREATE INDEX idx_ai_performance_metrics_component ON ai_performance_metrics(component, metric_name);
CREATE INDEX idx_ai_performance_metrics_client ON ai_performance_metrics(client_id);
CREATE INDEX idx_ai_performance_alerts_unresolved ON ai_performance_alerts(resolved, severity) WHERE resolved = FALSE;
CREATE INDEX idx_ai_performance_user_satisfaction ON ai_performance_metrics(user_satisfaction_score) WHERE user_satisfaction_score IS NOT NULL;
