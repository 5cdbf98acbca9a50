#include "adapters/sandbox/local/local_launcher.h"

#include "adapters/sandbox/local/launcher_fixture.h"

namespace corral::adapters::sandbox {
namespace {

using testing::LauncherFixture;

class LocalLauncherTest : public LauncherFixture {};

#define NEEDS(isolation) \
  if (!usable(isolation)) GTEST_SKIP() << skip_reason_

TEST_F(LocalLauncherTest, MakesAWorkspaceAndRemovesEveryTraceOfIt) {
  NEEDS(ports::Isolation::sandbox);
  auto workspace = create();
  ASSERT_TRUE(workspace);
  const auto finished = shell(workspace, "id -u; pwd; echo $HOME; hostname; echo x > /workspace/f; cat /workspace/f");
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(finished.output, "1000\n/workspace\n/home/agent\ncorral\nx\n");
  destroy(workspace->id());
  EXPECT_TRUE(workspace->gone());
  expect_clean();
}

}  // namespace
}  // namespace corral::adapters::sandbox
