-- What is searched. The index holds no text, only where each token stands; what filters ask for are
-- tokens too, marked with '=', as are categories with '#'. Its rows are wordings, each by its newest
-- reading.

CREATE VIRTUAL TABLE search USING fts5 (
    body, title, author, content = '', columnsize = 0, tokenize = "ascii tokenchars '=#'"
);

-- Whose row of the index is whose. Ids rise with the day and its time, so that what is newest is
-- found without sorting; odd: the entry has more than one wording.
CREATE TABLE search_rows (
    id          INTEGER PRIMARY KEY,
    entry_id    INTEGER NOT NULL,
    revision_id INTEGER NOT NULL,
    feed_id     INTEGER NOT NULL,
    site_id     INTEGER NOT NULL,
    language    TEXT
) STRICT;
CREATE INDEX search_rows_entry ON search_rows (entry_id);

CREATE TABLE search_sites (
    id   INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE
) STRICT;

-- One row. terms: what the tokens were made by; bits: of an id, for the time of day; pending: entries
-- up to this id are not in the index yet; traces: what was erased still lies in its segments.
CREATE TABLE search_state (
    terms   TEXT NOT NULL,
    bits    INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    traces  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO search_state (terms, bits, pending)
SELECT '', 14, coalesce(max(id), 0) FROM entries;

CREATE TABLE saved_searches (
    name     TEXT PRIMARY KEY COLLATE NOCASE,
    query    TEXT NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
