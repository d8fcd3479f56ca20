-- How a feed is asked for where that differs from the settings (secret: it stands nowhere else), and
-- how a page is read as a feed. What hubs promised, what sites look like, what their robots.txt says.

CREATE INDEX feed_aliases_feed ON feed_aliases (feed_id);

ALTER TABLE feeds ADD COLUMN request_options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE feeds ADD COLUMN page_rules TEXT;

-- Who holds feeds, and so their hosts.
CREATE INDEX feeds_host ON feeds (host);
ALTER TABLE hosts ADD COLUMN asked_at INTEGER;   -- until when a worker that died may have asked it
CREATE INDEX feed_state_leased ON feed_state (lease_holder) WHERE lease_holder IS NOT NULL;

CREATE TABLE hub_subscriptions (
    feed_id     INTEGER PRIMARY KEY REFERENCES feeds (id) ON DELETE CASCADE,
    hub         TEXT NOT NULL,
    topic       TEXT NOT NULL,
    token       TEXT NOT NULL UNIQUE,           -- the last part of the callback's address
    secret      TEXT NOT NULL,
    status      TEXT NOT NULL,
    is_pending  INTEGER NOT NULL,               -- a request waits to be confirmed
    asked_at    INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,               -- when it is asked again, or renewed
    attempts    INTEGER NOT NULL,
    lease_until INTEGER,
    last_push_at INTEGER,
    pushes      INTEGER NOT NULL,
    ignored     INTEGER NOT NULL,
    fault       TEXT,
    due_at      INTEGER                         -- when its feed would be polled if nothing were pushed
) STRICT;

CREATE TABLE icons (
    site_url     TEXT PRIMARY KEY,
    icon_url     TEXT,
    content_type TEXT,
    body         BLOB,
    fetched_at   INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,              -- not asked for again before, found or not
    fault        TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE robots (
    origin     TEXT PRIMARY KEY,
    status     INTEGER,
    body       BLOB,
    fetched_at INTEGER NOT NULL,
    next_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
