-- A mailbox elsewhere that is looked at for one member.
CREATE TABLE "watch" (
    "member" BLOB NOT NULL,
    "server" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "user" TEXT NOT NULL,
    "secret_kind" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "bearer" INTEGER NOT NULL,
    "plain" INTEGER NOT NULL,
    "junk" TEXT NOT NULL,
    "folders" TEXT NOT NULL,
    "nonce" TEXT NOT NULL,
    "added_at" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    "since" INTEGER NOT NULL,
    PRIMARY KEY ("member")
) STRICT;

-- How far one folder has been seen.
CREATE TABLE "watched_folder" (
    "member" BLOB NOT NULL,
    "folder" TEXT NOT NULL,
    "validity" INTEGER NOT NULL,
    "next_uid" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    PRIMARY KEY ("member", "folder")
) STRICT;

-- One mail at one place.
CREATE TABLE "sight" (
    "member" BLOB NOT NULL,
    "folder" TEXT NOT NULL,
    "uid" INTEGER NOT NULL,
    "identity" BLOB NOT NULL,
    "seen_at" INTEGER NOT NULL,
    "settled" INTEGER NOT NULL,
    "gone_at" INTEGER,
    PRIMARY KEY ("member", "folder", "uid")
) STRICT;
CREATE INDEX "sight_by_member_identity" ON "sight" ("member", "identity", "folder", "uid");
CREATE INDEX "sight_by_member_settled" ON "sight" ("member", "settled", "folder", "uid");
