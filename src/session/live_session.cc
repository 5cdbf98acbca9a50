#include "session/live_session.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "base/log.h"

namespace corral::session {
namespace {

constexpr std::uint64_t kCheckpointEvery = 8u << 20;
constexpr std::size_t kMaxIds = 1000;
constexpr std::size_t kReadBytes = 1u << 20;
constexpr std::size_t kRecentBytes = 1u << 20;  // for viewers; those further behind read the log
constexpr std::size_t kWriteAtOnceBytes = 128u << 10;
constexpr Duration kGather{20};
constexpr std::size_t kOlderBytes = 256u << 10;
constexpr Duration kMarkEvery{100}, kLookAgain{250};
constexpr std::chrono::seconds kResume{1};  // what a process printed comes again within
constexpr std::chrono::seconds kProcessPatience{15};
constexpr Duration kTypingFor{2'000};
constexpr std::string_view kSource = "out", kOwn = "corral";

// Behind each checkpoint's bytes; found from the end of the log.
struct Trailer {
  std::uint64_t magic = 0x636f7272616c7363;
  std::uint64_t offset = 0;   // of the output, that the screen has had
  std::uint64_t replied = 0;  // bytes that it has answered by then
  std::uint64_t length = 0;   // of the screen's bytes
  std::uint64_t checksum = 0;
};
static_assert(std::has_unique_object_representations_v<Trailer>);

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::view: return "view";
    case Role::type: return "type";
    case Role::own: break;
  }
  return "own";
}

std::optional<Role> role_from(std::string_view name) {
  for (const auto role : {Role::view, Role::type, Role::own})
    if (to_string(role) == name) return role;
  return std::nullopt;
}

LiveSession::LiveSession(LogStore& logs, std::string folder, Size first, Clock& clock)
    : logs_(logs),
      folder_(std::move(folder)),
      clock_(clock),
      screen_(first.columns, first.rows),
      size_(first),
      last_activity_(clock.now()) {}

Task<Result<std::shared_ptr<LiveSession>>> LiveSession::open(LogStore& logs, std::string folder,
                                                             Size first, Clock& clock) {
  std::shared_ptr<LiveSession> session(new LiveSession(logs, std::move(folder), first, clock));
  CORRAL_CO_TRY(session->output_,
                co_await logs.open(session->folder_ + "/out", LogStore::Open::create));
  CORRAL_CO_TRY(session->marks_,
                co_await logs.open(session->folder_ + "/marks", LogStore::Open::create));
  CORRAL_CO_CHECK(co_await session->restore());
  co_return session;
}

// ---- what was ----

Task<Result<std::vector<Mark>>> LiveSession::marks() {
  std::string lines;
  while (lines.size() < marks_->end()) {
    CORRAL_CO_TRY(const auto bytes, co_await marks_->read(lines.size(), kReadBytes));
    lines += bytes;
  }
  co_return parse_marks(lines);
}

Task<Result<void>> LiveSession::restore() {
  CORRAL_CO_TRY(const auto all, co_await marks());
  unsaved_marks_at_ = marks_->source_end(std::string(kOwn));
  for (const auto& mark : all)
    if (mark.size) resizes_.push_back(mark);
  if (!all.empty()) {
    last_mark_ = all.back();
    last_activity_ = all.back().time;
  }
  if (resizes_.empty()) {
    mark(size_);
    CORRAL_CO_CHECK(co_await save_marks());
  }
  saved_ = output_->end();
  CORRAL_CO_TRY(fed_, co_await restore_checkpoint());
  checkpointed_ = fed_;
  // What came after the checkpoint, with the sizes it had then. What it asked was answered then, or
  // is answered now: the process knows how much of the answers it has.
  if (fed_ == 0) {
    size_ = size_at(0);
    screen_.resize(size_.columns, size_.rows);
  }
  auto next = std::ranges::upper_bound(resizes_, fed_, {}, &Mark::offset);
  while (fed_ < output_->end()) {
    const auto until =
        next == resizes_.end() ? output_->end() : std::min(next->offset, output_->end());
    if (fed_ < until) {
      CORRAL_CO_TRY(const auto bytes,
                    co_await output_->read(fed_, std::min<std::size_t>(kReadBytes, until - fed_)));
      feed(bytes);
      continue;
    }
    screen_.resize(next->size->columns, next->size->rows);
    ++next;
  }
  size_ = resizes_.back().size.value_or(size_);
  screen_.resize(size_.columns, size_.rows);
  recent_ = Recent(fed_);
  co_return Result<void>{};
}

Task<Result<std::uint64_t>> LiveSession::restore_checkpoint() {
  auto log = co_await logs_.open(folder_ + "/screen", LogStore::Open::existing);
  if (!log) co_return 0;
  Trailer trailer;
  const auto end = (*log)->end();
  if (end < sizeof trailer) co_return 0;
  CORRAL_CO_TRY(const auto last, co_await (*log)->read(end - sizeof trailer, sizeof trailer));
  std::memcpy(&trailer, last.data(), std::min(last.size(), sizeof trailer));
  if (trailer.magic != Trailer{}.magic || trailer.length > end - sizeof trailer ||
      trailer.offset > output_->end())
    co_return 0;
  std::string bytes;
  const auto begin = end - sizeof trailer - trailer.length;
  while (bytes.size() < trailer.length) {
    CORRAL_CO_TRY(const auto more,
                  co_await (*log)->read(begin + bytes.size(), trailer.length - bytes.size()));
    if (more.empty()) co_return 0;
    bytes += more;
  }
  auto screen = trailer.checksum == crc32c(bytes)
                    ? Screen::restore(bytes)
                    : fail(ErrorCode::corrupt, "the checksum does not fit");
  if (!screen) {
    // A crash cut it off, or another version wrote it: the whole log makes the same screen.
    log::info("session.checkpoint_unusable", {{"log", folder_}, {"why", screen.error().message}});
    co_return 0;
  }
  screen_ = *std::move(screen);
  replied_ = trailer.replied;
  co_return trailer.offset;
}

// Best effort: without it the next start reads more of the log.
Task<void> LiveSession::write_checkpoint() {
  const auto self = shared_from_this();
  auto bytes = screen_.save();
  const Trailer trailer{.offset = fed_,
                        .replied = replied_ + replies_.size(),
                        .length = bytes.size(),
                        .checksum = crc32c(bytes)};
  bytes.append(reinterpret_cast<const char*>(&trailer), sizeof trailer);
  checkpointed_ = fed_;
  // One that is ahead of the log would be of no use.
  if (!co_await save(fed_, When::now)) co_return;
  const auto turn = co_await checkpointing_.take();
  const auto log = co_await logs_.open(folder_ + "/screen", LogStore::Open::create);
  if (!log) co_return;
  const std::string source(kOwn);
  const auto offset = (*log)->source_end(source);
  (void)co_await (*log)->append(source, offset, std::move(bytes));
}

void LiveSession::mark(std::optional<Size> size) {
  // At the place that the screen has come to: bytes of it may still be on their way to the log.
  last_mark_ = {std::max(fed_, last_mark_.offset), clock_.now(), size};
  if (size) resizes_.push_back(last_mark_);
  unsaved_marks_ += to_line(last_mark_);
}

// All there are. When something was printed is not worth a sync: the death of the machine, which
// is that of the process, may take the newest along. At which size, is.
Task<Result<void>> LiveSession::save_marks() {
  const auto turn = co_await marking_.take();
  if (unsaved_marks_.empty()) co_return Result<void>{};
  const std::string source(kOwn);
  const auto lines = unsaved_marks_;
  const bool sized = lines.contains('x');
  CORRAL_CO_CHECK(sized ? co_await marks_->append(source, unsaved_marks_at_, lines)
                        : co_await marks_->append_unsynced(source, unsaved_marks_at_, lines));
  // One that is cut off here is written again, and the log drops it.
  unsaved_marks_at_ += lines.size();
  unsaved_marks_.erase(0, lines.size());
  co_return Result<void>{};
}

// ---- the process ----

void LiveSession::connect(std::shared_ptr<Terminal> terminal) {
  terminal_ = std::move(terminal);
  connected_at_ = std::chrono::steady_clock::now();
  announce();
}

std::uint64_t LiveSession::taken() const { return saved_; }

void LiveSession::feed(std::string_view bytes) {
  screen_.feed(bytes);
  fed_ += bytes.size();
  replies_ += screen_.take_replies();
}

Task<Result<void>> LiveSession::take(std::uint64_t offset, std::string bytes) {
  const auto self = shared_from_this();
  const auto end = offset + bytes.size();
  last_activity_ = clock_.now();
  if (offset > fed_)
    co_return fail(ErrorCode::invalid,
                   "a gap in a session's output: {} bytes are known, these begin at {}", fed_,
                   offset);
  if (end > fed_) {
    if (closed()) co_return fail(ErrorCode::conflict, "the session has ended");
    bytes.erase(0, fed_ - offset);
    feed(bytes);
    recent_.append(std::move(bytes));
    stir();
    if (last_activity_ - last_mark_.time >= kMarkEvery) mark(std::nullopt);
  }
  // The answers go out before the bytes are durable: the process waits for them.
  if (!replies_.empty()) co_await answer_queries();
  CORRAL_CO_CHECK(co_await save(end, When::soon));
  if (fed_ - checkpointed_ >= kCheckpointEvery) co_await write_checkpoint();
  co_return Result<void>{};
}

// One of those who wait writes for all.
Task<Result<void>> LiveSession::save(std::uint64_t end, When when) {
  // Also when this task is cancelled: the others then go on by themselves.
  struct Doing {
    Doing(LiveSession& session, bool& doing) : of(session), what(doing) { what = true; }
    ~Doing() {
      what = false;
      of.saved_changed_.notify_all();
    }
    Doing(const Doing&) = delete;
    LiveSession& of;
    bool& what;
  };
  while (saved_ < end) {
    // Somebody who types is not to make the disk write for every key: the first call gathers, and
    // stands for those that come meanwhile. When that becomes much, another one writes it.
    if (when == When::soon && fed_ - saved_ < kWriteAtOnceBytes) {
      if (gathering_) co_return Result<void>{};
      const Doing gathering(*this, gathering_);
      co_await clock_.sleep(kGather);
      end = fed_;
      when = When::now;
      continue;
    }
    if (saving_) {
      co_await saved_changed_.wait();
      continue;
    }
    const Doing saving(*this, saving_);
    CORRAL_CO_CHECK(co_await save_marks());
    const auto until = fed_;
    CORRAL_CO_CHECK(co_await output_->append(std::string(kSource), saved_, recent_.copy(saved_)));
    saved_ = until;
    recent_.trim(saved_, seats_.empty() ? 0 : kRecentBytes);
  }
  co_return Result<void>{};
}

void LiveSession::rest() {
  recent_.trim(saved_, 0);
  older_.reset();
}

Task<void> LiveSession::answer_queries() {
  if (!terminal_ || replying_) co_return;
  replying_ = true;
  while (!replies_.empty()) {
    const auto terminal = terminal_;
    const auto text = replies_;
    const auto end = co_await terminal->type("screen", replied_, text);
    if (!end) break;  // it takes no input any more, or its workspace is gone
    const auto known = std::min<std::uint64_t>(*end - std::min(*end, replied_), replies_.size());
    replies_.erase(0, known);
    replied_ += known;
    if (known == 0) break;
  }
  replying_ = false;
}

Task<Result<void>> LiveSession::close() {
  const auto self = shared_from_this();
  terminal_.reset();
  CORRAL_CO_CHECK(co_await save(fed_, When::now));
  if (checkpointed_ < fed_) co_await write_checkpoint();
  mark(std::nullopt);
  CORRAL_CO_CHECK(co_await save_marks());
  CORRAL_CO_CHECK(co_await output_->close());
  rest();
  announce();
  co_return Result<void>{};
}

// ---- viewers ----

Task<Result<Piece>> LiveSession::read(std::uint64_t offset, std::size_t max_bytes) {
  if (offset >= recent_.begin()) co_return recent_.read(offset, max_bytes);
  const auto self = shared_from_this();
  const auto covers = [](const std::shared_ptr<const std::string>& bytes, std::uint64_t at,
                         std::uint64_t wanted) {
    return bytes != nullptr && wanted >= at && wanted < at + bytes->size();
  };
  auto at = older_at_;
  auto older = older_;
  if (!covers(older, at, offset)) {
    CORRAL_CO_TRY(auto bytes,
                  co_await output_->read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(
                                                     kOlderBytes, recent_.begin() - offset))));
    at = older_at_ = offset;
    older = older_ = std::make_shared<const std::string>(std::move(bytes));
  }
  Piece piece;
  piece.add(older, std::string_view(*older).substr(offset - at, max_bytes));
  co_return piece;
}

