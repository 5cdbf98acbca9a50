#include "runner/input_queue.h"

#include <cerrno>

#include <sys/epoll.h>
#include <unistd.h>

namespace corral::runner {
namespace {

constexpr char kEndOfFile = 4;  // VEOF of a terminal as it is set up by default

std::unexpected<Error> takes_no_input() {
  return fail(ErrorCode::conflict, "the process takes no input (any more)");
}

}  // namespace

void InputQueue::open(Fd target, Kind kind) {
  target_ = std::move(target);
  kind_ = kind;
}

void InputQueue::add(std::string id, std::string bytes, Answer answer) {
  if (seen_.contains(id)) return answer({});
  offer(std::move(bytes),
        [this, id = std::move(id), answer = std::move(answer)](Result<void> done) mutable {
          if (done) remember(std::move(id));
          answer(std::move(done));
        });
}

void InputQueue::type(std::string source, std::uint64_t offset, std::string bytes, Typed answer) {
  const auto known = typed_.find(source);
  const std::uint64_t end = known == typed_.end() ? 0 : known->second;
  if (offset > end && !bytes.empty())
    return answer(fail(ErrorCode::invalid, "what is typed goes on at {}, not at {}", end, offset));
  if (bytes.size() <= end - offset || bytes.empty()) return answer(end);
  bytes.erase(0, end - offset);
  const auto after = end + bytes.size();
  offer(std::move(bytes),
        [this, source = std::move(source), after, answer = std::move(answer)](Result<void> done) {
          if (!done) return answer(std::unexpected(done.error()));
          count(source, after);
          answer(after);
        });
}

void InputQueue::offer(std::string bytes, std::function<void(Result<void>)> done) {
  if (!target_ || closing_) return done(takes_no_input());
  if (held_)
    return done(fail(ErrorCode::conflict, "another input still waits for the process to read"));
  if (!fits(bytes.size())) {
    held_.emplace(std::move(bytes), std::move(done));
    return;
  }
  accept(std::move(bytes));
  done({});
  write();
}

void InputQueue::accept(std::string bytes) {
  if (bytes.empty()) return;
  queued_bytes_ += bytes.size();
  queue_.push_back(std::move(bytes));
}

void InputQueue::count(const std::string& source, std::uint64_t end) {
  if (typed_.contains(source)) {
    typed_[source] = end;
    return;
  }
  if (typed_order_.size() == kMaxSources) {
    typed_.erase(typed_order_.front());
    typed_order_.pop_front();
  }
  typed_.emplace(source, end);
  typed_order_.push_back(source);
}

void InputQueue::remember(std::string id) {
  if (seen_order_.size() == kMaxRemembered) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  seen_.insert(id);
  seen_order_.push_back(std::move(id));
}

void InputQueue::close() {
  if (!target_ || closing_) return;
  if (kind_ == Kind::terminal) {
    queue_.emplace_back(1, kEndOfFile);
    ++queued_bytes_;
  } else {
    closing_ = true;
  }
  write();
}

void InputQueue::stop() {
  watch(false);
  target_.reset();
  queue_.clear();
  queued_bytes_ = front_written_ = 0;
  if (auto held = std::exchange(held_, std::nullopt)) held->done(takes_no_input());
}

void InputQueue::watch(bool wanted) {
  if (std::exchange(watching_, wanted) == wanted || !target_) return;
  if (wanted)
    loop_.watch(target_.get(), EPOLLOUT, [this](std::uint32_t) { write(); });
  else
    loop_.forget(target_.get());
}

void InputQueue::write() {
  while (!queue_.empty()) {
    const auto& front = queue_.front();
    const auto written =
        ::write(target_.get(), front.data() + front_written_, front.size() - front_written_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      watch(true);
      break;
    }
    if (written < 0) return stop();  // EPIPE, or EIO of a terminal that nobody has open
    front_written_ += static_cast<std::size_t>(written);
    queued_bytes_ -= static_cast<std::size_t>(written);
    if (front_written_ < front.size()) continue;
    queue_.pop_front();
    front_written_ = 0;
  }
  if (held_ && fits(held_->bytes.size())) {
    auto held = *std::exchange(held_, std::nullopt);
    accept(std::move(held.bytes));
    held.done({});
    return write();
  }
  if (!queue_.empty()) return;
  watch(false);
  if (closing_) target_.reset();
}

}  // namespace corral::runner
