-- A member took mail of one originator out of Junk, last at this instant.
CREATE TABLE "taken_out" (
    "member" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    PRIMARY KEY ("member", "originator")
) STRICT;
CREATE INDEX "taken_out_by_at" ON "taken_out" ("at", "member", "originator");
