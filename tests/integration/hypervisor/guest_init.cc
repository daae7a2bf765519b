// SPDX-License-Identifier: GPL-2.0-or-later
/// PID 1 of the test guest: loads the modules it is given, then tells the console what it sees: PCI
/// devices, ports, disks as they come and go.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace {

std::string FirstLine(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}

std::set<std::string> Names(const std::string& folder) {
  std::set<std::string> names;
  DIR* dir = ::opendir(folder.c_str());
  while (dirent* entry = dir == nullptr ? nullptr : ::readdir(dir)) {
    if (entry->d_name[0] != '.') names.insert(entry->d_name);
  }
  if (dir != nullptr) ::closedir(dir);
  return names;
}

void Say(const std::string& line) {
  std::ofstream("/dev/hvc0", std::ios::app) << line << std::endl;
}

void LoadModules() {
  std::ifstream order("/modules/order");
  for (std::string name; std::getline(order, name);) {
    int fd = ::open(("/modules/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    ::syscall(SYS_finit_module, fd, "", 0);
    ::close(fd);
  }
}

std::string Start(const std::string& disk) {
  char bytes[8] = {};
  int fd = ::open(("/dev/" + disk).c_str(), O_RDONLY | O_CLOEXEC);
  for (int i = 0; fd < 0 && i < 20; ++i) {
    ::usleep(50'000);
    fd = ::open(("/dev/" + disk).c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (::read(fd, bytes, sizeof bytes) != sizeof bytes) return "unreadable";
  ::close(fd);
  return {bytes, sizeof bytes};
}

void Report(const std::string& disk) {
  std::string block = "/sys/block/" + disk;
  Say("disk " + disk + " serial=" + FirstLine(block + "/serial") +
      " ro=" + FirstLine(block + "/ro") + " start=" + Start(disk));
}

/// "memory total=N free=N", in MiB.
std::string Memory() {
  std::map<std::string, long> kib;
  std::ifstream file("/proc/meminfo");
  for (std::string key, unit; file >> key >> kib[key];) std::getline(file, unit);
  return "memory total=" + std::to_string(kib["MemTotal:"] / 1024) +
         " free=" + std::to_string(kib["MemFree:"] / 1024);
}

/// Writes that much memory, and says so: with less it would have been killed.
void Fill(std::size_t mib) {
  std::string block(mib << 20, 'x');
  for (std::size_t i = 0; i < block.size(); i += 4096) block[i] = static_cast<char>(i);
  Say("filled " + std::to_string(mib) + " MiB " + std::to_string(block[4096]));
}

void ReportDevices() {
  std::string pci = "/sys/bus/pci/devices/";
  for (const auto& name : Names(pci)) {
    Say("pci " + FirstLine(pci + name + "/vendor") + " " + FirstLine(pci + name + "/class"));
  }
  for (const auto& port : Names("/sys/class/virtio-ports")) {
    Say("port " + FirstLine("/sys/class/virtio-ports/" + port + "/name"));
  }
}

}  // namespace

int main() {
  ::mount("proc", "/proc", "proc", 0, nullptr);
  ::mount("sysfs", "/sys", "sysfs", 0, nullptr);
  ::mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
  LoadModules();
  for (int i = 0; i < 200 && ::access("/dev/hvc0", F_OK) != 0; ++i) ::usleep(50'000);
  ReportDevices();
  Say("guest up");
  // What the command line asks of this guest: "fill=300" MiB, once the balloon has had time.
  std::string line = FirstLine("/proc/cmdline");
  if (auto at = line.find("fill="); at != std::string::npos) {
    ::sleep(10);
    Say(Memory());
    Fill(std::strtoul(line.c_str() + at + 5, nullptr, 10));
  }
  std::set<std::string> seen;
  while (true) {
    auto now = Names("/sys/block");
    for (const auto& disk : now) {
      if (disk.starts_with("vd") && seen.insert(disk).second) Report(disk);
    }
    std::erase_if(seen, [&](const std::string& disk) {
      if (now.contains(disk)) return false;
      Say("gone " + disk);
      return true;
    });
    ::usleep(100'000);
  }
}
