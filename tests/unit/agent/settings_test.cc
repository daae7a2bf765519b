// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <fstream>

#include "guest-images/agent/linux_guest.h"
#include "guest-images/agent/network_settings.h"
#include "guest-images/agent/state_disk.h"
#include "guest-images/agent/writable_list.h"
#include "tests/unit/agent/fake_guest.h"

namespace bulkhead::agent {
namespace {

control::Welcome Network() {
  control::Welcome w;
  w.ipv4 = "10.77.0.6/30";
  w.gateway4 = "10.77.0.5";
  w.ipv6 = "fd77::6/126";
  w.gateway6 = "fd77::5";
  return w;
}

TEST(NetworkSettings, BothFamiliesBecomeOneBatch) {
  auto commands = IpCommands(Network(), "eth0");
  ASSERT_TRUE(commands);
  EXPECT_EQ(*commands,
            "link set dev eth0 up\n"
            "address replace 10.77.0.6/30 dev eth0\n"
            "route replace 0.0.0.0/0 via 10.77.0.5 dev eth0\n"
            "address replace fd77::6/126 dev eth0 nodad\n"
            "route replace ::/0 via fd77::5 dev eth0\n");
}

TEST(NetworkSettings, NoAddressMeansOnlyTheLink) {
  EXPECT_EQ(IpCommands(control::Welcome{}, "eth0").value(), "link set dev eth0 up\n");
}

TEST(NetworkSettings, CannotSmuggleASecondCommandOrAnOption) {
  for (const char* bad : {"10.0.0.1/8\nlink del eth0", "-batch", "10.0.0.1", "10.0.0.1/33",
                          "10.0.0.1/8 dev lo", "::1/8", "/8", "10.0.0.1/", "10.0.0.1/8x"}) {
    auto w = Network();
    w.ipv4 = bad;
    EXPECT_FALSE(IpCommands(w, "eth0")) << bad;
  }
  auto w = Network();
  w.gateway6 = "fd77::5 dev lo";
  EXPECT_FALSE(IpCommands(w, "eth0"));
}

TEST(NetworkSettings, AMacIsSixBytes) {
  EXPECT_TRUE(IsMac("52:54:00:aB:00:07"));
  for (const char* bad :
       {"", "52:54:00:00:00", "52-54-00-00-00-07", "52:54:00:00:00:0g", "52:54:00:00:00:07:"}) {
    EXPECT_FALSE(IsMac(bad)) << bad;
  }
}

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
}

TEST(LinuxGuest, FindsTheInterfaceByItsMacWhateverTheCase) {
  Folder root;
  Write(root.path + "/sys/class/net/lo/address", "00:00:00:00:00:00\n");
  Write(root.path + "/sys/class/net/eth3/address", "52:54:00:ab:00:07\n");
  LinuxGuest guest(root.path);
  EXPECT_EQ(guest.InterfaceOf("52:54:00:AB:00:07").value(), "eth3");
  EXPECT_EQ(guest.InterfaceOf("52:54:00:AB:00:08").error().code, ErrorCode::kNotFound);
}

TEST(LinuxGuest, FindsAPortByItsName) {
  Folder root;
  Write(root.path + "/sys/class/virtio-ports/vport1p1/name", "org.bulkhead.control\n");
  Write(root.path + "/dev/vport1p1", "");
  LinuxGuest guest(root.path);
  EXPECT_TRUE(guest.OpenPort("org.bulkhead.control"));
  EXPECT_EQ(guest.OpenPort("org.bulkhead.in.x").error().code, ErrorCode::kNotFound);
}

TEST(LinuxGuest, SaysWhichImageItIs) {
  Folder root;
  Write(root.path + "/usr/lib/bulkhead/image", "minimal\nabc123\n");
  Write(root.path + "/proc/sys/kernel/random/boot_id", "id-1\n");
  auto hello = LinuxGuest(root.path).Identity();
  EXPECT_EQ(hello.image, "minimal");
  EXPECT_EQ(hello.version, "abc123");
  EXPECT_EQ(hello.boot_id, "id-1");
}

TEST(LinuxGuest, MeasuresFromProc) {
  Folder root;
  Write(root.path + "/proc/uptime", "12.50 3.00\n");
  Write(root.path + "/proc/loadavg", "0.25 0.1 0.0 1/90 123\n");
  Write(root.path + "/proc/meminfo",
        "MemTotal:  400000 kB\nMemFree: 1 kB\nMemAvailable: 300000 kB\n");
  auto health = LinuxGuest(root.path).Measure();
  EXPECT_EQ(health.uptime_ms, 12500u);
  EXPECT_EQ(health.load1_milli, 250u);
  EXPECT_EQ(health.memory_total_kib, 400000u);
  EXPECT_EQ(health.memory_available_kib, 300000u);
}

StateDisk Inspect(const std::string& content) {
  Folder folder;
  Write(folder.path + "/disk", content);
  UniqueFd fd(::open((folder.path + "/disk").c_str(), O_RDONLY | O_CLOEXEC));
  return InspectStateDisk(fd.get()).value();
}

std::string Superblock(const std::string& label, char state) {
  std::string disk(4096, '\0');
  disk[1024 + 0x38] = '\x53';
  disk[1024 + 0x39] = '\xEF';
  disk[1024 + 0x3A] = state;
  disk.replace(1024 + 0x78, label.size(), label);
  return disk;
}

TEST(StateDisk, BlankShortAndForeignDisksAreFormatted) {
  EXPECT_EQ(Inspect(std::string(4096, '\0')), StateDisk::kForeign);
  EXPECT_EQ(Inspect("short"), StateDisk::kForeign);
  EXPECT_EQ(Inspect(Superblock("other", 1)), StateDisk::kForeign);
  EXPECT_EQ(Inspect(Superblock("bulkhead-stateX", 1)), StateDisk::kForeign);
}

TEST(StateDisk, OursIsKeptAndChecked) {
  EXPECT_EQ(Inspect(Superblock(kStateLabel, 1)), StateDisk::kOurs);
  EXPECT_EQ(Inspect(Superblock(kStateLabel, 3)), StateDisk::kDamaged);
}

TEST(WritableList, AFolderALineWithItsOwner) {
  auto list =
      ParseWritableList("# comment\n\n/home 0755 0 0\n/var/lib/bulkhead/in 0700 1000 1000\n");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[1].path, "/var/lib/bulkhead/in");
  EXPECT_EQ((*list)[1].mode, 0700u);
  EXPECT_EQ((*list)[1].uid, 1000u);
}

TEST(WritableList, CannotLeaveTheRootOrAskForSuid) {
  for (const char* bad : {"home 0755 0 0", "/home/../etc 0755 0 0", "/home 4755 0 0", "/ 0755 0 0",
                          "/home 0755 0", "/home 0755 0 0 0", "/home 0888 0 0", "/a//b 0700 0 0"}) {
    EXPECT_FALSE(ParseWritableList(bad)) << bad;
  }
}

/// The list that is in the image.
TEST(WritableList, TheImagesOwnListIsSound) {
  std::ifstream in(BULKHEAD_SOURCE_ROOT "/guest-images/minimal/root/usr/lib/bulkhead/writable");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  auto list = ParseWritableList(text);
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_GT(list->size(), 4u);
}

}  // namespace
}  // namespace bulkhead::agent
