#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {

// Ready jobs are seen as queues of one priority, group and set of slots each: a queue costs one
// step however many jobs wait in it. The caller holds the queue's lock, so that what is counted
// stays true until it commits; rows that a completion or release holds at the moment are passed
// over.
const char* const kClaim = R"sql(
-- The first jobs of the queues of a priority that may be claimed now, the next to be claimed first: groups with fewer claimed
-- jobs come before others, then those whose last claim is longest ago.
CREATE OR REPLACE FUNCTION corral.next_jobs(p_priority integer, p_now bigint, p_per_group bigint, p_most bigint)
RETURNS TABLE (id bigint, grp text, slots text, claimed bigint) LANGUAGE sql STABLE AS $$
  WITH RECURSIVE queues AS (
    (SELECT j.grp, j.slots, j.entry, j.id, j.due FROM corral.jobs j
     WHERE j.state = 1 AND j.priority = p_priority ORDER BY j.grp, j.slots, j.entry, j.id LIMIT 1)
    UNION ALL
    SELECT further.* FROM queues q CROSS JOIN LATERAL (
      SELECT j.grp, j.slots, j.entry, j.id, j.due FROM corral.jobs j
      WHERE j.state = 1 AND j.priority = p_priority AND (j.grp, j.slots) > (q.grp, q.slots) ORDER BY j.grp, j.slots, j.entry, j.id LIMIT 1) further
  ),
  claimed AS MATERIALIZED (SELECT j.grp, count(*) AS n FROM corral.jobs j WHERE j.state = 2 GROUP BY j.grp),
  taken AS MATERIALIZED (
    SELECT slot ->> 0 AS name, count(*) AS n FROM corral.jobs j CROSS JOIN LATERAL jsonb_array_elements(nullif(j.slots, '')::jsonb) slot
    WHERE j.state = 2 AND j.slots <> '' GROUP BY 1),
  full_slots AS MATERIALIZED (
    SELECT needed.slots FROM (SELECT DISTINCT q.slots FROM queues q WHERE q.slots <> '') needed
    WHERE EXISTS (SELECT 1 FROM jsonb_array_elements(nullif(needed.slots, '')::jsonb) slot JOIN taken ON taken.name = slot ->> 0
                  WHERE taken.n >= (slot ->> 1)::bigint))
  SELECT head.id, q.grp, q.slots, coalesce(c.n, 0)
  FROM queues q
  LEFT JOIN corral.queue_groups g ON g.name = q.grp
  LEFT JOIN claimed c ON c.grp = q.grp
  -- Where a clock has gone back, the first may be due only later than others.
  CROSS JOIN LATERAL (
    SELECT q.id, q.entry WHERE q.due <= p_now
    UNION ALL
    (SELECT j.id, j.entry FROM corral.jobs j
     WHERE q.due > p_now AND j.state = 1 AND j.priority = p_priority AND j.grp = q.grp AND j.slots = q.slots AND j.due <= p_now
     ORDER BY j.entry, j.id LIMIT 1)) head
  WHERE NOT coalesce(g.paused, false) AND coalesce(c.n, 0) < p_per_group AND NOT EXISTS (SELECT 1 FROM full_slots f WHERE f.slots = q.slots)
  ORDER BY coalesce(c.n, 0), coalesce(g.last_claim, 0), head.entry, head.id LIMIT p_most
$$;

-- Returns the job, claimed.
CREATE OR REPLACE FUNCTION corral.claim_job(p_id bigint, p_owner text, p_claim text, p_until bigint) RETURNS corral.jobs LANGUAGE plpgsql AS $$
DECLARE v_job corral.jobs;
BEGIN
  UPDATE corral.jobs SET state = 2, owner = p_owner, claim = p_claim, lease_until = p_until, attempt = attempt + 1
  WHERE id = p_id RETURNING * INTO v_job;
  UPDATE corral.queue_groups SET last_claim = nextval('corral.claims') WHERE name = v_job.grp;
  IF NOT FOUND THEN
    INSERT INTO corral.queue_groups(name, last_claim) VALUES (v_job.grp, nextval('corral.claims'))
      ON CONFLICT (name) DO UPDATE SET last_claim = EXCLUDED.last_claim;
  END IF;
  RETURN v_job;
