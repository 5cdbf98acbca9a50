// The child of log_faults_test: three sources append to one log without end and report what is
// acknowledged on stdout as pairs of numbers (source, its end), until it is killed. Sources go on
// from where the log says that they are. Meanwhile all that can be is compressed.
//   corral_log_crash_child FOLDER
#include <cstdio>

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "session/log_store.h"

namespace corral::session {
namespace {

Task<bool> append_for_ever(LogStore& logs, char source) {
  const auto log = co_await logs.open("log", LogStore::Open::create);
  if (!log) co_return false;
  const std::string name(1, source);
  for (std::uint64_t at = (*log)->source_end(name), count = 1;;
       at += count, count = count % 97 + 1) {
    if (!co_await (*log)->append(name, at, std::string(count, source))) co_return false;
    const std::uint64_t line[2] = {static_cast<std::uint64_t>(source), at + count};
    if (::write(STDOUT_FILENO, line, sizeof line) != sizeof line) co_return false;
  }
}

Task<bool> compress_for_ever(LogStore& logs) {
  for (;;)
    if (!co_await logs.compress(Duration(0))) co_return false;
}

}  // namespace
}  // namespace corral::session

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  corral::asio::io_context context;
  corral::BlockingPool pool(2);
  // Small segments: it is killed while it seals and compresses them, too.
  const auto logs =
      corral::session::make_file_log_store(argv[1], pool, context.get_executor(), 5'000);
  for (const char source : {'a', 'b', 'c'})
    corral::asio::co_spawn(context, corral::session::append_for_ever(*logs, source),
                           [&](std::exception_ptr, bool) { context.stop(); });
  corral::asio::co_spawn(context, corral::session::compress_for_ever(*logs),
                         [&](std::exception_ptr, bool) { context.stop(); });
  context.run();
  return 1;
}
