-- One small fact about this home: secrets, sizes, the armed level.
CREATE TABLE "setting" (
    "name" TEXT NOT NULL,
    "value" BLOB NOT NULL,
    PRIMARY KEY ("name")
) STRICT;

-- The stored consents of one address.
CREATE TABLE "mandate" (
    "member" BLOB NOT NULL,
    "community" BLOB NOT NULL,
    "operator" BLOB NOT NULL,
    "tenant" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "consents" TEXT NOT NULL,
    "only" TEXT NOT NULL,
    "text_version" TEXT NOT NULL,
    "given_at" INTEGER NOT NULL,
    "proved_at" INTEGER,
    "revoked_at" INTEGER,
    "hosted" INTEGER NOT NULL,
    "report_token" TEXT NOT NULL,
    "data_key" BLOB,
    "renewed_at" INTEGER,
    "rests_why" TEXT NOT NULL,
    PRIMARY KEY ("member"),
    UNIQUE ("address"),
    UNIQUE ("report_token")
) STRICT;

-- The signed text: the mail by which a member agreed, sealed under its own key.
CREATE TABLE "agreement" (
    "member" BLOB NOT NULL,
    "version" TEXT NOT NULL,
    "agreed_at" INTEGER NOT NULL,
    "sealed" BLOB NOT NULL,
    PRIMARY KEY ("member")
) STRICT;

-- This house saw this message arrive: the verdict and the keys are those of that moment.
CREATE TABLE "delivery" (
    "member" BLOB NOT NULL,
    "identity" BLOB NOT NULL,
    "delivery" BLOB NOT NULL,
    "witness" TEXT NOT NULL,
    "received_at" INTEGER NOT NULL,
    "hour" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "salt" BLOB NOT NULL,
    "leaf" BLOB NOT NULL,
    "evidence" BLOB NOT NULL,
    "peer_address" TEXT NOT NULL,
    "peer_port" INTEGER NOT NULL,
    "committed" INTEGER,
    PRIMARY KEY ("member", "identity")
) STRICT;
CREATE INDEX "delivery_by_hour_position" ON "delivery" ("hour", "position", "member", "identity");
CREATE INDEX "delivery_by_delivery" ON "delivery" ("delivery", "member", "identity");

-- One statement about one received message.
CREATE TABLE "report" (
    "report" BLOB NOT NULL,
    "community" BLOB NOT NULL,
    "operator" BLOB NOT NULL,
    "tenant" TEXT NOT NULL,
    "member" BLOB NOT NULL,
    "identity" BLOB NOT NULL,
    "evidence_class" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "reasons" TEXT NOT NULL,
    "sighting_reasons" TEXT NOT NULL,
    "originator" TEXT NOT NULL,
    "case" BLOB,
    "campaign" BLOB,
    "why" TEXT NOT NULL,
    "received_at" INTEGER NOT NULL,
    "reported_at" INTEGER NOT NULL,
    "hold_until" INTEGER NOT NULL,
    "size" INTEGER NOT NULL,
    "clicked" INTEGER NOT NULL,
    "source" TEXT NOT NULL,
    "evidence" BLOB NOT NULL,
    PRIMARY KEY ("report")
) STRICT;
CREATE INDEX "report_by_member_identity" ON "report" ("member", "identity", "report");
CREATE INDEX "report_by_case_state" ON "report" ("case", "state", "report");
CREATE INDEX "report_by_campaign" ON "report" ("campaign", "report");

-- One message of a member's archive that was read in, and what became of it, so that a run that was broken off goes on where it ended.
CREATE TABLE "taken" (
    "member" BLOB NOT NULL,
    "key" BLOB NOT NULL,
    "state" TEXT NOT NULL,
    "reasons" TEXT NOT NULL,
    "sighting_reasons" TEXT NOT NULL,
    "sighting" INTEGER NOT NULL,
    PRIMARY KEY ("member", "key")
) STRICT;

-- A report that came over HTTP, and what became of it, for the program that handed it in.
CREATE TABLE "submission" (
    "submission" BLOB NOT NULL,
    "member" BLOB NOT NULL,
    "digest" BLOB NOT NULL,
    "at" INTEGER NOT NULL,
    "report" BLOB,
    "state" TEXT NOT NULL,
    "reasons" TEXT NOT NULL,
    PRIMARY KEY ("submission")
) STRICT;

