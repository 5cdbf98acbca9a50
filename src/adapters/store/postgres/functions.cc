#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {

// What must decide in the middle of a transaction is a function in the database: it raises where
// the caller is refused, and saves the ways to and fro. 1129468492 is kLockClass.
const char* const kFunctions = R"sql(
-- Opens a batch of a writer: takes the locks in their order, says where the log ends. The row tells afterwards, for certain,
-- whether the batch was committed; and a batch that is no longer awaited (see settle_batch) is refused.
CREATE FUNCTION corral.begin_batch(p_writer text, p_batch bigint, p_now bigint, p_queue boolean, p_log boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_base bigint;
BEGIN
  IF p_queue THEN PERFORM pg_advisory_xact_lock(1129468492, 1); END IF;
  IF p_log THEN PERFORM pg_advisory_xact_lock(1129468492, 2); END IF;
  SELECT coalesce(max(position), 0) INTO v_base FROM corral.events;
  UPDATE corral.writers SET batch = p_batch, base = v_base, seen = p_now WHERE id = p_writer AND batch < p_batch AND settled < p_batch;
  IF NOT FOUND THEN RAISE EXCEPTION 'this writer is not registered, or was overtaken' USING ERRCODE = 'CR001'; END IF;
  RETURN v_base;
END $$;

-- Where the log ended before the batch, when it was committed; otherwise NULL, and it never will be. Waits for a transaction
-- of an earlier connection that is still under way. May be repeated.
CREATE FUNCTION corral.settle_batch(p_writer text, p_batch bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_row corral.writers;
BEGIN
  UPDATE corral.writers SET settled = greatest(settled, p_batch) WHERE id = p_writer RETURNING * INTO v_row;
  RETURN CASE WHEN v_row.batch = p_batch THEN v_row.base END;
END $$;

CREATE FUNCTION corral.expect_version(p_stream text, p_expected bigint, p_events bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_version bigint;
BEGIN
  SELECT version INTO v_version FROM corral.streams WHERE name = p_stream;
  v_version := coalesce(v_version, 0);
  IF v_version <> p_expected THEN
    RAISE EXCEPTION 'stream % is at version %, not %', p_stream, v_version, p_expected USING ERRCODE = 'CR409';
  END IF;
  IF p_events > 0 THEN
    INSERT INTO corral.streams VALUES (p_stream, p_expected + p_events) ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version;
  END IF;
END $$;

CREATE FUNCTION corral.put_document(p_kind text, p_id text, p_parent text, p_state text, p_name text, p_body bytea, p_expected bigint, p_now bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_version bigint;
BEGIN
  SELECT version INTO v_version FROM corral.documents WHERE kind = p_kind AND id = p_id FOR UPDATE;
  v_version := coalesce(v_version, 0);
  IF p_expected <> v_version THEN
    RAISE EXCEPTION '% % is at version %, not %', p_kind, p_id, v_version, p_expected USING ERRCODE = 'CR409';
  END IF;
  IF p_name <> '' AND EXISTS (SELECT 1 FROM corral.documents WHERE kind = p_kind AND parent = p_parent AND name = p_name AND id <> p_id) THEN
    RAISE EXCEPTION 'a % named "%" is already there', p_kind, p_name USING ERRCODE = 'CR409';
  END IF;
  IF v_version = 0 THEN
    INSERT INTO corral.documents VALUES (p_kind, p_id, p_parent, p_state, nullif(p_name, ''), 1, p_now, p_now, p_body);
  ELSE
    UPDATE corral.documents SET parent = p_parent, state = p_state, name = nullif(p_name, ''), version = v_version + 1, updated = p_now, body = p_body
    WHERE kind = p_kind AND id = p_id;
  END IF;
END $$;

-- These return how many jobs may be claimed now that could not be before: one for each place under a limit that is free.
CREATE FUNCTION corral.complete_job(p_id bigint, p_owner text, p_now bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_slots text;
BEGIN
  UPDATE corral.jobs SET state = 3, owner = '', claim = '', lease_until = 0, finished = p_now, error = ''
  WHERE id = p_id AND state = 2 AND owner = p_owner RETURNING slots INTO v_slots;
  IF NOT FOUND THEN RAISE EXCEPTION 'job % is not leased to % any more', p_id, p_owner USING ERRCODE = 'CR409'; END IF;
  RETURN 1 + CASE WHEN v_slots = '' THEN 0 ELSE jsonb_array_length(v_slots::jsonb) END;
END $$;

CREATE FUNCTION corral.release_job(p_id bigint, p_owner text, p_due bigint, p_error text, p_keep boolean, p_now bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_job corral.jobs;
BEGIN
  SELECT * INTO v_job FROM corral.jobs WHERE id = p_id AND state = 2 AND owner = p_owner FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'job % is not leased to % any more', p_id, p_owner USING ERRCODE = 'CR409'; END IF;
  IF NOT p_keep AND v_job.attempt >= v_job.max_attempts THEN
    UPDATE corral.jobs SET state = 4, owner = '', claim = '', lease_until = 0, finished = p_now, error = p_error WHERE id = p_id;
  ELSE
    UPDATE corral.jobs SET state = CASE WHEN p_due <= p_now THEN 1 ELSE 0 END, owner = '', claim = '', lease_until = 0, due = p_due, error = p_error,
      entry = CASE WHEN p_due = 0 THEN entry ELSE p_due END, attempt = CASE WHEN p_keep THEN attempt - 1 ELSE attempt END
    WHERE id = p_id;
  END IF;
  RETURN 1 + CASE WHEN v_job.slots = '' THEN 0 ELSE jsonb_array_length(v_job.slots::jsonb) END;
END $$;

CREATE FUNCTION corral.heartbeat(p_id bigint, p_owner text, p_until bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE corral.jobs SET lease_until = p_until WHERE id = p_id AND state = 2 AND owner = p_owner;
  IF NOT FOUND THEN RAISE EXCEPTION 'job % is not leased to % any more', p_id, p_owner USING ERRCODE = 'CR409'; END IF;
END $$;

CREATE FUNCTION corral.dead_letter(p_id bigint) RETURNS corral.jobs
LANGUAGE plpgsql AS $$
DECLARE v_job corral.jobs;
BEGIN
  SELECT * INTO v_job FROM corral.jobs WHERE id = p_id FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no job %', p_id USING ERRCODE = 'CR404'; END IF;
  IF v_job.state <> 4 THEN RAISE EXCEPTION 'job % has not failed', p_id USING ERRCODE = 'CR409'; END IF;
  RETURN v_job;
END $$;

CREATE FUNCTION corral.retry_job(p_id bigint, p_now bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE v_job corral.jobs := corral.dead_letter(p_id);
BEGIN
  IF EXISTS (SELECT 1 FROM corral.jobs WHERE key = v_job.key AND state < 3) THEN
    RAISE EXCEPTION 'another job has the key % by now', v_job.key USING ERRCODE = 'CR409';
  END IF;
  UPDATE corral.jobs SET state = 1, due = 0, entry = p_now, attempt = 0, finished = NULL WHERE id = p_id;
  RETURN 1;
END $$;

CREATE FUNCTION corral.discard_job(p_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM corral.dead_letter(p_id);
  DELETE FROM corral.jobs WHERE id = p_id;
END $$;

-- Ready jobs are seen as queues of one priority, group and set of slots each: a queue that is full costs one step however
-- many jobs wait in it. The caller holds the queue's lock, so that what it counts stays true until it commits; rows that
-- a completion or release holds at the moment are passed over. When there is nothing it returns a row without an id: its
-- lease_until says when that may change because time has passed.
CREATE FUNCTION corral.claim_jobs(p_owner text, p_claim text, p_now bigint, p_lease bigint, p_per_group bigint, p_total bigint, p_most bigint)
RETURNS SETOF corral.jobs LANGUAGE plpgsql AS $$
DECLARE
  v_due boolean;
  v_expired boolean;
  v_paused boolean;
  v_left bigint;
  v_priority integer;
  v_id bigint;
  v_job corral.jobs;
  v_any boolean := false;
BEGIN
  SELECT EXISTS (SELECT 1 FROM corral.jobs WHERE state = 0 AND due <= p_now),
         EXISTS (SELECT 1 FROM corral.jobs WHERE state = 2 AND lease_until <= p_now),
         EXISTS (SELECT 1 FROM corral.queue_groups WHERE name = '' AND paused)
  INTO v_due, v_expired, v_paused;
  IF v_due THEN
    UPDATE corral.jobs SET state = 1 WHERE id IN (SELECT id FROM corral.jobs WHERE state = 0 AND due <= p_now FOR UPDATE SKIP LOCKED);
  END IF;
  IF v_expired THEN
    UPDATE corral.jobs SET owner = '', claim = '', lease_until = 0,
      state = CASE WHEN attempt >= max_attempts THEN 4 ELSE 1 END,
      finished = CASE WHEN attempt >= max_attempts THEN p_now END,
      error = CASE WHEN attempt >= max_attempts THEN 'the lease of the last attempt ran out' ELSE error END
    WHERE id IN (SELECT id FROM corral.jobs WHERE state = 2 AND lease_until <= p_now FOR UPDATE SKIP LOCKED);
  END IF;
  SELECT least(p_total - count(*), p_most) INTO v_left FROM corral.jobs WHERE state = 2;
  IF v_paused THEN v_left := 0; END IF;
  WHILE v_left > 0 LOOP
    v_id := NULL;
    SELECT priority INTO v_priority FROM corral.jobs WHERE state = 1 ORDER BY priority DESC LIMIT 1;
    WHILE v_priority IS NOT NULL LOOP
      WITH RECURSIVE queues AS (
        (SELECT grp, slots FROM corral.jobs WHERE state = 1 AND priority = v_priority ORDER BY grp, slots LIMIT 1)
        UNION ALL
        SELECT further.grp, further.slots FROM queues q CROSS JOIN LATERAL (
          SELECT grp, slots FROM corral.jobs WHERE state = 1 AND priority = v_priority AND (grp, slots) > (q.grp, q.slots) ORDER BY grp, slots LIMIT 1) further
      )
      SELECT head.id INTO v_id
      FROM queues q
      LEFT JOIN corral.queue_groups g ON g.name = q.grp
      CROSS JOIN LATERAL (SELECT count(*) AS n FROM corral.jobs c WHERE c.state = 2 AND c.grp = q.grp) claimed
      CROSS JOIN LATERAL (
        SELECT id, entry FROM corral.jobs
        WHERE state = 1 AND priority = v_priority AND grp = q.grp AND slots = q.slots AND due <= p_now ORDER BY entry, id LIMIT 1) head
      WHERE NOT coalesce(g.paused, false) AND claimed.n < p_per_group
        AND (q.slots = '' OR NOT EXISTS (
          SELECT 1 FROM jsonb_array_elements(nullif(q.slots, '')::jsonb) slot
          WHERE (SELECT count(*) FROM corral.jobs c WHERE c.state = 2 AND nullif(c.slots, '')::jsonb @> jsonb_build_array(jsonb_build_array(slot -> 0)))
                >= (slot ->> 1)::bigint))
      ORDER BY claimed.n, coalesce(g.last_claim, 0), head.entry, head.id LIMIT 1;
      EXIT WHEN v_id IS NOT NULL;
      SELECT priority INTO v_priority FROM corral.jobs WHERE state = 1 AND priority < v_priority ORDER BY priority DESC LIMIT 1;
    END LOOP;
    EXIT WHEN v_id IS NULL;
    UPDATE corral.jobs SET state = 2, owner = p_owner, claim = p_claim, lease_until = p_now + p_lease, attempt = attempt + 1
    WHERE id = v_id RETURNING * INTO v_job;
    UPDATE corral.queue_groups SET last_claim = nextval('corral.claims') WHERE name = v_job.grp;
    IF NOT FOUND THEN
      INSERT INTO corral.queue_groups(name, last_claim) VALUES (v_job.grp, nextval('corral.claims'))
        ON CONFLICT (name) DO UPDATE SET last_claim = EXCLUDED.last_claim;
    END IF;
    v_left := v_left - 1;
    v_any := true;
    RETURN NEXT v_job;
  END LOOP;
  IF NOT v_any THEN
    v_job := NULL;
    SELECT least((SELECT min(due) FROM corral.jobs WHERE state = 0), (SELECT min(lease_until) FROM corral.jobs WHERE state = 2)) INTO v_job.lease_until;
    RETURN NEXT v_job;
  END IF;
END $$;
)sql";

}  // namespace corral::adapters::store::postgres
