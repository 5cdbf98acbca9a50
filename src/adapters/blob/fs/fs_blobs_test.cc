#include "adapters/blob/fs/fs_blobs.h"

#include <cstdlib>

#include <sys/stat.h>

#include "base/files.h"
#include "ports/contract/blob_contract.h"

namespace corral::ports::contract {
namespace {

struct FsWorld {
  FsWorld() {
    char name[] = "/tmp/corral-blobs-XXXXXX";
    folder = ::mkdtemp(name);
    blobs = adapters::blob::make_fs_blobs(folder / "b", pool);
  }
  ~FsWorld() { std::filesystem::remove_all(folder); }
  std::filesystem::path folder;
  BlockingPool pool{2};
  std::unique_ptr<Blobs> blobs;
};

BlobsUnderTest make() {
  auto world = std::make_shared<FsWorld>();
  return {std::shared_ptr<Blobs>(world, world->blobs.get()), [world](std::string hash) {
            const auto file = world->folder / "b" / hash.substr(0, 2) / hash.substr(2);
            ::chmod(file.c_str(), 0600);
            ASSERT_TRUE(write_file_atomically(file, "damaged"));
          }};
}

INSTANTIATE_TEST_SUITE_P(Fs, BlobsContract, ::testing::Values(BlobsFactory{"Fs", make}), blobs_factory_name);

}  // namespace
}  // namespace corral::ports::contract
