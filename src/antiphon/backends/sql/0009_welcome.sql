-- The one answer to a mail that proved an address; `sent_at` stands before it leaves.
CREATE TABLE "welcome" (
    "member" BLOB NOT NULL,
    "proof_id" TEXT NOT NULL,
    "sent_at" INTEGER,
    PRIMARY KEY ("member")
) STRICT;
CREATE INDEX "welcome_by_sent_at" ON "welcome" ("sent_at", "member");
