-- AI-specific performance baselines
INSERT INTO ai_system_performance_baselines (metric_name, metric_category, baseline_value, measurement_unit, component, test_conditions) VALUES
('conversational_query_response_time', 'ai_query', 8500.0, 'ms', 'cognitive_core', '{"query_complexity": "moderate", "includes_ml": true}'),
('ml_prediction_inference_time', 'ml_inference', 450.0, 'ms', 'cognitive_core', '{"model_type": "epic_trajectory", "feature_count": 12}'),
('user_feedback_processing_time', 'user_feedback', 120.0, 'ms', 'user_interface', '{"feedback_type": "correction", "includes_retraining": false}'),
('embedding_generation_time', 'ai_query', 2100.0, 'ms', 'data_intelligence', '{"text_length": 500, "batch_size": 10}'),
('ai_terminal_load_time', 'user_interface', 280.0, 'ms', 'user_interface', '{"component": "matrix_terminal", "initial_load": true}');
