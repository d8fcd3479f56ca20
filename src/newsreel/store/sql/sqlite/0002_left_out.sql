-- How many entries a poll left out, because the operator had erased them.

ALTER TABLE polls ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
