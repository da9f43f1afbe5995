-- Who changed a campaign: one member's reports change it twice at most.
ALTER TABLE "campaign" ADD COLUMN "hands" BLOB NOT NULL DEFAULT x'';