// What the last server had shown and not yet saved comes again from the process's runner.
Task<void> LiveSession::reach(std::uint64_t offset) {
  const auto self = shared_from_this();
  const auto until = std::chrono::steady_clock::now() + kProcessPatience;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (fed_ >= offset || closed() || now >= until || (terminal_ && now >= connected_at_ + kResume))
      co_return;
    co_await changed_.wait_for(kLookAgain);
  }
}

void LiveSession::stir() {
  for (auto* seat : seats_) seat->stirred_.notify_all();
}

LiveSession::Snapshot LiveSession::snapshot(std::size_t scrollback_lines) const {
  return {fed_, size_, screen_.snapshot(scrollback_lines)};
}

void LiveSession::announce() {
  ++news_;
  changed_.notify_all();
  stir();
}

void LiveSession::announce_document() {
  ++documents_;
  announce();
}

std::string LiveSession::id_of(const std::string& source) {
  const auto known = ids_.find(source);
  if (known != ids_.end()) return known->second;
  if (ids_.size() >= kMaxIds)
    std::erase_if(ids_, [&](const auto& entry) {
      return std::ranges::none_of(seats_,
                                  [&](const Seat* seat) { return seat->id_ == entry.second; });
    });
  return ids_.emplace(source, fmt::format("v{}", ++last_id_)).first->second;
}