-- `secret` is the SHA-256 of what the member's program holds, which was shown once and is kept nowhere.
CREATE TABLE "ticket" (
    "secret" BLOB NOT NULL,
    "member" BLOB NOT NULL,
    "name" TEXT NOT NULL,
    "made_at" INTEGER NOT NULL,
    "until" INTEGER NOT NULL,
    "used_at" INTEGER,
    PRIMARY KEY ("secret")
) STRICT;
CREATE INDEX "ticket_by_member" ON "ticket" ("member", "secret");

-- The bytes of a reported mail that is no sighting and that a click of its member might make one: sealed under the member's key, and kept no longer than such a mail could pay.
CREATE TABLE "original" (
    "report" BLOB NOT NULL,
    "sealed" BLOB NOT NULL,
    "until" INTEGER NOT NULL,
    PRIMARY KEY ("report")
) STRICT;
CREATE INDEX "original_by_until" ON "original" ("until", "report");

-- One click.
CREATE TABLE "click" (
    "report" BLOB NOT NULL,
    "member" BLOB NOT NULL,
    "case" BLOB,
    "at" INTEGER NOT NULL,
    "hold_until" INTEGER NOT NULL,
    "leaves_at" INTEGER NOT NULL,
    "slow_until" INTEGER NOT NULL,
    "quick" INTEGER NOT NULL,
    "originator" TEXT NOT NULL,
    "registered_at" INTEGER,
    "target" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "reasons" TEXT NOT NULL,
    PRIMARY KEY ("report")
) STRICT;
CREATE INDEX "click_by_state_hold_until" ON "click" ("state", "hold_until", "report");
CREATE INDEX "click_by_case_state" ON "click" ("case", "state", "report");
CREATE INDEX "click_by_member_state" ON "click" ("member", "state", "report");

-- A member says of one originator that its mail is no answer to an act of theirs: what the rules call transactional counts from then on like any other (LAW §3).
CREATE TABLE "confirmation" (
    "member" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "at" INTEGER NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("member", "originator")
) STRICT;

-- The currency.
CREATE TABLE "sighting" (
    "report" BLOB NOT NULL,
    "member" BLOB NOT NULL,
    "case" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "identity" BLOB NOT NULL,
    "received_at" INTEGER NOT NULL,
    "signed_at" INTEGER,
    "size" INTEGER NOT NULL,
    "hosts" TEXT NOT NULL,
    "clicked" INTEGER NOT NULL,
    "by_click" INTEGER NOT NULL,
    "hold_until" INTEGER NOT NULL,
    "day" INTEGER NOT NULL,
    "salts" BLOB NOT NULL,
    "c2" BLOB NOT NULL,
    "leaf" BLOB NOT NULL,
    "state" TEXT NOT NULL,
    "index" INTEGER,
    "paid" INTEGER,
    "complained" INTEGER,
    PRIMARY KEY ("report"),
    UNIQUE ("leaf")
) STRICT;
CREATE INDEX "sighting_by_state_day" ON "sighting" ("state", "day", "report");
CREATE INDEX "sighting_by_case_paid_hold_until" ON "sighting" ("case", "paid", "hold_until", "report");
CREATE INDEX "sighting_by_member_case_day" ON "sighting" ("member", "case", "day", "report");
CREATE INDEX "sighting_by_paid" ON "sighting" ("paid", "report");

-- One originator before one community.
CREATE TABLE "case" (
    "case" BLOB NOT NULL,
    "community" BLOB NOT NULL,
    "operator" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "esp" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "salt" BLOB NOT NULL,
    "tag" BLOB NOT NULL,
    "state" TEXT NOT NULL,
    "before" TEXT,
    "since" INTEGER NOT NULL,
    "opened_at" INTEGER NOT NULL,
    "look_at" INTEGER,
    "reply_token" TEXT NOT NULL,
    "disputed_at" INTEGER,
    "notice_tries" INTEGER NOT NULL,
    "notice_intent" INTEGER,
    "notice_window_end" INTEGER,
    "last_sighting_at" INTEGER,
    PRIMARY KEY ("case"),
    UNIQUE ("community", "originator", "epoch"),
    UNIQUE ("reply_token")
) STRICT;
CREATE INDEX "case_by_look_at" ON "case" ("look_at", "case");

