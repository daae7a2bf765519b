// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest-images/agent/linux_guest.h"

#include <fcntl.h>
#include <signal.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "guest-images/agent/network_settings.h"
#include "vmspec/base/file.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::agent {

namespace {

constexpr std::int64_t kClockTolerance = 500'000;  // us
/// Written by the image builder: "NAME\nVERSION\n".
constexpr char kImageFile[] = "/usr/lib/bulkhead/image";
/// Made by bulkhead-up.service, which is ordered after all of the default target.
constexpr char kUpMark[] = "/run/bulkhead/up";

std::string FirstLine(const std::string& path) {
  auto text = ReadFile(path, 65536);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

std::string LineOf(const std::string& text, std::size_t number) {
  std::size_t at = 0;
  for (; number > 0 && at != std::string::npos; --number) {
    at = text.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  return at == std::string::npos ? std::string() : text.substr(at, text.find('\n', at) - at);
}

/// "MemTotal:   123 kB" -> 123
std::uint64_t FieldKib(const std::string& meminfo, std::string_view key) {
  std::size_t at = meminfo.find(key);
  return at == std::string::npos ? 0
                                 : std::strtoull(meminfo.c_str() + at + key.size(), nullptr, 10);
}

std::int64_t NowUs() {
  timeval tv{};
  ::gettimeofday(&tv, nullptr);
  return std::int64_t{tv.tv_sec} * 1'000'000 + tv.tv_usec;
}

/// `ip -batch` reads its commands from an unnamed file: no shell, no file in a folder of others.
Status RunIp(const std::string& commands) {
  UniqueFd script(::memfd_create("ip-batch", MFD_CLOEXEC));
  if (!script) return FailErrno("memfd_create");
  if (auto s = WriteFully(script.get(), commands.data(), commands.size()); !s) return s;
  ::lseek(script.get(), 0, SEEK_SET);
  ProcessSpec spec;
  spec.argv = {"/usr/sbin/ip", "-force", "-batch", "-"};
  spec.env = {"PATH=/usr/sbin:/usr/bin"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{script.get(), 0}};
  auto child = Spawn(spec);
  if (!child) return Propagate(child);
  int status = 0;
  while (::waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail(ErrorCode::kIo, "ip could not apply the host's network settings");
}

}  // namespace

Result<UniqueFd> LinuxGuest::OpenPort(std::string_view name) {
  std::error_code none;
  for (const auto& port :
       std::filesystem::directory_iterator(root_ + "/sys/class/virtio-ports", none)) {
    if (FirstLine(port.path() / "name") != name) continue;
    std::string device = root_ + "/dev/" + port.path().filename().string();
    UniqueFd fd(::open(device.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
    if (fd) return fd;
    if (errno == EBUSY || errno == EMFILE) {
      return Fail(ErrorCode::kBusy, "port " + std::string(name) + " is in use");
    }
    return FailErrno("open " + device);
  }
  return Fail(ErrorCode::kNotFound, "there is no port " + std::string(name));
}

control::Hello LinuxGuest::Identity() {
  control::Hello hello;
  auto image = ReadFile(root_ + kImageFile, 4096).value_or("unknown\nunknown\n");
  hello.image = LineOf(image, 0);
  hello.version = LineOf(image, 1);
  hello.boot_id = FirstLine(root_ + "/proc/sys/kernel/random/boot_id");
  return hello;
}

control::Health LinuxGuest::Measure() {
  control::Health health;
  auto meminfo = ReadFile(root_ + "/proc/meminfo", 65536).value_or("");
  health.memory_total_kib = FieldKib(meminfo, "MemTotal:");
  health.memory_available_kib = FieldKib(meminfo, "MemAvailable:");
  auto seconds = std::strtod(FirstLine(root_ + "/proc/uptime").c_str(), nullptr);
  health.uptime_ms = static_cast<std::uint64_t>(seconds * 1000);
  auto load = std::strtod(FirstLine(root_ + "/proc/loadavg").c_str(), nullptr);
  health.load1_milli = static_cast<std::uint32_t>(load * 1000);
  health.clock_us = NowUs();
  return health;
}

Status LinuxGuest::SetClock(std::int64_t time_us) {
  if (time_us <= 0) return Fail(ErrorCode::kInvalid, "the host's time is none");
  if (std::abs(time_us - NowUs()) <= kClockTolerance) return {};
  timeval tv{time_us / 1'000'000, time_us % 1'000'000};
  if (::settimeofday(&tv, nullptr) != 0) return FailErrno("set the clock");
  return {};
}

Status LinuxGuest::SetHostName(const std::string& name) {
  if (name.empty() || name.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalid, "the host's name for this level is none");
  }
  if (::sethostname(name.data(), name.size()) != 0) return FailErrno("set the host name");
  return {};
}

Result<std::string> LinuxGuest::InterfaceOf(std::string_view mac) {
  std::error_code none;
  for (const auto& link : std::filesystem::directory_iterator(root_ + "/sys/class/net", none)) {
    std::string address = FirstLine(link.path() / "address");
    if (::strcasecmp(address.c_str(), std::string(mac).c_str()) == 0) {
      return link.path().filename().string();
    }
  }
  return Fail(ErrorCode::kNotFound, "the network interface is not there yet");
}

Status LinuxGuest::SetNetwork(const control::Welcome& welcome) {
  if (welcome.mac.empty()) return {};
  if (!IsMac(welcome.mac)) return Fail(ErrorCode::kInvalid, "the host's MAC address is none");
  auto interface = InterfaceOf(welcome.mac);
  if (!interface) return Propagate(interface);
  auto commands = IpCommands(welcome, *interface);
  if (!commands) return Propagate(commands);
  return RunIp(*commands);
}

bool LinuxGuest::IsUp() { return ::access((root_ + kUpMark).c_str(), F_OK) == 0; }

/// systemd takes this signal as "start poweroff.target" (systemd(1), SIGRTMIN+4): no bus is needed.
Status LinuxGuest::PowerOff() {
  if (::kill(1, SIGRTMIN + 4) != 0) return FailErrno("ask systemd to power off");
  return {};
}

}  // namespace bulkhead::agent
