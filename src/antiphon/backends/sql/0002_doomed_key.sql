-- The name of an erased member's key that may still be in a book or its copy: destroyed again and again until it is gone everywhere.
CREATE TABLE "doomed_key" (
    "key" BLOB NOT NULL,
    "since" INTEGER NOT NULL,
    PRIMARY KEY ("key")
) STRICT;
