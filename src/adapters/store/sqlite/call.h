// A call on its way from a coroutine to a database thread and back.
#pragma once

#include <concepts>
#include <mutex>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/store/sqlite/database.h"
#include "base/error.h"
#include "base/task.h"
#include "base/wait_list.h"

namespace corral::adapters::store::sqlite {

// Counts the calls under way. Who finds no room waits until one of them ends.
class Gate {
 public:
  explicit Gate(std::size_t room) : room_(room) {}

  // One call's place. Given back when it is destroyed, unless the call was handed over: then its
  // thread gives it back.
  class Pass {
   public:
    explicit Pass(Gate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->leave(1);
    }
    void handed_over() { gate_ = nullptr; }

   private:
    Gate* gate_;
  };

  // Cancelling ends the wait with operation_aborted; nothing has happened then.
  Task<Pass> enter() {
    while (!try_enter()) {
      WaitList::Place place(waiting_, co_await asio::this_coro::executor);
      if (try_enter()) break;
      co_await place.wait();
    }
    co_return Pass(this);
  }
  void leave(std::size_t count) {
    {
      std::scoped_lock lock(mutex_);
      room_ += count;
    }
    waiting_.wake(count);
  }

 private:
  bool try_enter() {
    std::scoped_lock lock(mutex_);
    return room_ > 0 && room_-- > 0;
  }
  std::mutex mutex_;
  std::size_t room_;
  WaitList waiting_;
};

// `Context` is what the thread offers: its connection, and for the writer its state.
template <class Context>
class Call {
 public:
  virtual ~Call() = default;
  // On the database thread. False when the call was refused (its result says why) and what it wrote
  // must be undone. Throws SqliteFailure. May run again after its transaction was rolled back.
  virtual bool run(Context& context) = 0;
  virtual void fail_with(const Error& error) = 0;
  // Resumes the caller on its own executor. Last.
  virtual void answer() = 0;
};

template <class Context, class R, class Handler, class Work>
class TypedCall final : public Call<Context> {
 public:
  TypedCall(Handler handler, Work work) : handler_(std::move(handler)), work_(std::move(work)) {}

  bool run(Context& context) override {
    result_ = work_(context);
    return result_.has_value();
  }
  void fail_with(const Error& error) override { result_ = std::unexpected(error); }
  void answer() override {
    auto executor = asio::get_associated_executor(handler_);
    asio::post(executor, [handler = std::move(handler_), result = std::move(result_)]() mutable {
      std::move(handler)(std::move(result));
    });
  }

 private:
  Handler handler_;
  Work work_;
  Result<R> result_ = fail(ErrorCode::internal, "the call was not run");
};

// Hands `work` to `thread` (which has push(unique_ptr<Call<Context>>)) and awaits its result. Once
// handed over it runs to its end, cancelled or not.
template <class R, class Context, class Thread, class Work>
  requires std::invocable<Work&, Context&>
Task<Result<R>> hand_over(Thread& thread, Gate& gate, Work work) {
  auto pass = co_await gate.enter();
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<R>)>(
      [](auto handler, Thread* to, Gate::Pass held, Work inner) {
        using Typed = TypedCall<Context, R, decltype(handler), Work>;
        to->push(std::make_unique<Typed>(std::move(handler), std::move(inner)));
        held.handed_over();
      },
      asio::use_awaitable, &thread, std::move(pass), std::move(work));
}

}  // namespace corral::adapters::store::sqlite
