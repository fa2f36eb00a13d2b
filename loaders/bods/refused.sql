-- One row a refused statement with its faults, in the file's order.
-- The loader turns each fault into a reject with its reason and cure.
SELECT row, target, faults FROM refused ORDER BY row;
