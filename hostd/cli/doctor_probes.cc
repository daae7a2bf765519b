// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "hostd/accel/accel_probe.h"
#include "hostd/cli/doctor.h"
#include "vmspec/base/file.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/socket.h"

namespace bulkhead::cli {

namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr milliseconds kToolDeadline{5000};
constexpr std::size_t kMaxSmallFile = 65536;

std::string Small(const std::string& path) { return ReadFile(path, kMaxSmallFile).value_or(""); }

bool Opens(const char* path) {
  return UniqueFd(::open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)).valid();
}

/// What `fd` says until its end, at most 64 KiB, within the deadline.
std::string Drain(int fd) {
  std::string text;
  auto end = std::chrono::steady_clock::now() + kToolDeadline;
  while (text.size() < kMaxSmallFile) {
    auto left = std::chrono::duration_cast<milliseconds>(end - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) break;
    char buffer[4096];
    ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

struct ToolRun {
  bool succeeded = false;
  std::string output;
};

/// Runs a program of the distribution for its words. One that hangs is killed.
ToolRun RunTool(std::vector<std::string> argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{write_end.get(), 1}};
  spec.inherit_output = false;
  auto child = Spawn(spec);
  write_end.reset();
  if (!child) return {};
  ToolRun run{false, Drain(read_end.get())};
  pollfd wait{child->pidfd.get(), POLLIN, 0};
  if (::poll(&wait, 1, static_cast<int>(kToolDeadline.count())) <= 0) ::kill(child->pid, SIGKILL);
  int status = 0;
  ::waitpid(child->pid, &status, 0);
  run.succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return run;
}

std::optional<ToolVersion> VersionOf(const char* program) {
  if (::access(program, X_OK) != 0) return std::nullopt;
  ToolRun run = RunTool({program, "--version"});
  return run.succeeded ? FindVersion(run.output) : std::nullopt;
}

/// The value of KEY= in /etc/os-release, without quotes.
std::string OsRelease(const std::string& key) {
  std::istringstream lines(Small("/etc/os-release"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + "=")) continue;
    std::string value = line.substr(key.size() + 1);
    std::erase(value, '"');
    return value;
  }
  return {};
}

NfTables AskNfTables() {
  if (::geteuid() != 0) return NfTables::kMayNotAsk;
  return RunTool({"/usr/sbin/nft", "list", "tables"}).succeeded ? NfTables::kWorks
                                                                : NfTables::kMissing;
}

int LandlockAbi() {
  long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

/// v2 of the unified hierarchy, or what is enabled of v1.
std::vector<std::string> CgroupControllers() {
  std::vector<std::string> all;
  std::istringstream unified(Small("/sys/fs/cgroup/cgroup.controllers"));
  for (std::string name; unified >> name;) all.push_back(name);
  std::istringstream lines(Small("/proc/cgroups"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    int hierarchy = 0;
    if (words >> name >> hierarchy && hierarchy > 0) all.push_back(name);
  }
  return all;
}

bool AnyIn(const char* folder) {
  std::error_code none;
  return fs::directory_iterator(folder, none) != fs::directory_iterator();
}

std::optional<bool> SecureBoot() {
  std::error_code none;
  if (!fs::exists("/sys/firmware/efi", none)) return std::nullopt;
  std::string variable =
      Small("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
  return variable.size() == 5 && variable[4] == 1;  // four bytes of attributes, then the value
}

/// Room under `path`, or under the nearest folder above it that is there.
std::uint64_t FreeMib(fs::path path) {
  struct statvfs info{};
  while (::statvfs(path.c_str(), &info) != 0) {
    if (!path.has_relative_path()) return 0;
    path = path.parent_path();
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize >> 20;
}

std::uint64_t MemoryAvailableMib() {
  std::istringstream lines(Small("/proc/meminfo"));
  for (std::string key; lines >> key;) {
    std::uint64_t kib = 0;
    if (key == "MemAvailable:" && lines >> kib) return kib / 1024;
  }
  return 0;
}

std::vector<std::string> Images(const Paths& paths) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(paths.state + "/images", none)) {
    if (fs::exists(entry.path() / "manifest.json", none)) names.push_back(entry.path().filename());
  }
  return names;
}

bool RandomReady() {
  char byte = 0;
  return ::getrandom(&byte, 1, GRND_NONBLOCK) == 1;
}

/// One line of a file of /sys/class/dmi/id; firmware writes what it likes there.
std::string Dmi(const char* name) {
  std::string text = Small(std::string("/sys/class/dmi/id/") + name);
  return Printable(text.substr(0, text.find('\n')), 80);
}

std::string Processor() {
  std::istringstream lines(Small("/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) {
    auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return Printable(line.substr(colon + 2), 80);
    }
  }
  return {};
}

void ProbeKernel(Machine& m) {
  utsname names{};
  ::uname(&names);
  m.architecture = names.machine;
  m.platform = {Dmi("sys_vendor"), Dmi("product_name"), Processor(), names.release};
  auto config = ReadFile(std::string("/boot/config-") + names.release, 1 << 20);
  if (config) m.kernel_lacks = LackingOptions(*config);
  m.landlock_abi = LandlockAbi();
  m.seccomp_kills =
      Small("/proc/sys/kernel/seccomp/actions_avail").find("kill_process") != std::string::npos;
  m.apparmor = Small("/sys/module/apparmor/parameters/enabled").starts_with("Y");
  m.device_mapper = ::access("/dev/mapper/control", F_OK) == 0;
}

void ProbeHardware(Machine& m) {
  m.kvm_node = ::access("/dev/kvm", F_OK) == 0;
  m.kvm_opens = Opens("/dev/kvm");
  m.tun_opens = Opens("/dev/net/tun");
  m.usb = AnyIn("/sys/bus/usb/devices");
  m.sound = Small("/proc/asound/cards").find(" [") != std::string::npos;
  m.uefi_firmware = ::access("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", F_OK) == 0;
  m.iommu = AnyIn("/sys/class/iommu");
  m.tpm = AnyIn("/sys/class/tpm");
  m.secure_boot = SecureBoot();
  m.memory_available_mib = MemoryAvailableMib();
  m.random_ready = RandomReady();
}

}  // namespace

Machine ProbeMachine(const Paths& paths) {
  Machine m;
  ProbeKernel(m);
  m.os_id = OsRelease("ID");
  m.os_version = OsRelease("VERSION_ID");
  m.root = ::geteuid() == 0;
  m.qemu = VersionOf("/usr/bin/qemu-system-x86_64");
  m.libvirt = VersionOf("/usr/sbin/libvirtd");
  m.nf_tables = AskNfTables();
  m.cgroup_controllers = CgroupControllers();
  m.libvirtd_answers = ConnectUnix("/run/libvirt/libvirt-sock").has_value();
  m.state_path = paths.state;
  m.state_free_mib = FreeMib(paths.state);
  m.cache_path = paths.cache;
  m.cache_free_mib = FreeMib(paths.cache);
  m.images = Images(paths);
  ProbeHardware(m);
  return m;
}

KvmProof ProveKvm() {
  hostd::KvmFinding found = hostd::AccelProbe({}).Examine();
  return {found.state == hostd::KvmState::kWorks, found.sentence};
}

}  // namespace bulkhead::cli