-- One person before one originator.
CREATE TABLE "asked" (
    "member" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "tries" INTEGER NOT NULL,
    "last_try_at" INTEGER,
    "unsettled" INTEGER,
    "asked_at" INTEGER,
    "started" INTEGER,
    "window_hours" INTEGER NOT NULL,
    PRIMARY KEY ("member", "originator")
) STRICT;
CREATE INDEX "asked_by_originator" ON "asked" ("originator", "member");

-- One try to deliver a notice, request or own opt-out.
CREATE TABLE "attempt" (
    "intent" INTEGER NOT NULL,
    "act" TEXT NOT NULL,
    "case" BLOB NOT NULL,
    "originator" TEXT NOT NULL,
    "members" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "organisation" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "reserve" INTEGER NOT NULL,
    "at" INTEGER NOT NULL,
    "window_hours" INTEGER NOT NULL,
    "outcome" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "bytes_out" INTEGER NOT NULL,
    "bytes_in" INTEGER NOT NULL,
    "settles_at" INTEGER,
    "settled" INTEGER,
    "token" TEXT NOT NULL,
    "message" BLOB,
    PRIMARY KEY ("intent")
) STRICT;
CREATE INDEX "attempt_by_outcome_settles_at" ON "attempt" ("outcome", "settles_at", "intent");
CREATE INDEX "attempt_by_case" ON "attempt" ("case", "intent");
CREATE INDEX "attempt_by_token" ON "attempt" ("token", "intent");
CREATE INDEX "attempt_by_host_at" ON "attempt" ("host", "at", "intent");

-- One Approved entry and how much of it is used.
CREATE TABLE "approval" (
    "entry" INTEGER NOT NULL,
    "case" BLOB NOT NULL,
    "scope" TEXT NOT NULL,
    "message" BLOB,
    "hosts" TEXT NOT NULL,
    "kinds" INTEGER NOT NULL,
    "limit" INTEGER NOT NULL,
    "used" INTEGER NOT NULL,
    "day" INTEGER NOT NULL,
    "expiry_day" INTEGER NOT NULL,
    "signers" TEXT NOT NULL,
    PRIMARY KEY ("entry")
) STRICT;
CREATE INDEX "approval_by_case_scope" ON "approval" ("case", "scope", "entry");

-- A notice that waits for a person: the exact bytes that would leave, and the reports whose rows it names.
CREATE TABLE "draft" (
    "case" BLOB NOT NULL,
    "epoch" INTEGER NOT NULL,
    "recipient" TEXT NOT NULL,
    "language" TEXT NOT NULL,
    "message" BLOB NOT NULL,
    "digest" BLOB NOT NULL,
    "reports" BLOB NOT NULL,
    "made_at" INTEGER NOT NULL,
    "approval" INTEGER,
    PRIMARY KEY ("case")
) STRICT;

-- A person's key: the ledger entry that added it, from which its age is counted in ledger days.
CREATE TABLE "operator_key" (
    "entry" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "key" BLOB NOT NULL,
    "day" INTEGER NOT NULL,
    "revoked" INTEGER NOT NULL,
    PRIMARY KEY ("entry"),
    UNIQUE ("key")
) STRICT;

-- Age and vouching.
CREATE TABLE "originator" (
    "originator" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "esp" TEXT NOT NULL,
    "first_seen_at" INTEGER NOT NULL,
    "registered_at" INTEGER,
    "asked_rdap_at" INTEGER,
    "vouched" INTEGER,
    "vouched_why" TEXT NOT NULL,
    "blocklisted" INTEGER NOT NULL,
    PRIMARY KEY ("originator")
) STRICT;

-- Reported mail whose passing signature is not aligned with its From, kept once for each signer, organisation and voice.
CREATE TABLE "signing" (
    "domain" TEXT NOT NULL,
    "from_organisation" TEXT NOT NULL,
    "member" BLOB NOT NULL,
    "at" INTEGER NOT NULL,
    PRIMARY KEY ("domain", "from_organisation", "member")
) STRICT;
CREATE INDEX "signing_by_domain_at" ON "signing" ("domain", "at", "from_organisation", "member");