json::array LiveSession::viewers() const {
  json::array all;
  for (const auto* seat : seats_)
    all.push_back(json::object{{"viewer", seat->id_},
                               {"name", seat->info_.name},
                               {"role", to_string(seat->info_.role)},
                               {"guest", seat->info_.guest},
                               {"typing", clock_.now() - seat->typed_at_ < kTypingFor}});
  return all;
}

LiveSession::Seat::Seat(std::shared_ptr<LiveSession> session, ViewerInfo info)
    : session_(std::move(session)), info_(std::move(info)), id_(session_->id_of(info_.source)) {
  session_->seats_.push_back(this);
  session_->announce();
}

LiveSession::Seat::~Seat() {
  std::erase(session_->seats_, this);
  // The same viewer may have come back already.
  const bool here =
      std::ranges::any_of(session_->seats_, [&](const Seat* seat) { return seat->id_ == id_; });
  if (!here && session_->keyboard_ == id_) session_->keyboard_.clear();
  if (session_->seats_.empty()) session_->rest();
  session_->announce();
}

Result<void> LiveSession::Seat::may_type() const {
  if (info_.role == Role::view) return fail(ErrorCode::forbidden, "you may look on, not type");
  if (session_->keyboard_.empty() || session_->keyboard_ == id_) return {};
  return fail(ErrorCode::forbidden, "somebody else has the keyboard: take it to type");
}

