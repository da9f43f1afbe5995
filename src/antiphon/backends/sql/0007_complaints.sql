-- What is looked for when a complaint is worked out.
CREATE INDEX "sighting_by_complained" ON "sighting" ("complained", "report");
CREATE INDEX "sighting_by_case_complained_received_at" ON "sighting" ("case", "complained", "received_at", "report");

-- One contact that was written to, or that is not to be: an address, or `@` and a domain for all below it.
CREATE TABLE "contact" (
    "contact" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "first_at" INTEGER,
    "last_at" INTEGER,
    "failures" INTEGER NOT NULL,
    "why" TEXT NOT NULL,
    "changed_at" INTEGER NOT NULL,
    PRIMARY KEY ("contact")
) STRICT;
CREATE INDEX "contact_by_state" ON "contact" ("state", "contact");

-- What a contact is told about: one case's mail out of one network.
CREATE TABLE "matter" (
    "case" BLOB NOT NULL,
    "prefix" TEXT NOT NULL,
    "contact" TEXT NOT NULL,
    "told" INTEGER NOT NULL,
    "last_at" INTEGER,
    "next_at" INTEGER NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("case", "prefix")
) STRICT;

-- A complaint for which a purse was spent, by its intent in the ledger.
CREATE TABLE "complaint" (
    "intent" INTEGER NOT NULL,
    "case" BLOB NOT NULL,
    "prefix" TEXT NOT NULL,
    "contact" TEXT NOT NULL,
    "rule" INTEGER NOT NULL,
    "incidents" INTEGER NOT NULL,
    "token" TEXT NOT NULL,
    "message" BLOB NOT NULL,
    "at" INTEGER NOT NULL,
    PRIMARY KEY ("intent"),
    UNIQUE ("token")
) STRICT;
CREATE INDEX "complaint_by_contact_at" ON "complaint" ("contact", "at", "intent");
CREATE INDEX "complaint_by_case" ON "complaint" ("case", "intent");

-- What came back to a complaint: `kind` is a word that was heeded, a robot, or `reply`.
CREATE TABLE "heard" (
    "intent" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "at" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "sealed" BLOB NOT NULL,
    PRIMARY KEY ("intent", "number")
) STRICT;
