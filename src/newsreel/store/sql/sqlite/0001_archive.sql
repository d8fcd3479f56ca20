-- The archive. Times are microseconds since 1970 in UTC, days 'YYYY-MM-DD', digests SHA-256, lists and objects JSON.

CREATE TABLE feeds (
    id          INTEGER PRIMARY KEY,
    url         TEXT NOT NULL UNIQUE,
    first_url   TEXT NOT NULL UNIQUE,           -- public ids hang on it
    file_name   TEXT NOT NULL UNIQUE COLLATE NOCASE,
    host        TEXT NOT NULL,
    title       TEXT,
    own_title   INTEGER NOT NULL DEFAULT 0,
    site_url    TEXT,
    language    TEXT,
    folder      TEXT,
    tags        TEXT NOT NULL DEFAULT '[]',
    is_private  INTEGER NOT NULL DEFAULT 0,
    is_crawled  INTEGER NOT NULL DEFAULT 0,
    status      TEXT NOT NULL DEFAULT 'active',
    policy      INTEGER NOT NULL DEFAULT 1,
    interval_us INTEGER,                        -- the operator's wish
    added_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE feed_aliases (
    url     TEXT PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What a feed was called, from a day on.
CREATE TABLE feed_titles (
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    day     TEXT NOT NULL,
    title   TEXT NOT NULL,
    PRIMARY KEY (feed_id, day)
) STRICT, WITHOUT ROWID;

-- What every poll writes; apart from feeds, so that those rows stay still.
CREATE TABLE feed_state (
    feed_id        INTEGER PRIMARY KEY REFERENCES feeds (id) ON DELETE CASCADE,
    next_poll_at   INTEGER,
    held_until     INTEGER,                     -- Retry-After of this feed
    lease_holder   TEXT,
    lease_until    INTEGER,
    etag           TEXT,
    last_modified  TEXT,
    body_digest    BLOB,
    last_poll_at   INTEGER,
    last_ok_at     INTEGER,
    last_change_at INTEGER,
    failures       INTEGER NOT NULL DEFAULT 0,
    fault          TEXT,
    moved_to       TEXT,
    moved_count    INTEGER NOT NULL DEFAULT 0,
    hints          TEXT NOT NULL DEFAULT '{}',  -- what the last body told the schedule
    entry_count    INTEGER NOT NULL DEFAULT 0,
    window         TEXT NOT NULL DEFAULT '[]'   -- ids of the entries that stood in the feed at its last body
) STRICT;
CREATE INDEX feed_state_due ON feed_state (next_poll_at);

CREATE TABLE hosts (
    host       TEXT PRIMARY KEY,
    not_before INTEGER,
    gap_us     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- digest … observed describe the newest wording as it was last read: what a poll compares with.
CREATE TABLE entries (
    id             INTEGER PRIMARY KEY,
    feed_id        INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    identity       TEXT NOT NULL,
    guid           TEXT,
    public_id      TEXT NOT NULL UNIQUE,
    day            TEXT NOT NULL,
    first_seen_at  INTEGER NOT NULL,
    revision_count INTEGER NOT NULL DEFAULT 1,
    number         INTEGER NOT NULL DEFAULT 1,
    reread         INTEGER NOT NULL DEFAULT 0,
    seen_at        INTEGER NOT NULL,
    digest         BLOB NOT NULL,
    digest_version INTEGER NOT NULL,
    parser_version INTEGER NOT NULL,
    observed       BLOB NOT NULL,
    withheld_at    INTEGER,
    UNIQUE (feed_id, identity)
) STRICT;
CREATE INDEX entries_day ON entries (day, feed_id);

-- Every wording ever seen: rows are added, never changed. reread > 0: the same wording, read differently.
CREATE TABLE revisions (
    id             INTEGER PRIMARY KEY,
    entry_id       INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    reread         INTEGER NOT NULL DEFAULT 0,
    seen_at        INTEGER NOT NULL,
    absent_at      INTEGER,
    capture        BLOB,
    digest         BLOB NOT NULL,
    digest_version INTEGER NOT NULL,
    parser_version INTEGER NOT NULL,
    doubts         TEXT NOT NULL DEFAULT '',    -- stable words, sorted, parted by blanks
    title          TEXT,
    link           TEXT,
    permalink      TEXT,
    canonical_link TEXT,
    summary        TEXT,
    body           TEXT,
    author         TEXT,
    categories     TEXT,
    enclosures     TEXT,
    thumbnail      TEXT,
    language       TEXT,
    published_at   INTEGER,
    published_raw  TEXT,
    updated_at     INTEGER,
    updated_raw    TEXT,
    extras         TEXT,
    UNIQUE (entry_id, number, reread)
) STRICT;

-- What changed without making a revision, from the poll at which it was first seen so.
CREATE TABLE observations (
    id       INTEGER PRIMARY KEY,
    entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    seen_at  INTEGER NOT NULL,
    observed TEXT NOT NULL
) STRICT;
CREATE INDEX observations_entry ON observations (entry_id);

CREATE TABLE polls (
    id           INTEGER PRIMARY KEY,
    feed_id      INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    polled_at    INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    status       INTEGER,
    reason       TEXT,
    detail       TEXT,
    new          INTEGER NOT NULL,
    revised      INTEGER NOT NULL,
    unchanged    INTEGER NOT NULL,
    reread       INTEGER NOT NULL,
    overlap      INTEGER,
    bytes        INTEGER NOT NULL,
    elapsed_ms   INTEGER NOT NULL,
    capture      BLOB,
    lost         TEXT,                          -- ids of the entries that stood in the feed before and do no longer
    next_poll_at INTEGER
) STRICT;
CREATE INDEX polls_feed ON polls (feed_id, polled_at);

CREATE TABLE poll_days (
    day      TEXT NOT NULL,
    feed_id  INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    expected INTEGER NOT NULL,
    made     INTEGER NOT NULL,
    PRIMARY KEY (day, feed_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
    id      INTEGER PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    to_at   INTEGER,
    reason  TEXT NOT NULL,
    UNIQUE (feed_id, from_at, reason)
) STRICT;
CREATE INDEX gaps_open ON gaps (feed_id) WHERE to_at IS NULL;
CREATE INDEX gaps_from ON gaps (from_at);

-- Days that changed since their files were written; feed_id 0: the manifest alone.
CREATE TABLE dirty (
    day     TEXT NOT NULL,
    feed_id INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    mark    INTEGER NOT NULL,
    PRIMARY KEY (day, feed_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE written (
    day        TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    path       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    PRIMARY KEY (day, is_private, path)
) STRICT, WITHOUT ROWID;

-- id: each public id the entry might come back under; public_id: the one it had.
CREATE TABLE tombstones (
    id         TEXT PRIMARY KEY,
    public_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    is_private INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Imported files: their text form, and their records by reference to the wordings they showed.
CREATE TABLE legacy_files (
    id   INTEGER PRIMARY KEY,
    day  TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    form TEXT NOT NULL,
    UNIQUE (day, name, kind)
) STRICT;

CREATE TABLE legacy_rows (
    file_id     INTEGER NOT NULL REFERENCES legacy_files (id) ON DELETE CASCADE,
    ordinal     INTEGER NOT NULL,
    revision_id INTEGER NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    leftover    TEXT NOT NULL,
    PRIMARY KEY (file_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX legacy_rows_revision ON legacy_rows (revision_id);
