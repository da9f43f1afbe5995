-- The opening of a spent leaf whose evidence has faded, sealed under its member's key until it is of no use.
CREATE TABLE "kept_opening" (
    "report" BLOB NOT NULL,
    "member" BLOB NOT NULL,
    "sealed" BLOB NOT NULL,
    "until" INTEGER NOT NULL,
    PRIMARY KEY ("report")
) STRICT;
CREATE INDEX "kept_opening_by_until" ON "kept_opening" ("until", "report");
CREATE INDEX "kept_opening_by_member" ON "kept_opening" ("member", "report");
ALTER TABLE "report" ADD COLUMN "fades_at" INTEGER;
UPDATE "report" SET "fades_at" = 2592000000000
    + CASE "evidence_class" WHEN 'C' THEN max("received_at", "reported_at") ELSE "received_at" END;
CREATE INDEX "report_by_fades_at" ON "report" ("fades_at", "report");
CREATE INDEX "delivery_by_received_at" ON "delivery" ("received_at", "member", "identity");