-- One line of a case's history: who did what, when, and why.
CREATE TABLE "happening" (
    "case" BLOB NOT NULL,
    "number" INTEGER NOT NULL,
    "at" INTEGER NOT NULL,
    "who" TEXT NOT NULL,
    "what" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("case", "number")
) STRICT;

-- An organisational domain at an address prefix, and what a person is shown to decide on it.
CREATE TABLE "pair" (
    "domain" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "pair" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "ptr" TEXT NOT NULL,
    "holder" TEXT NOT NULL,
    "case" BLOB NOT NULL,
    "why" TEXT NOT NULL,
    "changed_at" INTEGER NOT NULL,
    PRIMARY KEY ("domain", "prefix"),
    UNIQUE ("pair")
) STRICT;

-- A d= and a parent or sibling host of it, exactly as they stand in a message: usable only after a person approved this very pair.
CREATE TABLE "host_pair" (
    "signer" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "pair" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "case" BLOB NOT NULL,
    "who" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    "changed_at" INTEGER NOT NULL,
    PRIMARY KEY ("signer", "host"),
    UNIQUE ("pair")
) STRICT;

-- A kill switch: `scope` is everything, host, case or channel; `until` None ends only by a person.
CREATE TABLE "halt" (
    "scope" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "since" INTEGER NOT NULL,
    "until" INTEGER,
    "by" TEXT NOT NULL,
    "why" TEXT NOT NULL,
    PRIMARY KEY ("scope", "value")
) STRICT;

-- What one budget key (`host:…`, `organisation:…`, `prefix:…`) still allows, over all cases.
CREATE TABLE "budget" (
    "key" TEXT NOT NULL,
    "interval" INTEGER NOT NULL,
    "next_at" INTEGER NOT NULL,
    "day" INTEGER NOT NULL,
    "used_today" INTEGER NOT NULL,
    PRIMARY KEY ("key")
) STRICT;

-- A spend key that paid for an intent; never removed, not even with its member.
CREATE TABLE "spent" (
    "side" TEXT NOT NULL,
    "key" BLOB NOT NULL,
    "intent" INTEGER NOT NULL,
    PRIMARY KEY ("side", "key")
) STRICT;

-- One leaf's bytes, at its place.
CREATE TABLE "entry" (
    "index" INTEGER NOT NULL,
    "body" BLOB NOT NULL,
    PRIMARY KEY ("index")
) STRICT;

-- The hash of a complete subtree of 2**level leaves that starts at place * 2**level.
CREATE TABLE "hash" (
    "level" INTEGER NOT NULL,
    "place" INTEGER NOT NULL,
    "value" BLOB NOT NULL,
    PRIMARY KEY ("level", "place")
) STRICT;

-- One campaign as a store keeps it: flat, about 200 bytes a remembered text.
CREATE TABLE "campaign" (
    "id" BLOB NOT NULL,
    "opened_at" INTEGER NOT NULL,
    "first_at" INTEGER NOT NULL,
    "last_at" INTEGER NOT NULL,
    "messages" INTEGER NOT NULL,
    "title" TEXT NOT NULL,
    "sketches" BLOB NOT NULL,
    "tokens" INTEGER NOT NULL,
    "merged_into" BLOB,
    PRIMARY KEY ("id")
) STRICT;

-- A person's word that two campaigns are never one; `one` is the smaller name.
CREATE TABLE "apart" (
    "one" BLOB NOT NULL,
    "other" BLOB NOT NULL,
    "at" INTEGER NOT NULL,
    PRIMARY KEY ("one", "other")
) STRICT;
CREATE INDEX "apart_by_other" ON "apart" ("other", "one");

-- One token of one campaign as a store keeps it, unique by (token, campaign); `seen_at` is its latest sight.
CREATE TABLE "band" (
    "token" BLOB NOT NULL,
    "campaign" BLOB NOT NULL,
    "seen_at" INTEGER NOT NULL,
    PRIMARY KEY ("token", "campaign")
) STRICT;
CREATE INDEX "band_by_token_seen_at" ON "band" ("token", "seen_at", "campaign");
