// SPDX-License-Identifier: GPL-2.0-or-later
/// The descriptors of a half lie at fixed numbers, so that its filter of system calls can say what
/// each may be used for. No descriptor is ever duplicated: the filter has no dup, no fcntl, no
/// recvmsg. A number that is renewed is closed and is then the lowest free one, which the kernel
/// hands out first; all lower numbers are always in use.
#pragma once

#include <sys/un.h>

#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::diode {

inline constexpr int kPortFd = 3;     ///< the level's port: read by one half, written by the other
inline constexpr int kReportFd = 4;   ///< hostd
inline constexpr int kPipeFd = 5;     ///< the one-way FIFO
inline constexpr int kSpoolFd = 6;    ///< this half's spool
inline constexpr int kPipeDirFd = 7;  ///< where the FIFO lies (O_PATH)

/// One UNIX stream socket at one number, to one address, connected again and again.
class SocketSlot {
 public:
  /// @param address  borrowed for good; in memory that nothing can write to any more, because the
  ///                 filter binds connect() on `number` to this pointer
  SocketSlot(int number, const sockaddr_un* address) : number_(number), address_(address) {}

  /// Never waits. False when nobody takes the connection now.
  bool Connect();
  /// Ends the connection; a fresh socket takes the number.
  void Drop();
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return number_; }
  [[nodiscard]] const sockaddr_un* address() const { return address_; }

 private:
  int number_;
  const sockaddr_un* address_;
  bool connected_ = false;
};

struct FixedFds {
  const sockaddr_un* port = nullptr;    ///< in a read-only page, for the life of the process
  const sockaddr_un* report = nullptr;  ///< likewise
};

/// Closes what was inherited beyond 0, 1 and 2, and fills 3 to 7: fresh sockets at kPortFd,
/// kReportFd and kPipeFd, the two folders.
Result<FixedFds> OpenFixedFds(const std::string& port_path, const std::string& report_path,
                              const std::string& pipe_path, const std::string& spool_path);

/// Opens the FIFO at kPipeFd, non-blocking. kUnavailable when it is to be written and nobody reads
/// it; kPipeFd is then a fresh socket. Other errors: the FIFO is not what superd made.
/// @param flags  O_RDONLY or O_WRONLY
Status OpenPipe(int flags);
/// Gives the FIFO up.
void ClosePipe();

}  // namespace bulkhead::diode
