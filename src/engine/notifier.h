// Tells people's devices what waits for them and what has ended, by push messages.
//
// Follows the store's events, as those that come after the one up to which a device has been told:
// that is kept with the device, so a restart goes on where the last life ended. What is promised,
// to each device by itself: notices in the order of events; none is forgotten by a crash; and at
// most the one that was under way at a crash is sent twice (it replaces itself on the device). Not
// sent is what is true no more when its turn comes (answered, retried, a day old), what a later
// notice about the same run or session replaces, all but the newest kMaxOwed for a device whose
// service does not answer, and what its service has refused, or not taken in kAttempts.
//
// Costs those who drive runs nothing: it reads behind them, at most five times a second and only
// while there are devices, and each device is told by a task of its own.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "base/random.h"
#include "engine/async.h"
#include "engine/devices.h"
#include "engine/notices.h"
#include "engine/notify_service.h"

namespace corral::engine {

// Everything outlives it.
struct NotifierDeps {
  Executor executor;
  ports::Store& store;
  ports::PushService& push;
  Clock& clock;
  Random& random;
};

// Lives on the executor.
class Notifier final : public NotifyService {
 public:
  explicit Notifier(NotifierDeps deps);

  static constexpr std::size_t kMaxOwed = 32;
  static constexpr int kAttempts = 8;

  // Takes up what is owed. Errors are the store's. Await once, before any use.
  Task<Result<void>> start();
  // What is under way is cut off, and owed at the next start. Await once, before destruction.
  Task<void> stop() { co_await scope_.stop(); }

  const std::string& push_key() const override { return deps_.push.public_key(); }
  Task<Result<json::value>> add_device(NewDevice device, Caller by) override;
  Task<Result<std::vector<json::value>>> list_devices(std::string actor) override;
  Task<Result<void>> remove_device(std::string id, Caller by) override;

 private:
  // A device that is told by this server.
  struct Line {
    Line(const Executor& executor, std::string device, std::string of, std::uint64_t told)
        : changed(executor), id(std::move(device)), actor(std::move(of)), position(told) {}
    Signal changed;
    std::string id, actor;
    std::uint64_t position;       // it owes nothing of events up to this one
    std::deque<OwedNotice> owed;  // by position
    bool gone = false;
  };
  enum class Told { yes, no, gone };  // no: it is not to be told of this any more

  // Completes it from what is known of it. False: it is known just so. `conflict`: too many.
  Task<Result<bool>> admit(Device& device);
  void open_line(const Device& device);
  void close_line(const std::string& id);
  Task<void> follow();
  Task<Result<std::uint64_t>> look();  // how many events there were
  void owe(Line& line, const OwedNotice& owed);
  Task<void> serve(std::shared_ptr<Line> line);
  Task<Told> tell(std::shared_ptr<Line> line, OwedNotice owed);
  Task<Result<Told>> try_once(std::shared_ptr<Line> line, OwedNotice owed, Duration& pause);
  Task<bool> advance(std::string id, std::uint64_t position);

  NotifierDeps deps_;
  Devices devices_;
  Mutex adding_;
  Signal opened_;  // there is a line
  std::map<std::string, std::shared_ptr<Line>> lines_;
  std::uint64_t position_ = 0;  // every event up to this one has been looked at
  TaskScope scope_;
};

}  // namespace corral::engine
