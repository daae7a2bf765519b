// SPDX-License-Identifier: GPL-2.0-or-later
#include "diode/fixed_fds.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace bulkhead::diode {

namespace {

constexpr char kPipeName[] = "pipe";

/// A number that is not the expected one would void what the filter promises.
void DemandNumber(int fd, int number) {
  if (fd != number) std::abort();
}

void FillWithSocket(int number) {
  DemandNumber(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), number);
}

Status SetAddress(sockaddr_un& address, const std::string& path) {
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Fail(ErrorCode::kInvalid, "socket path " + path + " is longer than 107 bytes");
  }
  path.copy(address.sun_path, path.size());
  return {};
}

struct AddressPage {
  sockaddr_un port;
  sockaddr_un report;
};

Result<const AddressPage*> MakeAddressPage(const std::string& port, const std::string& report) {
  void* page = ::mmap(nullptr, sizeof(AddressPage), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return FailErrno("mmap");
  auto* addresses = static_cast<AddressPage*>(page);
  if (auto s = SetAddress(addresses->port, port); !s) return Propagate(s);
  if (auto s = SetAddress(addresses->report, report); !s) return Propagate(s);
  if (::mprotect(page, sizeof(AddressPage), PROT_READ) != 0) return FailErrno("mprotect");
  return addresses;
}

Status OpenFolder(const std::string& path, int flags, int number) {
  int fd = ::open(path.c_str(), flags | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return FailErrno("open " + path);
  DemandNumber(fd, number);
  return {};
}

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

bool SocketSlot::Connect() {
  connected_ =
      ::connect(number_, reinterpret_cast<const sockaddr*>(address_), sizeof *address_) == 0;
  return connected_;
}

void SocketSlot::Drop() {
  connected_ = false;
  ::close(number_);
  FillWithSocket(number_);
}

Result<FixedFds> OpenFixedFds(const std::string& port_path, const std::string& report_path,
                              const std::string& pipe_path, const std::string& spool_path) {
  auto page = MakeAddressPage(port_path, report_path);
  if (!page) return Propagate(page);
  while (true) {
    int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return FailErrno("open /dev/null");
    if (fd > 2) break;
  }
  if (::close_range(kPortFd, ~0U, 0) != 0) return FailErrno("close inherited descriptors");
  for (int number : {kPortFd, kReportFd, kPipeFd}) FillWithSocket(number);
  if (auto s = OpenFolder(spool_path, O_RDONLY, kSpoolFd); !s) return Propagate(s);
  if (auto s = OpenFolder(FolderOf(pipe_path), O_PATH, kPipeDirFd); !s) return Propagate(s);
  return FixedFds{&(*page)->port, &(*page)->report};
}

Status OpenPipe(int flags) {
  ::close(kPipeFd);
  int fd = ::openat(kPipeDirFd, kPipeName, flags | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    auto failed = errno == ENXIO ? Fail(ErrorCode::kUnavailable, "nobody reads the pipe")
                                 : FailErrno("open the pipe");
    FillWithSocket(kPipeFd);
    return failed;
  }
  DemandNumber(fd, kPipeFd);
  struct stat now{};
  if (::fstat(fd, &now) == 0 && S_ISFIFO(now.st_mode)) return {};
  ClosePipe();
  return Fail(ErrorCode::kConflict, "the pipe of the flow is no FIFO");
}

void ClosePipe() {
  ::close(kPipeFd);
  FillWithSocket(kPipeFd);
}

}  // namespace bulkhead::diode
