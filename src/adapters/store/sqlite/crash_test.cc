// kill -9 in the middle of many commits, again and again on the same file.
#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/store/sqlite/sqlite_store.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store {
namespace {

using ports::contract::run_task;

// Lines "producer round" as they come; a last one without its end was not acknowledged in full.
struct Acknowledged {
  std::map<std::string, std::uint64_t> rounds;
  std::string partial;
  std::size_t lines = 0;

  void take(std::string_view bytes) {
    partial += bytes;
    for (std::size_t end; (end = partial.find('\n')) != std::string::npos;
         partial.erase(0, end + 1), ++lines) {
      const auto space = partial.find(' ');
      rounds[partial.substr(0, space)] = std::stoull(partial.substr(space + 1, end));
    }
  }
};

// Reads until `lines` more have come, or the end.
void read_lines(int fd, Acknowledged& acknowledged, std::size_t lines) {
  const std::size_t until = acknowledged.lines > static_cast<std::size_t>(-1) - lines
                                ? static_cast<std::size_t>(-1)
                                : acknowledged.lines + lines;
  char buffer[4096];
  while (acknowledged.lines < until) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) return;
    acknowledged.take({buffer, static_cast<std::size_t>(got)});
  }
}

void run_and_kill(const std::filesystem::path& database, Acknowledged& acknowledged,
                  std::size_t after_lines) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd out(ends[0]), in(ends[1]);
  const auto child = spawn({.argv = {CORRAL_STORE_CRASH_CHILD, database.string()},
                            .env = inherited_env(),
                            .stdout_fd = in.get(),
                            .stderr_fd = STDERR_FILENO});
  ASSERT_TRUE(child) << child.error().message;
  in.reset();
  read_lines(out.get(), acknowledged, after_lines);
  ASSERT_EQ(::kill(*child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(*child, &status, 0), *child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
  // What it said before it died counts too.
  read_lines(out.get(), acknowledged, static_cast<std::size_t>(-1));
  acknowledged.partial.clear();
}

TEST(SqliteStoreCrash, EveryAcknowledgedTransactionIsThereAndNoneIsHalfThere) {
  const TemporaryFolder folder;
  const auto database = folder / "corral.db";
  SeededRandom random(20261121);
  Acknowledged acknowledged;
  for (int round = 0; round < 12; ++round) {
    const std::size_t after = random.next() % 400;
    run_and_kill(database, acknowledged, after);
    if (HasFatalFailure()) break;

    auto store = open_sqlite_store(database).value();
    std::uint64_t events = 0;
    for (const auto& [producer, rounds] : acknowledged.rounds) {
      const auto left = run_task(store->read_stream(producer + "/left", 0, 1'000'000)).value();
      const auto right = run_task(store->read_stream(producer + "/right", 0, 1'000'000)).value();
      const auto document = run_task(store->get("round", producer)).value();
      ASSERT_TRUE(document);
      ASSERT_GE(left.size(), rounds) << producer << " in round " << round;
      ASSERT_EQ(left.size(), right.size());
      ASSERT_EQ(document->version, left.size());
      ASSERT_EQ(document->body.at("n").to_number<std::uint64_t>(), left.size());
      EXPECT_EQ(
          run_task(store->find_job(fmt::format("{}-{}", producer, left.size()))).value()->state,
          "ready");
      EXPECT_FALSE(
          run_task(store->find_job(fmt::format("{}-{}", producer, left.size() + 1))).value());
      for (std::size_t i = 0; i < left.size(); ++i) ASSERT_EQ(left[i].version, i + 1);
      events += left.size() + right.size();
    }
    const auto all = run_task(store->read_all({.types = {}, .limit = 10'000'000})).value();
    ASSERT_GE(all.size(), events);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i].position, i + 1);
  }
  EXPECT_GT(acknowledged.lines, 300u);
}

}  // namespace
}  // namespace corral::adapters::store
