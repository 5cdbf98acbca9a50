#include "adapters/blob/fs/fs_blobs.h"

#include <sys/stat.h>

#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/blob_contract.h"

namespace corral::ports::contract {
namespace {

struct FsWorld {
  TemporaryFolder folder;
  BlockingPool pool{2};
  std::unique_ptr<Blobs> blobs = adapters::blob::make_fs_blobs(folder / "b", pool);
};

BlobsUnderTest make() {
  auto world = std::make_shared<FsWorld>();
  return {std::shared_ptr<Blobs>(world, world->blobs.get()), [world](std::string hash) {
            const auto file = world->folder / "b" / hash.substr(0, 2) / hash.substr(2);
            ::chmod(file.c_str(), 0600);
            ASSERT_TRUE(write_file_atomically(file, "damaged"));
          }};
}

INSTANTIATE_TEST_SUITE_P(Fs, BlobsContract, ::testing::Values(BlobsFactory{"Fs", make}),
                         blobs_factory_name);

TEST(FsBlobs, KeepsOneFileForEachContentThatItsOwnerAloneMayRead) {
  FsWorld world;
  const auto hash = run_task(world.blobs->put("content")).value();
  ASSERT_TRUE(run_task(world.blobs->put("content")));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(world.folder.path()))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 1u) << "no temporary file stays behind";
  struct stat info{};
  ASSERT_EQ(::stat((world.folder / "b" / hash.substr(0, 2) / hash.substr(2)).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0400u);
}

TEST(FsBlobs, AnotherStoreOnTheFolderSeesThem) {
  FsWorld world;
  const auto hash = run_task(world.blobs->put("shared")).value();
  EXPECT_EQ(
      run_task(adapters::blob::make_fs_blobs(world.folder / "b", world.pool)->get(hash)).value(),
      "shared");
}

TEST(FsBlobs, SaysWhatIsWrongWithTheFolder) {
  FsWorld world;
  ASSERT_TRUE(write_file_atomically(world.folder / "file", "in the way"));
  const auto refused =
      run_task(adapters::blob::make_fs_blobs(world.folder / "file", world.pool)->put("x"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("file"), std::string::npos);
}

}  // namespace
}  // namespace corral::ports::contract
