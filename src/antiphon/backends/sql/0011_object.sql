-- A registrar is told about a domain, an authority about a case: what a contact answers for is no network alone.
ALTER TABLE "matter" RENAME COLUMN "prefix" TO "object";
ALTER TABLE "complaint" RENAME COLUMN "prefix" TO "object";

-- A person looked at an originator's mail and found phishing or malware in it.
CREATE TABLE "finding" (
    "originator" TEXT NOT NULL,
    "harm" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    "who" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("originator")
) STRICT;
