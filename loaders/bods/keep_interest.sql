-- One row an interest of a relationship, its parties still named by their records.
-- The parties' numbers are joined when all are known.
INSERT INTO interest VALUES (
    $row, $path, $subject, $party, $interest, $share, $valid_from, $valid_to
);
