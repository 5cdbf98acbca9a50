#include "adapters/store/sqlite/log_vfs.h"

#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

#include <sqlite3.h>

namespace corral::adapters::store::sqlite {
namespace {

constexpr const char* kName = "corral-log";
constexpr int kFrameHeader = 24;
// What stands before the first frame.
constexpr sqlite3_int64 kLogHeader = 32;

// SQLite gives the room for it, with the system's own file behind it.
struct LogFile {
  sqlite3_file base;
  sqlite3_int64 held_at;  // where the header that is held back belongs; 0: none
  std::vector<char>* frame;

  sqlite3_file* inner() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

LogFile* log_of(sqlite3_file* file) { return reinterpret_cast<LogFile*>(file); }

int write_held(LogFile* log) {
  if (log->held_at == 0) return SQLITE_OK;
  const int code =
      log->inner()->pMethods->xWrite(log->inner(), log->frame->data(), kFrameHeader, log->held_at);
  if (code == SQLITE_OK) log->held_at = 0;
  return code;
}

int log_write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
  auto* log = log_of(file);
  auto& frame = *log->frame;
  if (log->held_at != 0 && at == log->held_at + kFrameHeader) {
    frame.resize(static_cast<std::size_t>(kFrameHeader + size));
    std::memcpy(frame.data() + kFrameHeader, bytes, static_cast<std::size_t>(size));
    const auto begin = log->held_at;
    log->held_at = 0;
    return log->inner()->pMethods->xWrite(log->inner(), frame.data(), kFrameHeader + size, begin);
  }
  if (const int code = write_held(log); code != SQLITE_OK) return code;
  if (size != kFrameHeader || at < kLogHeader)
    return log->inner()->pMethods->xWrite(log->inner(), bytes, size, at);
  frame.resize(kFrameHeader);
  std::memcpy(frame.data(), bytes, kFrameHeader);
  log->held_at = at;
  return SQLITE_OK;
}

// Every other call finds the file as SQLite believes it to be.
template <auto Method, class... Args>
int log_call(sqlite3_file* file, Args... args) {
  auto* log = log_of(file);
  if (const int code = write_held(log); code != SQLITE_OK) return code;
  return (log->inner()->pMethods->*Method)(log->inner(), args...);
}

int log_close(sqlite3_file* file) {
  auto* log = log_of(file);
  const int held = write_held(log);
  const int code = log->inner()->pMethods->xClose(log->inner());
  delete log->frame;
  return code == SQLITE_OK ? held : code;
}

using Methods = sqlite3_io_methods;
// Version 1: a log is neither locked, shared nor mapped through its file.
const Methods kMethods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_call<&Methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = log_write,
    .xTruncate = log_call<&Methods::xTruncate, sqlite3_int64>,
    .xSync = log_call<&Methods::xSync, int>,
    .xFileSize = log_call<&Methods::xFileSize, sqlite3_int64*>,
    .xLock = log_call<&Methods::xLock, int>,
    .xUnlock = log_call<&Methods::xUnlock, int>,
    .xCheckReservedLock = log_call<&Methods::xCheckReservedLock, int*>,
    .xFileControl = log_call<&Methods::xFileControl, int, void*>,
    .xSectorSize = log_call<&Methods::xSectorSize>,
    .xDeviceCharacteristics = log_call<&Methods::xDeviceCharacteristics>,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

sqlite3_vfs* system_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  return vfs;
}

int log_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* system = system_vfs();
  if ((flags & SQLITE_OPEN_WAL) == 0) return system->xOpen(system, name, file, flags, out_flags);
  auto* log = log_of(file);
  *log = {};
  const int code = system->xOpen(system, name, log->inner(), flags, out_flags);
  if (code != SQLITE_OK) {
    if (log->inner()->pMethods != nullptr) log->inner()->pMethods->xClose(log->inner());
    return code;
  }
  log->frame = new std::vector<char>();
  log->base.pMethods = &kMethods;
  return SQLITE_OK;
}

}  // namespace

const char* log_vfs() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *system_vfs();
    made.pNext = nullptr;
    made.zName = kName;
    made.szOsFile += static_cast<int>(sizeof(LogFile));
    made.xOpen = log_open;
    return made;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? kName : nullptr;
}

}  // namespace corral::adapters::store::sqlite