END $$;

-- When there is nothing it returns a row without an id: its lease_until says when that may change because time has passed.
CREATE OR REPLACE FUNCTION corral.claim_jobs(p_owner text, p_claim text, p_now bigint, p_lease bigint, p_per_group bigint, p_total bigint, p_most bigint)
RETURNS SETOF corral.jobs LANGUAGE plpgsql AS $$
DECLARE
  v_due boolean;
  v_expired boolean;
  v_paused boolean;
  v_left bigint;
  v_priority integer;
  v_group text;
  v_slots text;
  v_id bigint;
  v_next record;
  v_fewest bigint;
  v_groups text[];
  v_took_slots boolean;
  v_any boolean := false;
  v_none corral.jobs;
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
    SELECT priority, grp, slots INTO v_priority, v_group, v_slots FROM corral.jobs WHERE state = 1 ORDER BY priority DESC, grp, slots LIMIT 1;
    EXIT WHEN NOT FOUND;
    -- Where all ready jobs of the highest priority are of one group and have no slots, there is nothing to weigh.
    v_id := NULL;
    IF v_slots = '' AND NOT EXISTS (SELECT 1 FROM corral.jobs WHERE state = 1 AND priority = v_priority AND (grp, slots) > (v_group, v_slots))
      AND NOT EXISTS (SELECT 1 FROM corral.queue_groups WHERE name = v_group AND paused)
      AND (SELECT count(*) FROM corral.jobs WHERE state = 2 AND grp = v_group) < p_per_group THEN
      SELECT id INTO v_id FROM corral.jobs
      WHERE state = 1 AND priority = v_priority AND grp = v_group AND slots = v_slots AND due <= p_now ORDER BY entry, id LIMIT 1;
    END IF;
    IF v_id IS NOT NULL THEN
      RETURN NEXT corral.claim_job(v_id, p_owner, p_claim, p_now + p_lease);
      v_left := v_left - 1;
      v_any := true;
      CONTINUE;
    END IF;
    -- A group from which a job was taken comes after all that have no more claimed than it has now; so one question serves for
    -- a job of each of several groups. Where a place in a slot was taken, the rest is asked anew.
    v_groups := '{}';
    WHILE v_priority IS NOT NULL AND v_groups = '{}' LOOP
      v_took_slots := false;
      FOR v_next IN SELECT * FROM corral.next_jobs(v_priority, p_now, p_per_group, v_left) LOOP
        IF v_groups = '{}' THEN v_fewest := v_next.claimed; END IF;
        EXIT WHEN v_next.claimed > v_fewest + 1 OR v_next.grp = ANY (v_groups) OR v_next.slots <> '' AND v_took_slots;
        RETURN NEXT corral.claim_job(v_next.id, p_owner, p_claim, p_now + p_lease);
        v_groups := v_groups || v_next.grp;
        v_took_slots := v_took_slots OR v_next.slots <> '';
        v_left := v_left - 1;
        v_any := true;
      END LOOP;
      IF v_groups = '{}' THEN
        SELECT max(priority) INTO v_priority FROM corral.jobs WHERE state = 1 AND priority < v_priority;
      END IF;
    END LOOP;
    EXIT WHEN v_groups = '{}';
  END LOOP;
  IF NOT v_any THEN
    SELECT least((SELECT min(due) FROM corral.jobs WHERE state = 0), (SELECT min(lease_until) FROM corral.jobs WHERE state = 2)) INTO v_none.lease_until;
    RETURN NEXT v_none;
  END IF;
END $$;
)sql";

}  // namespace corral::adapters::store::postgres
