#include "adapters/store/postgres/schema.h"

namespace corral::adapters::store::postgres {

// Functions that take the place of their first versions, and what came with them.
const char* const kOneQueue = R"sql(
-- Lists of one kind.
CREATE INDEX jobs_by_kind ON corral.jobs(kind, id);

-- As before; but where all ready jobs of the highest priority are of one group and have no slots, there is nothing to weigh:
-- the first of them is found by a few small questions.
CREATE OR REPLACE FUNCTION corral.claim_jobs(p_owner text, p_claim text, p_now bigint, p_lease bigint, p_per_group bigint, p_total bigint, p_most bigint)
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
  v_group text;
  v_slots text;
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
    SELECT priority, grp, slots INTO v_priority, v_group, v_slots FROM corral.jobs WHERE state = 1 ORDER BY priority DESC, grp, slots LIMIT 1;
    IF v_slots = '' AND NOT EXISTS (SELECT 1 FROM corral.jobs WHERE state = 1 AND priority = v_priority AND (grp, slots) > (v_group, v_slots))
      AND NOT EXISTS (SELECT 1 FROM corral.queue_groups WHERE name = v_group AND paused)
      AND (SELECT count(*) FROM corral.jobs WHERE state = 2 AND grp = v_group) < p_per_group THEN
      SELECT id INTO v_id FROM corral.jobs
      WHERE state = 1 AND priority = v_priority AND grp = v_group AND slots = v_slots AND due <= p_now ORDER BY entry, id LIMIT 1;
    END IF;
    WHILE v_id IS NULL AND v_priority IS NOT NULL LOOP
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
