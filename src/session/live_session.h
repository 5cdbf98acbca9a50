// A session as those who look on see it: the bytes that its process printed, the screen that they
// make, how large it is, who is there and who may type. Knows nothing of runs, workspaces or HTTP.
//
// The process is reached through Terminal, which whoever runs it connects; without one (the session
// has ended, or its server has just begun) everything can still be looked at. Lives on one
// executor.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/condition.h"
#include "base/json.h"
#include "session/log_store.h"
#include "session/marks.h"
#include "session/recent.h"
#include "session/screen/screen.h"

namespace corral::session {

// The live process.
class Terminal {
 public:
  virtual ~Terminal() = default;
  // As ports::Workspace::type: what is sent again arrives once; returns how much of the source it
  // has.
  virtual Task<Result<std::uint64_t>> type(std::string source, std::uint64_t offset,
                                           std::string bytes) = 0;
  virtual Task<Result<void>> resize(Size size) = 0;
  virtual Task<Result<void>> signal(int number) = 0;
};

enum class Role { view, type, own };  // each may do what those before it may
std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view name);

struct ViewerInfo {
  std::string source;  // of what it types: kept over reconnects, and known to nobody else
  std::string name;
  Role role = Role::view;
  bool guest = false;  // came by a link: its name is only what it says of itself
};

class LiveSession : public std::enable_shared_from_this<LiveSession> {
 public:
  // Where its logs are: `folder`/out, `folder`/marks, `folder`/screen. `logs` outlives it.
  // Makes them when they are not there; brings the screen to the end of what was printed, from the
  // last checkpoint on.
  static Task<Result<std::shared_ptr<LiveSession>>> open(LogStore& logs, std::string folder,
                                                         Size first, Clock& clock);

  // ---- for whoever runs the process ----
  void connect(std::shared_ptr<Terminal> terminal);
  // Output in order, from taken() on, which viewers see at once. What is there already is cut. May
  // be called again before earlier calls have returned: what waits for the disk meanwhile is
  // written together. Returns once all before its end is durable, or when a call that began earlier
  // stands for that: so nothing is durable yet from the beginning of a call on that has not
  // returned.
  Task<Result<void>> take(std::uint64_t offset, std::string bytes);
  // All before it is durable.
  std::uint64_t taken() const;
  // Nothing more will come.
  Task<Result<void>> close();
  Time last_activity() const { return last_activity_; }
  bool connected() const { return terminal_ != nullptr; }
  // Gives back the memory that only a busy session needs.
  void rest();

  // ---- for viewers ----
  // What is durable: it may end before end(), for as long as the disk takes.
  Log& output() { return *output_; }
  const std::shared_ptr<Log>& output_log() const { return output_; }
  bool closed() const { return output_->closed(); }
  // Of what viewers may see.
  std::uint64_t end() const { return fed_; }
  // At most `max_bytes` (maybe less, at least one before the end) from `offset` (at most end()) on.
  Task<Result<Piece>> read(std::uint64_t offset, std::size_t max_bytes);
  // Returns once end() has reached `offset`; at the latest when that is not to be expected any
  // more.
  Task<void> reach(std::uint64_t offset);

  struct Snapshot {
    std::uint64_t offset = 0;  // holds everything before it
    Size size;
    std::string bytes;  // for a terminal of that size
  };
  Snapshot snapshot(std::size_t scrollback_lines) const;
  const Screen& screen() const { return screen_; }

  Size size() const { return size_; }
  Size size_at(std::uint64_t offset) const { return session::size_at(resizes_, offset); }
  // All changes of the size so far, in order; it only grows.
  const std::vector<Mark>& resizes() const { return resizes_; }
  // All marks: for recordings.
  Task<Result<std::vector<Mark>>> marks();
  // When the byte at `offset` was printed, as far as the marks tell.
  Task<Result<std::optional<Time>>> time_of(std::uint64_t offset) {
    return find_time(*marks_, offset);
  }

