// The child of crash_test: commits without end and reports each acknowledged transaction on stdout,
// until it is killed.
//   corral_store_crash_child DATABASE
#include <cstdio>

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "adapters/store/sqlite/sqlite_store.h"

namespace corral {
namespace {

// Each round n of a producer is one transaction that touches everything: two streams, a document,
// the queue.
Task<bool> produce(ports::Store& store, std::string name) {
  const auto start = co_await store.get("round", name);
  if (!start) co_return false;
  for (std::uint64_t n = *start ? (*start)->version : 0;; ++n) {
    ports::Transaction transaction;
    transaction.changes.emplace_back(ports::Append{
        name + "/left", n, {{"moved", json::object{{"n", n + 1}}, {.actor = "child"}}}});
    ports::PutDocument put{.document = {.kind = "round",
                                        .id = name,
                                        .parent = {},
                                        .state = {},
                                        .name = name,
                                        .body = {},
                                        .created = {},
                                        .updated = {}},
                           .expected_version = n};
    put.document.body = json::object{{"n", n + 1}, {"filler", std::string(n % 3000, 'f')}};
    transaction.changes.emplace_back(std::move(put));
    transaction.changes.emplace_back(ports::NewJob{
        .kind = "round", .key = fmt::format("{}-{}", name, n + 1), .payload = {}, .group = name});
    transaction.changes.emplace_back(ports::Append{
        name + "/right", n, {{"moved", json::object{{"n", n + 1}}, {.actor = "child"}}}});
    const auto committed = co_await store.commit(std::move(transaction));
    if (!committed) {
      std::fprintf(stderr, "%s\n", committed.error().message.c_str());
      co_return false;
    }
    const auto line = fmt::format("{} {}\n", name, n + 1);
    if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) co_return false;
  }
}

}  // namespace
}  // namespace corral

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto store = corral::adapters::store::open_sqlite_store(argv[1]);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 1;
  }
  corral::asio::io_context context;
  for (int i = 0; i < 8; ++i)
    corral::asio::co_spawn(context, corral::produce(**store, fmt::format("p{}", i)),
                           [&](std::exception_ptr, bool) { context.stop(); });
  context.run();
  return 1;
}
