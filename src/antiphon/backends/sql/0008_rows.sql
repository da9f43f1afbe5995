-- A nonce that waits to be signed by the holder of a DKIM key.
CREATE TABLE "challenge" (
    "nonce" TEXT NOT NULL,
    "case" BLOB NOT NULL,
    "until" INTEGER NOT NULL,
    PRIMARY KEY ("nonce")
) STRICT;
CREATE INDEX "challenge_by_case" ON "challenge" ("case", "nonce");

-- A key that was proved; `grant` is the digest of the link that was given for it.
CREATE TABLE "grant" (
    "grant" BLOB NOT NULL,
    "case" BLOB NOT NULL,
    "domain" TEXT NOT NULL,
    "selector" TEXT NOT NULL,
    "key" BLOB NOT NULL,
    "proved_at" INTEGER NOT NULL,
    "until" INTEGER NOT NULL,
    "fetched" INTEGER NOT NULL,
    PRIMARY KEY ("grant")
) STRICT;
CREATE INDEX "grant_by_case" ON "grant" ("case", "grant");

-- A member whose row an originator was handed, and what it said of it.
CREATE TABLE "handed_row" (
    "member" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "case" BLOB NOT NULL,
    "number" INTEGER NOT NULL,
    "entry" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "said" BLOB NOT NULL,
    "said_at" INTEGER,
    PRIMARY KEY ("member", "originator"),
    UNIQUE ("originator", "number")
) STRICT;