Task<Result<std::shared_ptr<Terminal>>> LiveSession::Seat::process(Role least) const {
  if (info_.role < least)
    co_return fail(ErrorCode::forbidden, "your role is {}: this needs {}", to_string(info_.role),
                   to_string(least));
  const auto session = session_;
  // A server that has just begun finds its sessions' processes again in a moment.
  const auto until = std::chrono::steady_clock::now() + kProcessPatience;
  while (!session->terminal_ && !session->closed() && std::chrono::steady_clock::now() < until)
    co_await session->changed_.wait_for(kLookAgain);
  if (session->closed()) co_return fail(ErrorCode::conflict, "the session has ended");
  if (!session->terminal_)
    co_return fail(ErrorCode::unavailable, "the session's process cannot be reached");
  co_return session->terminal_;
}

Task<Result<std::uint64_t>> LiveSession::Seat::typed() {
  if (info_.role == Role::view || session_->closed()) co_return 0;
  CORRAL_CO_TRY(const auto terminal, co_await process(Role::type));
  co_return co_await terminal->type(info_.source, 0, {});
}

Task<Result<std::uint64_t>> LiveSession::Seat::type(std::uint64_t position, std::string bytes) {
  CORRAL_CO_CHECK(may_type());
  CORRAL_CO_TRY(const auto terminal, co_await process(Role::type));
  const auto session = session_;
  session->last_activity_ = session->clock_.now();
  const bool news = session->last_activity_ - typed_at_ >= kTypingFor;
  typed_at_ = session->last_activity_;
  if (news) session->announce();
  co_return co_await terminal->type(info_.source, position, std::move(bytes));
}

Task<Result<void>> LiveSession::Seat::resize(Size size) {
  CORRAL_CO_TRY(const auto terminal, co_await process(Role::own));
  const auto session = session_;
  const auto turn = co_await session->resizing_.take();
  if (session->size_ == size) co_return Result<void>{};
  // Known before the process is: what it then prints is for the new size.
  session->mark(size);
  CORRAL_CO_CHECK(co_await session->save_marks());
  session->size_ = size;
  session->screen_.resize(size.columns, size.rows);
  session->announce();
  co_return co_await terminal->resize(size);
}

Task<Result<void>> LiveSession::Seat::signal(int number) {
  CORRAL_CO_CHECK(may_type());
  CORRAL_CO_TRY(const auto terminal, co_await process(Role::type));
  co_return co_await terminal->signal(number);
}

Result<void> LiveSession::Seat::take_keyboard() {
  if (info_.role == Role::view) return fail(ErrorCode::forbidden, "you may look on, not type");
  session_->keyboard_ = id_;
  session_->announce();
  return {};
}

Result<void> LiveSession::Seat::give_keyboard(std::string_view viewer) {
  CORRAL_CHECK(may_type());
  const auto other =
      std::ranges::find_if(session_->seats_, [&](const Seat* seat) { return seat->id_ == viewer; });
  if (other == session_->seats_.end())
    return fail(ErrorCode::not_found, "there is no viewer {} here", viewer);
  return (*other)->take_keyboard();
}

Result<void> LiveSession::Seat::free_keyboard() {
  CORRAL_CHECK(may_type());
  session_->keyboard_.clear();
  session_->announce();
  return {};
}

}  // namespace corral::session
