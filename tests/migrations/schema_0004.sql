-- A database of schema 4, as it stands after some polls, an import, two tombstones and its indexing.
PRAGMA application_id = 1315272563;
PRAGMA user_version = 4;
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE dirty (
    day     TEXT NOT NULL,
    feed_id INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    mark    INTEGER NOT NULL,
    PRIMARY KEY (day, feed_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "dirty" VALUES('2026-03-04',0,'polls',5);
INSERT INTO "dirty" VALUES('2026-03-04',1,'erased',4);
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
INSERT INTO "entries" VALUES(1,1,'press-a','press-a','9163bfc4cb9d00eb0ba6','2026-03-04',1772611200000000,2,2,0,1772618400000000,X'9A1F278FBB67BA624B73ABD0067E3207E960740DAE4820DA706EE16AB4C15E8E',1,1,X'1F4A94D04174565C',NULL);
INSERT INTO "entries" VALUES(2,1,'press-b','press-b','92f5c1da138eeea0d1df','2026-03-04',1772611200000000,1,1,0,1772611200000000,X'26FF09005A026445FC322FD784DB405D8C343CCF78B263EC3311BA927CC1102B',1,1,X'76AE98C215989D0F',1772618400000000);
INSERT INTO "entries" VALUES(4,1,'press-d','press-d','0b5f3bb25154a1a27100','2026-03-04',1772611200000000,1,1,0,1772611200000000,X'B38A18D3F3504795AE3057B93686B5ECE55EB439A3A45267E49566FC235B3EF1',1,1,X'19FB5A1A8F05BFA9',NULL);
INSERT INTO "entries" VALUES(5,1,'https://press.example/z',NULL,'0bf155c7b145a0f0d2ac','2026-03-01',1772352000000000,1,1,0,1772352000000000,X'C1BE8557F51F8EF2319EA0B928906E2F331940D0A5DFAF60E81001CD4547FEEE',1,0,X'CB3F91D54EEE30E5',NULL);
CREATE TABLE feed_aliases (
    url     TEXT PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
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
INSERT INTO "feed_state" VALUES(1,1772629235000000,NULL,NULL,NULL,NULL,NULL,X'62F74C40368AE2E59301592D95637E5DF28D000365A01226FCC2B1D4E98DC906',1772618400000000,1772618400000000,1772618400000000,0,NULL,NULL,0,'{"entries_at":[1772614800,1772607600,1772607600]}',4,'[1,2,4]');
CREATE TABLE feed_titles (
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    day     TEXT NOT NULL,
    title   TEXT NOT NULL,
    PRIMARY KEY (feed_id, day)
) STRICT, WITHOUT ROWID;
INSERT INTO "feed_titles" VALUES(1,'2026-03-01','The Old Press');
INSERT INTO "feed_titles" VALUES(1,'2026-03-04','The Press');
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
, request_options TEXT NOT NULL DEFAULT '{}', page_rules TEXT) STRICT;
INSERT INTO "feeds" VALUES(1,'https://press.example/feed','https://press.example/feed','https...press.example.feed','press.example','The Press',0,NULL,NULL,'Papers','["daily"]',0,0,'active',1,NULL,1772611200000000,'{"user_agent":"Reader/2"}',NULL);
CREATE TABLE gaps (
    id      INTEGER PRIMARY KEY,
    feed_id INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    from_at INTEGER NOT NULL,
    to_at   INTEGER,
    reason  TEXT NOT NULL,
    UNIQUE (feed_id, from_at, reason)
) STRICT;
INSERT INTO "gaps" VALUES(1,1,1772611200000000,1772618400000000,'http-503');
CREATE TABLE hosts (
    host       TEXT PRIMARY KEY,
    not_before INTEGER,
    gap_us     INTEGER NOT NULL DEFAULT 0
, asked_at INTEGER) STRICT, WITHOUT ROWID;
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
CREATE TABLE legacy_files (
    id   INTEGER PRIMARY KEY,
    day  TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    form TEXT NOT NULL,
    UNIQUE (day, name, kind)
) STRICT;
INSERT INTO "legacy_files" VALUES(1,'2026-03-01','press','json','{"indent":2}');
CREATE TABLE legacy_rows (
    file_id     INTEGER NOT NULL REFERENCES legacy_files (id) ON DELETE CASCADE,
    ordinal     INTEGER NOT NULL,
    revision_id INTEGER NOT NULL REFERENCES revisions (id) ON DELETE CASCADE,
    leftover    TEXT NOT NULL,
    PRIMARY KEY (file_id, ordinal)
) STRICT, WITHOUT ROWID;
INSERT INTO "legacy_rows" VALUES(1,0,6,'{"page_rating":0}');
CREATE TABLE observations (
    id       INTEGER PRIMARY KEY,
    entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    seen_at  INTEGER NOT NULL,
    observed TEXT NOT NULL
) STRICT;
INSERT INTO "observations" VALUES(1,2,1772618400000000,'{"published_raw":"Wed, 04 Mar 2026 09:00:00 GMT"}');
CREATE TABLE poll_days (
    day      TEXT NOT NULL,
    feed_id  INTEGER NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
    expected INTEGER NOT NULL,
    made     INTEGER NOT NULL,
    PRIMARY KEY (day, feed_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "poll_days" VALUES('2026-03-04',1,3,2);
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
, left_out INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "polls" VALUES(1,1,1772611200000000,'ok',200,NULL,NULL,4,0,0,0,NULL,807,0,X'ABA14AAAA67F88617284900A1AE4A00007F2B52CAD81F221DD91CD40FD3DBA8E',NULL,1772613945000000,0);
INSERT INTO "polls" VALUES(2,1,1772614800000000,'failed',503,'http-503','no',0,0,0,0,NULL,0,0,NULL,NULL,1772626301000000,0);
INSERT INTO "polls" VALUES(3,1,1772618400000000,'ok',200,NULL,NULL,0,1,2,0,3,644,0,X'62F74C40368AE2E59301592D95637E5DF28D000365A01226FCC2B1D4E98DC906','[3]',1772629235000000,1);
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
INSERT INTO "revisions" VALUES(1,1,1,0,1772611200000000,NULL,X'ABA14AAAA67F88617284900A1AE4A00007F2B52CAD81F221DD91CD40FD3DBA8E',X'D3342A5F71816C1B70CBD063E7183EC691AC06C60D6021BB6A69DEB258C27794',1,1,'','A','https://press.example/a','https://press.example/a','https://press.example/a','A summary.',NULL,NULL,NULL,NULL,NULL,NULL,1772607600000000,'Wed, 04 Mar 2026 07:00:00 +0000',NULL,NULL,NULL);
INSERT INTO "revisions" VALUES(2,2,1,0,1772611200000000,NULL,X'ABA14AAAA67F88617284900A1AE4A00007F2B52CAD81F221DD91CD40FD3DBA8E',X'26FF09005A026445FC322FD784DB405D8C343CCF78B263EC3311BA927CC1102B',1,1,'','B','https://press.example/b','https://press.example/b','https://press.example/b','A summary.',NULL,NULL,NULL,NULL,NULL,NULL,1772607600000000,'Wed, 04 Mar 2026 07:00:00 +0000',NULL,NULL,NULL);
INSERT INTO "revisions" VALUES(4,4,1,0,1772611200000000,NULL,X'ABA14AAAA67F88617284900A1AE4A00007F2B52CAD81F221DD91CD40FD3DBA8E',X'B38A18D3F3504795AE3057B93686B5ECE55EB439A3A45267E49566FC235B3EF1',1,1,'','D','https://press.example/d','https://press.example/d','https://press.example/d','A summary.',NULL,'A. Quill','["Birds"]',NULL,NULL,NULL,1772607600000000,'Wed, 04 Mar 2026 07:00:00 +0000',NULL,NULL,NULL);
INSERT INTO "revisions" VALUES(5,1,2,0,1772618400000000,1772611200000000,X'62F74C40368AE2E59301592D95637E5DF28D000365A01226FCC2B1D4E98DC906',X'9A1F278FBB67BA624B73ABD0067E3207E960740DAE4820DA706EE16AB4C15E8E',1,1,'','A, corrected','https://press.example/a','https://press.example/a','https://press.example/a','A summary.',NULL,NULL,NULL,NULL,NULL,NULL,1772607600000000,'Wed, 04 Mar 2026 07:00:00 +0000',NULL,NULL,NULL);
INSERT INTO "revisions" VALUES(6,5,1,0,1772352000000000,NULL,NULL,X'C1BE8557F51F8EF2319EA0B928906E2F331940D0A5DFAF60E81001CD4547FEEE',1,0,'imported','Z','https://press.example/z','https://press.example/z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE robots (
    origin     TEXT PRIMARY KEY,
    status     INTEGER,
    body       BLOB,
    fetched_at INTEGER NOT NULL,
    next_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE saved_searches (
    name     TEXT PRIMARY KEY COLLATE NOCASE,
    query    TEXT NOT NULL,
    saved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "saved_searches" VALUES('Birds','bird OR birds',1772611200000000);
CREATE VIRTUAL TABLE search USING fts5 (
    body, title, author, content = '', columnsize = 0, tokenize = "ascii tokenchars '=#'"
);
DELETE FROM search_config;
INSERT INTO "search_config" VALUES('version',4);
DELETE FROM search_data;
INSERT INTO "search_data" VALUES(1,X'04140503');
INSERT INTO "search_data" VALUES(10,X'000000000101010001010101');
INSERT INTO "search_data" VALUES(137438953473,X'000000C90730236269726473A88987000601020401023D61A888A8000202DF00020201020202020202026631A888A8000203DF0002030102030202030209687265766973696F6EA8898701020502020502027331A888A8000204DF000204010204020204010161A889870008050102020108060101020208060101020109636F72726563746564A889870306010103010164A88987000601010201057175696C6CA889870006010203010773756D6D617279A8898700020601020702020701017AA888A8000601010204101414141418130B0F15');
DELETE FROM search_idx;
INSERT INTO "search_idx" VALUES(1,X'',2);
CREATE TABLE search_rows (
    id          INTEGER PRIMARY KEY,
    entry_id    INTEGER NOT NULL,
    revision_id INTEGER NOT NULL,
    feed_id     INTEGER NOT NULL,
    site_id     INTEGER NOT NULL,
    language    TEXT
) STRICT;
INSERT INTO "search_rows" VALUES(84022272,5,6,1,1,NULL);
INSERT INTO "search_rows" VALUES(84034432,4,4,1,1,NULL);
INSERT INTO "search_rows" VALUES(84034433,1,1,1,1,NULL);
INSERT INTO "search_rows" VALUES(84034435,1,5,1,1,NULL);
CREATE TABLE search_sites (
    id   INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO "search_sites" VALUES(1,'press.example');
CREATE TABLE search_state (
    terms   TEXT NOT NULL,
    bits    INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    traces  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "search_state" VALUES('1 unicode 14.0.0 lexbor 1.0.2',12,0,0);
CREATE TABLE tombstones (
    id         TEXT PRIMARY KEY,
    public_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    is_private INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "tombstones" VALUES('92f5c1da138eeea0d1df','92f5c1da138eeea0d1df','withheld',1772618400000000,'asked',0);
INSERT INTO "tombstones" VALUES('adb989bec5c5dd0f4b48','ef9c98eabdba33d1857d','erased',1772618400000000,'asked',0);
INSERT INTO "tombstones" VALUES('eee1e4004c1f953266c9','92f5c1da138eeea0d1df','withheld',1772618400000000,'asked',0);
INSERT INTO "tombstones" VALUES('ef9c98eabdba33d1857d','ef9c98eabdba33d1857d','erased',1772618400000000,'asked',0);
CREATE TABLE written (
    day        TEXT NOT NULL,
    is_private INTEGER NOT NULL,
    path       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    sha256     TEXT NOT NULL,
    PRIMARY KEY (day, is_private, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX entries_day ON entries (day, feed_id);
CREATE INDEX feed_aliases_feed ON feed_aliases (feed_id);
CREATE INDEX feed_state_due ON feed_state (next_poll_at);
CREATE INDEX feed_state_leased ON feed_state (lease_holder) WHERE lease_holder IS NOT NULL;
CREATE INDEX feeds_host ON feeds (host);
CREATE INDEX gaps_from ON gaps (from_at);
CREATE INDEX gaps_open ON gaps (feed_id) WHERE to_at IS NULL;
CREATE INDEX legacy_rows_revision ON legacy_rows (revision_id);
CREATE INDEX observations_entry ON observations (entry_id);
CREATE INDEX polls_feed ON polls (feed_id, polled_at);
CREATE INDEX search_rows_entry ON search_rows (entry_id);
COMMIT;
