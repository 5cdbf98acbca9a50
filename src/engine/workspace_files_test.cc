// A run's files while its workspace is there, and what is said when it is not.
#include "engine/workspace_files.h"

#include "engine/testing/engine_fixture.h"

namespace corral::engine {
namespace {

struct WorkspaceFilesTest : testing::EngineTest {
  void SetUp() override {
    EngineTest::SetUp();
    boot();
    run = h.start("hang");
    run_until_agent(run);
    files = &h.world.machines.begin()->second.files;
    (*files)["/workspace/b.txt"] = "two";
    (*files)["/workspace/a.txt"] = "one";
    (*files)["/workspace/src/x/main.c"] = "int";
    (*files)["/home/agent/secret"] = "not the workspace's";
  }
  Result<json::value> list(std::string path) {
    return h.call(h.engine().files().list(run, std::move(path)));
  }
  Result<std::string> read(std::string path) {
    return h.call(h.engine().files().read(run, std::move(path)));
  }
  Result<void> write(std::string path, std::string bytes) {
    return h.call(h.engine().files().write(run, std::move(path), std::move(bytes), "user:ann"));
  }

  RunId run;
  std::map<std::string, std::string>* files = nullptr;
};

std::vector<std::string> names_of(const json::value& listing) {
  std::vector<std::string> names;
  for (const auto& item : listing.at("items").get_array())
    names.emplace_back(find_string(item, {"name"}));
  return names;
}

TEST_F(WorkspaceFilesTest, ListsFoldersFirst) {
  const auto top = list("").value();
  EXPECT_EQ(names_of(top), (std::vector<std::string>{"src", "a.txt", "b.txt"}));
  EXPECT_EQ(top.at("path"), "");
  EXPECT_EQ(top.at("truncated"), false);
  EXPECT_EQ(top.at("items").at(0).at("type"), "folder");
  EXPECT_EQ(top.at("items").at(0).at("size_bytes"), nullptr);
  EXPECT_EQ(find_int(top, {"left_out"}), 0);
  EXPECT_EQ(find_int(top.at("items").at(1), {"size_bytes"}), 3);
  const auto below = list("./src//x/").value();
  EXPECT_EQ(below.at("path"), "src/x");
  EXPECT_EQ(names_of(below), std::vector<std::string>{"main.c"});
}

TEST_F(WorkspaceFilesTest, ReadsAndWrites) {
  EXPECT_EQ(read("src/x/main.c").value(), "int");
  ASSERT_TRUE(write("src/new.c", "char"));
  EXPECT_EQ((*files)["/workspace/src/new.c"], "char");
  EXPECT_EQ(read("none").error().code, ErrorCode::not_found);
  (*files)["/workspace/big"] = std::string(kMaxWorkspaceFile + 1, 'x');
  EXPECT_EQ(read("big").error().code, ErrorCode::unsupported);
  EXPECT_EQ(write("big", std::string(kMaxWorkspaceFile + 1, 'y')).error().code,
            ErrorCode::unsupported);
  EXPECT_TRUE(write("big", std::string(kMaxWorkspaceFile, 'y')));
}

TEST_F(WorkspaceFilesTest, RefusesPathsThatLeadElsewhere) {
  for (const std::string& path :
       {std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string("a/.."), std::string("a\0b", 3), std::string("\xff"),
        std::string(kMaxWorkspacePath + 1, 'a')}) {
    EXPECT_EQ(list(path).error().code, ErrorCode::invalid) << path.substr(0, 20);
    EXPECT_EQ(read(path).error().code, ErrorCode::invalid) << path.substr(0, 20);
    EXPECT_EQ(write(path, "x").error().code, ErrorCode::invalid) << path.substr(0, 20);
  }
  for (const std::string path : {"", ".", "src/"}) {
    EXPECT_EQ(read(path).error().code, ErrorCode::invalid) << path;
    EXPECT_EQ(write(path, "x").error().code, ErrorCode::invalid) << path;
  }
  EXPECT_TRUE(list("..x").has_value()) << "a name like any other";
}

TEST_F(WorkspaceFilesTest, SaysThatTheWorkspaceIsGone) {
  const auto place = h.world.machines.begin()->first;
  h.world.faults = [](std::string_view call) -> std::optional<Error> {
    if (call != "attach") return std::nullopt;
    return Error{ErrorCode::not_found, "no such workspace", nullptr};
  };
  EXPECT_EQ(list("").error().code, ErrorCode::conflict);
  // It dies in the middle of a call.
  h.world.faults = [&](std::string_view call) -> std::optional<Error> {
    if (call == "read_file") h.world.lose(place);
    return std::nullopt;
  };
  EXPECT_EQ(read("a.txt").error().code, ErrorCode::conflict);
  h.world.faults = nullptr;
  ASSERT_TRUE(h.call(h.engine().cancel_run(run, "enough", "user:ann")));
  ASSERT_TRUE(h.run_to_end(run));
  const auto refused = read("a.txt");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_TRUE(refused.error().message.contains("is cancelled and has no workspace now"))
      << refused.error().message;
  EXPECT_EQ(h.call(h.engine().files().list(RunId{}, "")).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace corral::engine
