-- Revisions of nodes and edges. A row says what an element was from `valid_from` on; its end is the next row of the
-- same id, or one with deleted = 1. Keyframes repeat, at their time, every revision that is valid then: what was at t
-- is found between the last keyframe before t and t, however long an element has not changed, and old days can be
-- dropped whole. `at` is valid_from, or the keyframe's time; `recorded` breaks ties in the order of recording.
CREATE TABLE IF NOT EXISTS node_revisions (
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
    metadata String CODEC(ZSTD(3)),
    INDEX at_range at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(toDateTime(intDiv(at, 1000), 'UTC'))
ORDER BY (id, valid_from, recorded, at);

CREATE TABLE IF NOT EXISTS edge_revisions (
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
    metadata String CODEC(ZSTD(3)),
    INDEX at_range at TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(toDateTime(intDiv(at, 1000), 'UTC'))
ORDER BY (id, valid_from, recorded, at);

-- A row here says that the keyframe of that time is complete.
CREATE TABLE IF NOT EXISTS keyframes (
    at Int64
) ENGINE = ReplacingMergeTree
ORDER BY at;

-- How far the topology stream of the bus has been recorded, and each publisher's epoch and batch.
CREATE TABLE IF NOT EXISTS positions (
    name String,
    position UInt64,
    epoch String,
    written Int64
) ENGINE = ReplacingMergeTree(written)
ORDER BY name;

CREATE TABLE IF NOT EXISTS interface_metrics (
    node_id String CODEC(ZSTD(1)),
    node_tid LowCardinality(String),
    host LowCardinality(String),
    start_ms Int64 CODEC(Delta, ZSTD(1)),
    last_ms Int64 CODEC(Delta, ZSTD(1)),
    counters Map(LowCardinality(String), Int64) CODEC(ZSTD(1)),
    INDEX last_range last_ms TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toDate(toDateTime(intDiv(last_ms, 1000), 'UTC'))
ORDER BY (node_id, start_ms, last_ms);