  // Somebody's place in the session. It leaves when it is destroyed.
  class Seat {
   public:
    Seat(std::shared_ptr<LiveSession> session, ViewerInfo info);
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;
    const ViewerInfo& info() const { return info_; }
    // What others know it by: the same for the same source, for as long as this server lives.
    const std::string& id() const { return id_; }
    // Signals more output, and news(), for this viewer; it may be used for more.
    Condition& stirred() { return stirred_; }

    // How many bytes that this viewer typed have arrived.
    Task<Result<std::uint64_t>> typed();
    // Types; returns the same. `forbidden` for who may not, or not now; `invalid` for a gap;
    // `conflict` when the process takes no input (any more).
    Task<Result<std::uint64_t>> type(std::uint64_t position, std::string bytes);
    // `forbidden` for who does not own it.
    Task<Result<void>> resize(Size size);
    Task<Result<void>> signal(int number);
    // Who may type: this viewer alone, another one alone, everybody. `forbidden`, `not_found`.
    Result<void> take_keyboard();
    Result<void> give_keyboard(std::string_view viewer);
    Result<void> free_keyboard();

   private:
    friend LiveSession;
    Result<void> may_type() const;
    Task<Result<std::shared_ptr<Terminal>>> process(Role least) const;
    std::shared_ptr<LiveSession> session_;
    ViewerInfo info_;
    std::string id_;
    Time typed_at_{};
    Condition stirred_;
  };
  // [{"viewer", "name", "role", "guest", "typing"}], and who has the keyboard (empty: everybody).
  json::array viewers() const;
  const std::string& keyboard() const { return keyboard_; }
  std::size_t viewer_count() const { return seats_.size(); }

  // Counts changes of viewers, keyboard, size and end, which stir every seat.
  std::uint64_t news() const { return news_; }
  // The session's document changed: counted too, and by itself.
  void announce_document();
  std::uint64_t documents() const { return documents_; }

 private:
  LiveSession(LogStore& logs, std::string folder, Size first, Clock& clock);
  Task<Result<void>> restore();
  Task<Result<std::uint64_t>> restore_checkpoint();
  Task<void> write_checkpoint();
  void mark(std::optional<Size> size);
  Task<Result<void>> save_marks();
  enum class When { soon, now };
  Task<Result<void>> save(std::uint64_t end, When when);
  void stir();
  void announce();
  std::string id_of(const std::string& source);
  void feed(std::string_view bytes);
  Task<void> answer_queries();

  LogStore& logs_;
  const std::string folder_;
  Clock& clock_;
  std::shared_ptr<Log> output_, marks_;
  Screen screen_;
  Size size_;
  std::uint64_t fed_ = 0;    // bytes that the screen has had, and viewers may have
  Recent recent_;            // the newest of them; all that are not saved
  std::uint64_t saved_ = 0;  // bytes that are in the log for good
  bool saving_ = false, gathering_ = false;
  std::uint64_t older_at_ = 0;  // a part of the log that was read last, for those who are behind
  std::shared_ptr<const std::string> older_;
  std::uint64_t checkpointed_ = 0;  // of which the last checkpoint holds these
  std::string replies_;             // of the screen to the process's queries, not yet typed
  std::uint64_t replied_ = 0;       // all before them
  bool replying_ = false;
  std::vector<Mark> resizes_;
  Mark last_mark_;
  std::string unsaved_marks_;  // as lines
  std::uint64_t unsaved_marks_at_ = 0;
  std::shared_ptr<Terminal> terminal_;
  std::vector<Seat*> seats_;
  std::map<std::string, std::string> ids_;  // of viewers, by source
  std::string keyboard_;
  Time last_activity_{};
  std::uint64_t news_ = 0, documents_ = 0, last_id_ = 0;
  Condition changed_, saved_changed_;
  std::chrono::steady_clock::time_point connected_at_{};
  Turns resizing_, marking_, checkpointing_;
};

}  // namespace corral::session
