-- A person splits a campaign by its texts: each report names the remembered text that it was most like.
ALTER TABLE "report" ADD COLUMN "text" BLOB;
ALTER TABLE "campaign" ADD COLUMN "parts" BLOB NOT NULL DEFAULT x'';
