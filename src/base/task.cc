#include "base/task.h"

#include <list>
#include <optional>
#include <string>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"

namespace corral {
namespace {

// What a task has thrown, as text; nothing when it was only cancelled.
std::optional<std::string> failure(const std::exception_ptr& thrown) {
  if (!thrown) return std::nullopt;
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) return std::nullopt;
    return error.what();
  } catch (const asio::multiple_exceptions& several) {
    // Of two that were waited for together, both cancelled.
    return failure(several.first_exception());
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

struct TaskScope::State {
  explicit State(const Executor& executor) : drained(executor) {
    drained.expires_at(asio::steady_timer::time_point::max());
  }
  struct Entry {
    asio::cancellation_signal cancel;
    const char* name;
  };
  std::list<Entry> entries;
  asio::steady_timer drained;  // cancelled when the last entry ends
  bool stopping = false;
};

TaskScope::TaskScope(Executor executor)
    : executor_(std::move(executor)), state_(std::make_shared<State>(executor_)) {}

TaskScope::~TaskScope() { state_->stopping = true; }

void TaskScope::start(const char* name, Task<void> task) {
  if (state_->stopping) return;
  auto entry = state_->entries.emplace(state_->entries.end());
  entry->name = name;
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(
                     entry->cancel.slot(),
                     [state = state_, entry, executor = executor_](std::exception_ptr thrown) {
                       if (const auto what = failure(thrown))
                         log::error("task.failed", {{"task", entry->name}, {"what", *what}});
                       std::list<State::Entry> ended;
                       ended.splice(ended.begin(), state->entries, entry);
                       // A cancel() from outside the event loop is still queued there, and goes to
                       // this entry.
                       if (state->stopping) asio::post(executor, [kept = std::move(ended)] {});
                       if (state->entries.empty()) state->drained.cancel();
                     }));
}

void TaskScope::cancel() {
  state_->stopping = true;
  // A cancelled task may end at once and erase its entry: step on before emitting.
  for (auto at = state_->entries.begin(); at != state_->entries.end();) {
    auto current = at++;
    current->cancel.emit(asio::cancellation_type::terminal);
  }
}

Task<void> TaskScope::stop() {
  auto state = state_;
  // Stopping must not itself be cut short, or tasks would outlive their owner.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  cancel();
  while (!state->entries.empty()) {
    state->drained.expires_at(asio::steady_timer::time_point::max());
    boost::system::error_code ignored;
    co_await state->drained.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

std::size_t TaskScope::size() const { return state_->entries.size(); }

Task<void> uncancelled(Task<void> task) {
  struct State {
    asio::steady_timer ended;
    bool done = false;
    std::exception_ptr thrown;
  };
  const auto executor = co_await asio::this_coro::executor;
  const auto state = std::make_shared<State>(State{
      .ended = asio::steady_timer(executor, asio::steady_timer::time_point::max()), .thrown = {}});
  asio::co_spawn(executor, std::move(task), [state](std::exception_ptr thrown) {
    state->thrown = std::move(thrown);
    state->done = true;
    state->ended.cancel();
  });
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!state->done) {
    boost::system::error_code ignored;  // aborted: it has ended, or the caller was cancelled
    co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  if (state->thrown) std::rethrow_exception(state->thrown);
}

}  // namespace corral
