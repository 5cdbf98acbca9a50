// The port to everything durable but bytes: events, read models, queue. They change together, in
// one transaction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "base/task.h"

namespace corral::ports {

// ---- events ----

// Where an event comes from. All but the actor may be empty.
struct EventOrigin {
  std::string actor;  // who: "user:admin", "worker", "agent"
  std::string
      cause;  // what it followed from: "command/<idempotency key>", "event/<position>", "job/<key>"
  std::string correlation;  // what it belongs to as a whole: the id of the first run of a family
  std::string trace;        // W3C traceparent of the request

  bool operator==(const EventOrigin&) const = default;
};

struct NewEvent {
  std::string type;  // "run.created", "run.step.started", …
  json::value data;
  EventOrigin origin;
};

struct Event {
  std::uint64_t position = 0;  // global order over all streams, from 1
  std::string stream;          // "run/<id>"
  std::uint64_t version = 0;   // in the stream, from 1
  std::string type;
  json::value data;
  EventOrigin origin;
  Time time;
};

struct Append {
  std::string stream;
  std::uint64_t expected_version =
      0;  // the stream's last version; otherwise the transaction fails with `conflict`
  std::vector<NewEvent> events;  // none: only a guard, that the stream is still at that version
};

// Events of all streams, by position. Empty filters let everything through.
struct EventQuery {
  std::uint64_t after_position = 0;
  std::vector<std::string> types;   // any of these
  std::optional<Time> from, until;  // from ≤ time < until
  std::uint32_t limit = 100;
};

struct StreamInfo {
  std::string name;
  std::uint64_t version = 0;  // of its last event
};

// ---- read models: a document by kind and id, with the fields that lists filter and sort by ----

struct Document {
  std::string kind;    // "run", "project", "group", "artifact", "setting"
  std::string id;      // unique within the kind
  std::string parent;  // what it is listed under: a run's project, a project's group; may be empty
  std::string state;   // a filter: a run's status; may be empty
  std::string name;    // unique within (kind, parent) unless empty; a second one is a `conflict`
  json::value body;
  std::uint64_t version = 0;  // out: grows by one with each put
  Time created, updated;      // out, but `created` is kept from the first put
};

struct PutDocument {
  Document document;
  std::optional<std::uint64_t> expected_version;  // 0: must not exist yet. Unset: whatever is there
};
struct DeleteDocument {
  std::string kind, id;
};

struct DocumentQuery {
  std::string kind;
  std::optional<std::string> parent, state, name;
  std::string before_id;  // cursor: ids smaller than this (ids sort by time), newest first; empty:
                          // from the newest
  std::uint32_t limit = 50;  // more than kMaxListLimit means kMaxListLimit
};
inline constexpr std::uint32_t kMaxListLimit = 500;

// ---- queue (design.md, Queue) ----

// A named limit that holds over all groups: at most `limit` claimed jobs have a slot of this name.
// When jobs differ about the limit, each counts by its own.
struct Slot {
  std::string name;  // "concurrency/<what a workflow says>"
  std::uint32_t limit = 1;

