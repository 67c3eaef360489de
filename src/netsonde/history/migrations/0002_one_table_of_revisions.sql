-- Nodes and edges in one table: one insert a batch and one read a look back, so both are whole. Rows lie in the order
-- of their epoch (the keyframe before them, 0 before the first), so that what was at t is one range of each part.
CREATE TABLE IF NOT EXISTS revisions (
    epoch Int64 CODEC(Delta, ZSTD(1)),
    kind Enum8('node' = 0, 'edge' = 1),
    id String CODEC(ZSTD(1)),
    at Int64 CODEC(Delta, ZSTD(1)),
    valid_from Int64 CODEC(Delta, ZSTD(1)),
    recorded Int64 CODEC(Delta, ZSTD(1)),
    revision UInt64 CODEC(T64, ZSTD(1)),
    created Int64 CODEC(Delta, ZSTD(1)),
    deleted UInt8,
    keyframe UInt8,
    host LowCardinality(String),
    origin LowCardinality(String),
    publisher LowCardinality(String),
    probe LowCardinality(String),
    parent String CODEC(ZSTD(1)),
    child String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(toDateTime(intDiv(at, 1000), 'UTC'))
ORDER BY (epoch, kind, id, valid_from, recorded, at);

-- Where this was interrupted after the tables were dropped, there is nothing left to copy.
CREATE TABLE IF NOT EXISTS node_revisions (
    id String, at Int64, valid_from Int64, recorded Int64, revision UInt64, created Int64, deleted UInt8,
    keyframe UInt8, host String, origin String, publisher String, probe String, metadata String
) ENGINE = MergeTree ORDER BY id;

CREATE TABLE IF NOT EXISTS edge_revisions (
    id String, at Int64, valid_from Int64, recorded Int64, revision UInt64, created Int64, deleted UInt8,
    keyframe UInt8, host String, origin String, publisher String, probe String, parent String, child String,
    metadata String
) ENGINE = MergeTree ORDER BY id;

-- Rows that are copied twice count once.
INSERT INTO revisions (epoch, kind, id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin,
    publisher, probe, metadata)
SELECT arrayLast(k -> k <= at, (SELECT groupArray(k) FROM (SELECT DISTINCT at AS k FROM keyframes ORDER BY k))), 'node',
    id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin, publisher, probe, metadata
FROM node_revisions;

INSERT INTO revisions (epoch, kind, id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin,
    publisher, probe, parent, child, metadata)
SELECT arrayLast(k -> k <= at, (SELECT groupArray(k) FROM (SELECT DISTINCT at AS k FROM keyframes ORDER BY k))), 'edge',
    id, at, valid_from, recorded, revision, created, deleted, keyframe, host, origin, publisher, probe, parent, child,
    metadata
FROM edge_revisions;

DROP TABLE node_revisions;

DROP TABLE edge_revisions;
