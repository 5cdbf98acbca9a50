#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {

// What must decide in the middle of a transaction is a function in the database: it raises where
// the caller is refused, and saves the ways to and fro. 1129468492 is kLockClass. Claims: claim.cc.
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
)sql";

}  // namespace corral::adapters::store::postgres
