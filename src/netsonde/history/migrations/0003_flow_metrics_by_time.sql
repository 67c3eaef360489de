-- The view of the former tables of flows; the tables follow from the schemas of the batches (`derived.py`), and so does
-- the view that takes its place.
DROP VIEW IF EXISTS flow_metrics_of_flows;
