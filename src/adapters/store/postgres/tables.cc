#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {

// Times are milliseconds since 1970, UTC. JSON is kept as bytes: agents print what is no UTF-8, and
// no text column would take it (read it with convert_from(data, 'UTF8')). Names sort by their
// bytes, as everywhere in Corral.
const char* const kTables = R"sql(
CREATE TABLE corral.streams (
  name text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL
);
CREATE TABLE corral.events (
  position bigint PRIMARY KEY,
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  data bytea NOT NULL,
  actor text NOT NULL,
  cause text NOT NULL,
  correlation text NOT NULL,
  trace text NOT NULL,
  time bigint NOT NULL,
  UNIQUE (stream, version)
);
CREATE INDEX events_by_type ON corral.events(type, position);
CREATE INDEX events_by_time ON corral.events USING brin(time);

CREATE TABLE corral.documents (
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  parent text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  version bigint NOT NULL,
  created bigint NOT NULL,
  updated bigint NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (kind, id)
);
CREATE UNIQUE INDEX documents_by_name ON corral.documents(kind, parent, name) WHERE name IS NOT NULL;
CREATE INDEX documents_by_parent ON corral.documents(kind, parent, id);
CREATE INDEX documents_by_state ON corral.documents(kind, state, id);
CREATE INDEX documents_by_parent_and_state ON corral.documents(kind, parent, state, id);

-- state: 0 delayed, 1 ready, 2 claimed, 3 completed, 4 failed. slots: JSON, [["name", limit], …], empty for none.
CREATE TABLE corral.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  state smallint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  grp text COLLATE "C" NOT NULL,
  slots text COLLATE "C" NOT NULL,
  priority integer NOT NULL,
  due bigint NOT NULL,
  created bigint NOT NULL,
  entry bigint NOT NULL,
  attempt bigint NOT NULL DEFAULT 0,
  max_attempts bigint NOT NULL,
  owner text COLLATE "C" NOT NULL DEFAULT '',
  claim text COLLATE "C" NOT NULL DEFAULT '',
  lease_until bigint NOT NULL DEFAULT 0,
  finished bigint,
  error text NOT NULL DEFAULT '',
  payload bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
CREATE UNIQUE INDEX jobs_open ON corral.jobs(key) WHERE state < 3;
CREATE INDEX jobs_finished_by_key ON corral.jobs(key, id) WHERE state >= 3;
CREATE INDEX jobs_delayed ON corral.jobs(due) WHERE state = 0;
CREATE INDEX jobs_ready ON corral.jobs(priority DESC, grp, slots, entry, id) WHERE state = 1;
CREATE INDEX jobs_claimed ON corral.jobs(grp, lease_until) WHERE state = 2;
CREATE INDEX jobs_finished ON corral.jobs(state, finished, id) WHERE state >= 3;

-- Groups that were claimed from, or are paused; the empty name stands for all of them.
CREATE SEQUENCE corral.claims;
CREATE TABLE corral.queue_groups (
  name text COLLATE "C" PRIMARY KEY,
  paused boolean NOT NULL DEFAULT false,
  last_claim bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- A row for each start of a server: the last batch that it committed, where the log ended before that, and up to which batch
-- it wants no more committed.
CREATE TABLE corral.writers (
  id text COLLATE "C" PRIMARY KEY,
  batch bigint NOT NULL DEFAULT 0,
  settled bigint NOT NULL,
  base bigint NOT NULL DEFAULT 0,
  seen bigint NOT NULL
) WITH (fillfactor = 50);
)sql";

// For a log and a queue that have grown large: filters by type and by time look at an index alone,
// and so do the counts.
const char* const kIndexesForMany = R"sql(
DROP INDEX corral.events_by_type;
CREATE INDEX events_by_type ON corral.events(type, position) INCLUDE (time);
DROP INDEX corral.events_by_time;
CREATE INDEX events_by_time ON corral.events(time, position);
CREATE INDEX jobs_ready_by_due ON corral.jobs(due, entry) WHERE state = 1;
)sql";

}  // namespace corral::adapters::store::postgres
