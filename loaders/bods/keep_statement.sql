-- One row a valid statement, with what it says of its party in the contract's words.
-- Which statement of a record counts is settled when all are known.
INSERT INTO statement VALUES (
    $row, $series, $record_id, $stated_at, $status, $target, $id, $kind, $contents
);
