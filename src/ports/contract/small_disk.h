// Runs a test on a file system of a few megabytes, to see what happens when a disk is full.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/subprocess.h"
#include "ports/contract/run_task.h"

namespace corral::ports::contract {

// Starts this test program again for the running test alone, in a mount namespace of its own with a
// small tmpfs, and runs `body` there with the folder. Where namespaces are forbidden the test is
// skipped.
inline void on_small_disk(int megabytes, const std::function<void(std::filesystem::path)>& body) {
  constexpr const char* kVariable = "CORRAL_TEST_SMALL_DISK";
  if (const char* folder = std::getenv(kVariable)) return body(folder);

  const auto unshare = [](std::string script, std::map<std::string, std::string> env) {
    return run_task(run_command(
        {.argv = {"unshare", "--user", "--map-root-user", "--mount", "sh", "-c", std::move(script)},
         .env = std::move(env)}));
  };
  auto env = inherited_env();
  const auto folder =
      (std::filesystem::temp_directory_path() / "corral-small-disk-XXXXXX").string();
  std::string made = folder;
  ASSERT_NE(::mkdtemp(made.data()), nullptr);
  const std::string mount =
      "mount -t tmpfs -o size=" + std::to_string(megabytes) + "m tmpfs " + made;
  const auto possible = unshare(mount, env);
  if (!possible || possible->exit_code != 0) {
    std::filesystem::remove(made);
    GTEST_SKIP() << "no mount namespace here: "
                 << (possible ? possible->errors : possible.error().message);
  }
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  env[kVariable] = made;
  if (const char* profile = std::getenv("LLVM_PROFILE_FILE")) env["LLVM_PROFILE_FILE"] = profile;
  const auto result =
      unshare(mount + " && exec " + std::filesystem::read_symlink("/proc/self/exe").string() +
                  " --gtest_filter=" + test->test_suite_name() + "." + test->name(),
              env);
  std::filesystem::remove(made);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->exit_code, 0) << result->output << result->errors;
}

}  // namespace corral::ports::contract
