-- An originator on the blocklist: a person said that it must never learn anything from us (LAW §4).
CREATE TABLE "blocked" (
    "originator" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    "who" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("originator")
) STRICT;
ALTER TABLE "originator" DROP COLUMN "blocklisted";
