-- Where the flows lie that were recorded before there was a table for that. What is inserted twice counts once.
INSERT INTO flow_places (place, hour, layers_path, recorded_at)
SELECT intDiv(tracking_id, 4294967296), intDiv(start_ns, 3600000000000), layers_path, toStartOfDay(recorded_at) + 86399
FROM flows;
