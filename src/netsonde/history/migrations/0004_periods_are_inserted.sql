-- The view that filled `flow_metrics` from `flows`; the writer inserts both, and the engine computes less.
DROP VIEW IF EXISTS flow_metrics_by_time;
