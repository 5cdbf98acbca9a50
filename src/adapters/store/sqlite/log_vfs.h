// How the writer's connection writes the write-ahead log.
#pragma once

namespace corral::adapters::store::sqlite {

// The name of a VFS that is the system's own, but for the log: SQLite writes each of its frames by
// two calls, 24 bytes and a page; here they are one, which takes half the time on ext4. The first
// of the two is held back until the next call on the file, whatever that is, so nobody can see the
// difference, and a failure is told to the call that has the page. Registered at the first use;
// any thread.
const char* log_vfs();

}  // namespace corral::adapters::store::sqlite