  bool operator==(const Slot&) const = default;
};

struct NewJob {
  std::string kind;  // "run", "schedule"
  std::string key;  // unique among jobs not yet finished: enqueueing it again is a no-op; not empty
  json::value payload;
  int priority = 0;  // higher first
  Time due{};        // epoch: at once, behind what is already waiting
  std::uint32_t max_attempts = 3;
  std::string group;        // for fairness and the limit per group: the project id
  std::vector<Slot> slots;  // at most kMaxSlots
};
inline constexpr std::size_t kMaxSlots = 4;
// `invalid` for what no store accepts: no kind, key or attempt; too many slots, one without name or
// limit, one named twice.
Result<void> check_job(const NewJob& job);

struct Job {
  std::uint64_t id = 0;
  std::string kind, key, group;
  std::vector<Slot> slots;
  json::value payload;
  int priority = 0;
  Time due;
  Time created;
  std::uint32_t attempt = 0;  // 1 on the first claim
  std::uint32_t max_attempts = 3;
  std::string lease_owner;  // empty when not claimed
  Time lease_until;
  std::string state;  // "ready", "claimed", "completed", "failed" (dead letter)
  std::string error;  // of the last attempt
};
// The error of a job whose owner vanished on its last attempt.
inline constexpr std::string_view kLeaseRanOut = "the lease of the last attempt ran out";

struct CompleteJob {
  std::uint64_t id = 0;
  std::string owner;  // `conflict` when the lease has passed to someone else: the whole transaction
                      // is refused
};
// Back to ready at `due` (not counted as an attempt when `keep_attempt`), or to the dead letters
// when attempts are used up.
struct ReleaseJob {
  std::uint64_t id = 0;
  std::string owner;
  Time due{};  // epoch: at once, in its old place
  std::string error;
  bool keep_attempt = false;
};

// A delayed job with this key becomes due at once, behind what is already waiting. A no-op for any
// other.
struct WakeJob {
  std::string key;
};
// A dead letter becomes ready at once, behind what is already waiting, with all its attempts before
// it; its error stays. `not_found`; `conflict` when it is no dead letter, or when another job has
// its key by now.
struct RetryJob {
  std::uint64_t id = 0;
};
// A dead letter is forgotten. `not_found`, `conflict` as above.
struct DiscardJob {
  std::uint64_t id = 0;
};
// Nothing of the group is claimed any more, until it is unpaused; of any group when it is empty.
// Lasting. What is claimed already goes on: the queue is drained once nothing is claimed.
struct PauseQueue {
  std::string group;
  bool paused = true;
};

using Change = std::variant<Append, PutDocument, DeleteDocument, NewJob, CompleteJob, ReleaseJob,
                            WakeJob, RetryJob, DiscardJob, PauseQueue>;

// All or nothing.
struct Transaction {
  std::vector<Change> changes;
};

struct QueueLimits {
  std::uint32_t per_group = 10;  // claimed at once in one group
  std::uint32_t total = 10;
};

struct ClaimQuery {
  std::string owner;
  Time now{};
  Duration lease{};
  QueueLimits limits;
  std::uint32_t most = 1;  // jobs at once
};

struct CommitAndClaim {
  std::uint64_t position = 0;  // as commit returns it
  std::vector<Job> jobs;       // as claim returns them
};

// Newest first.
struct JobQuery {
  std::optional<std::string> state, kind,
      group;  // state as in Job, and "delayed": those of "ready" not yet due at `now`
  Time now{};
  std::uint64_t before_id = 0;  // cursor; 0: from the newest
  std::uint32_t limit = 50;     // more than kMaxListLimit means kMaxListLimit
};

struct QueueCounts {
  std::uint64_t ready = 0, delayed = 0, claimed = 0, completed = 0, failed = 0;  // ready: and due
  std::optional<Time> oldest_due;   // of what is ready: how long the queue lets wait. Entry, for
                                    // what was due at once
  std::vector<std::string> paused;  // groups, by name; an empty name: everything
};

// Lives on any executor; thread-safe. Every call may be repeated. `unavailable` when the database
// does not answer, `exhausted` when the disk is full (nothing was written), `corrupt` when it
// cannot be read.
class Store {
 public:
  virtual ~Store() = default;

  // Durable (synced) when it returns. Returns the position of the last event appended, or of the
  // log.
  virtual Task<Result<std::uint64_t>> commit(Transaction transaction) = 0;

  virtual Task<Result<std::vector<Event>>> read_stream(std::string stream,
                                                       std::uint64_t after_version,
                                                       std::uint32_t limit) = 0;
  virtual Task<Result<std::vector<Event>>> read_all(EventQuery query) = 0;
  // By name, those that come after `after_name` and begin with `prefix`.
  virtual Task<Result<std::vector<StreamInfo>>> list_streams(std::string prefix,
                                                             std::string after_name,
                                                             std::uint32_t limit) = 0;
  // Returns when there may be an event after `position`; at the latest after `timeout`.
  virtual Task<Result<void>> wait_after(std::uint64_t position, Duration timeout) = 0;

  virtual Task<Result<std::optional<Document>>> get(std::string kind, std::string id) = 0;
  virtual Task<Result<std::vector<Document>>> list(DocumentQuery query) = 0;

  // Claims the best ready jobs whose limits allow it; jobs whose lease ran out count as ready
  // (their attempt grows at the claim; past max_attempts they go to the dead letters instead).
  // Order: priority, higher first; then the group with the fewest claimed jobs, then the one whose
  // last claim is longest ago, so that a long backlog does not starve the others; then due time;
  // then order of entry. Within one call each job counts as claimed for the next. Empty when there
  // is none.
  virtual Task<Result<std::vector<Job>>> claim(ClaimQuery query) = 0;
  // Both in one transaction, for a worker that ends a job and goes on to the next: one way to the
  // disk instead of two. The claim sees what the transaction changed (the place that a job leaves).
  // A transaction that is refused changes and claims nothing; finding no job is no refusal.
  virtual Task<Result<CommitAndClaim>> commit_and_claim(Transaction transaction,
                                                        ClaimQuery query) = 0;
  // `conflict` when the lease is no longer the owner's.
  virtual Task<Result<void>> heartbeat(std::uint64_t job, std::string owner, Time until) = 0;
  // Makes every lease run out whose owner's name begins with `family`, but for those of `except`:
  // for a server, at its start, to end the leases of its own earlier lives. Not counted as an
  // attempt.
  virtual Task<Result<void>> release_leases(std::string family, std::string except) = 0;
  virtual Task<Result<std::optional<Job>>> find_job(std::string key) = 0;
  virtual Task<Result<std::vector<Job>>> list_jobs(JobQuery query) = 0;
  virtual Task<Result<QueueCounts>> queue_counts(Time now) = 0;
  // Keeps the newest finished jobs.
  virtual Task<Result<void>> trim_jobs(std::uint32_t keep_completed, std::uint32_t keep_failed) = 0;
  // Returns when a job may have become ready since the last claim that found none (also when a
  // delay or a lease ran out meanwhile): at once when that is so already; at the latest after
  // `timeout`.
  virtual Task<Result<void>> wait_for_job(Duration timeout) = 0;
};

}  // namespace corral::ports
