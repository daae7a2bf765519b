// SPDX-License-Identifier: GPL-2.0-or-later
/// Which disks are lendable, read from trees as sysfs has them.
#include "device-broker/block_devices.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "tests/unit/broker/scratch_folder.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::broker {
namespace {

class BlockDevicesTest : public ::testing::Test {
 protected:
  BlockDevicesTest() {
    folder_.Write("mountinfo", "");
    folder_.Write("swaps", "Filename Type Size Used Priority\n");
    Disk("loop0", "devices/virtual/block/loop0", "7:0");
    folder_.Write("sys/block/loop0/loop/backing_file", "/media/field.img\n");
    // A stick: usb1 above it, a partition in it.
    const std::string usb = "devices/pci0000:00/0000:00:14.0/usb1/1-4";
    folder_.Write("sys/" + usb + "/serial", "4C530001\n");
    folder_.Write("sys/" + usb + "/bDeviceClass", "00\n");
    Disk("sdb", usb + "/1-4:1.0/host0/target0:0:0/0:0:0:0", "8:16");
    folder_.Write("sys/block/sdb/device/vendor", "SanDisk \n");
    folder_.Write("sys/block/sdb/device/model", "Cruzer\x1b[2J Blade   \n");
    folder_.Write("sys/block/sdb/sdb1/partition", "1\n");
    folder_.Write("sys/block/sdb/sdb1/dev", "8:17\n");
    // A built-in disk.
    Disk("sda", "devices/pci0000:00/0000:00:17.0/ata1/host1/target1:0:0/1:0:0:0", "8:0");
  }

  /// `device`: the folder that "device" leads to.
  void Disk(const std::string& name, const std::string& device, const std::string& number) {
    std::string block = "sys/block/" + name;
    folder_.Write(block + "/dev", number + "\n");
    folder_.Write(block + "/size", "2048\n");
    folder_.Write(block + "/diskseq", "5\n");
    folder_.Write(block + "/removable", "0\n");
    folder_.Write(block + "/ro", "0\n");
    std::filesystem::create_directories(folder_.path() + "/sys/" + device);
    folder_.Link("../../" + device, block + "/device");
  }
  BlockDevices Open() {
    const std::string& p = folder_.path();
    return BlockDevices::Open({p + "/sys", p + "/dev", p + "/mountinfo", p + "/swaps"}).value();
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    auto media = Open().Enumerate().value();
    for (const Medium& medium : media) ids.push_back(medium.id);
    return ids;
  }
  Medium Get(const std::string& id) {
    auto media = Open().Enumerate().value();
    for (const Medium& medium : media) {
      if (medium.id == id) return medium;
    }
    return {};
  }

  ScratchFolder folder_;
};

TEST_F(BlockDevicesTest, FindsLoopDevicesAndPluggedDisksButNoBuiltInOne) {
  EXPECT_EQ((std::vector<std::string>{"loop0", "sdb"}), Ids());
}

TEST_F(BlockDevicesTest, FindsNoLoopDeviceWithoutAFile) {
  std::filesystem::remove_all(folder_.path() + "/sys/block/loop0/loop");
  EXPECT_EQ(std::vector<std::string>{"sdb"}, Ids());
}

TEST_F(BlockDevicesTest, FindsWhatTheKernelCallsRemovable) {
  folder_.Write("sys/block/sda/removable", "1\n");
  Disk("sr0", "devices/pci0000:00/0000:00:17.0/ata2/host2", "11:0");
  folder_.Write("sys/block/sr0/removable", "1\n");
  Disk("mmcblk0", "devices/pci0000:00/mmc_host/mmc0/mmc0:0001", "179:0");
  folder_.Write("sys/block/mmcblk0/device/type", "SD\n");
  Disk("mmcblk1", "devices/pci0000:00/mmc_host/mmc1/mmc1:0001", "179:8");
  folder_.Write("sys/block/mmcblk1/device/type", "MMC\n");
  Disk("nvme0n1", "devices/pci0000:00/0000:00:1d.0/nvme/nvme0", "259:0");
  folder_.Write("sys/devices/pci0000:00/0000:00:1d.0/removable", "removable\n");
  Disk("nvme1n1", "devices/pci0000:00/0000:00:1e.0/nvme/nvme1", "259:1");
  EXPECT_EQ((std::vector<std::string>{"loop0", "mmcblk0", "nvme0n1", "sda", "sdb", "sr0"}), Ids());
}

TEST_F(BlockDevicesTest, FindsNoKindItDoesNotKnow) {
  for (const char* name : {"zram0", "dm-0", "md127", "vda", "nbd0", "rbd0", "ram0", "fd0",
                           "nvme0c0n1", "sda1x", "loopback"}) {
    Disk(name, std::string("devices/usb1/") + name, "250:0");
    folder_.Write(std::string("sys/block/") + name + "/removable", "1\n");
    folder_.Write(std::string("sys/block/") + name + "/loop/backing_file", "/x\n");
  }
  EXPECT_EQ((std::vector<std::string>{"loop0", "sdb"}), Ids());
}

TEST_F(BlockDevicesTest, ReadsWhatTheyAre) {
  Medium loop = Get("loop0");
  EXPECT_EQ("field.img", loop.title);
  EXPECT_EQ("/media/field.img", loop.identity.backing_file);
  EXPECT_EQ(1u << 20, loop.identity.size_bytes);
  EXPECT_EQ(5u, loop.identity.diskseq);
  EXPECT_EQ(7u, loop.identity.major);
  Medium stick = Get("sdb");
  EXPECT_EQ("4C530001", stick.serial);
  EXPECT_EQ(16u, stick.identity.minor);
  EXPECT_FALSE(stick.read_only);
  folder_.Write("sys/block/sdb/ro", "1\n");
  EXPECT_TRUE(Get("sdb").read_only);
}

TEST_F(BlockDevicesTest, CannotBeMadeToShowControlCharacters) {
  EXPECT_EQ("SanDisk Cruzer\\x1B[2J Blade", Get("sdb").title);
  folder_.Write("sys/block/loop0/loop/backing_file",
                "/media/a\xe2\x80\xae"
                "b\n");
  EXPECT_EQ("a\\xE2\\x80\\xAEb", Get("loop0").title);
}

TEST_F(BlockDevicesTest, NamesPartitionsAndLinks) {
  folder_.Write("dev/sdb", "");
  folder_.Write("dev/sdb1", "");
  folder_.Link("../../sdb", "dev/disk/by-id/usb-Cruzer");
  folder_.Link("../../sdb1", "dev/disk/by-label/FIELD");
  folder_.Link("../../gone", "dev/disk/by-label/GONE");
  std::vector<std::string> names = Get("sdb").names;
  std::ranges::sort(names);
  std::string dev = folder_.path() + "/dev/";
  EXPECT_EQ((std::vector<std::string>{dev + "disk/by-id/usb-Cruzer", dev + "disk/by-label/FIELD",
                                      dev + "sdb", dev + "sdb1"}),
            names);
}

TEST_F(BlockDevicesTest, SaysWhatTheHostUsesThemFor) {
  EXPECT_EQ("", Get("sdb").host_use);
  folder_.Write("mountinfo",
                "22 1 8:17 / /mnt/my\\040stick rw,relatime shared:1 - vfat /dev/x rw\n"
                "23 1 7:0 / /srv rw - ext4 /dev/loop0 rw\n");
  EXPECT_EQ("its part sdb1 is mounted on /mnt/my\\\\040stick", Get("sdb").host_use);
  EXPECT_EQ("mounted on /srv", Get("loop0").host_use);
  // A file system with a device number of its own.
  folder_.Write("mountinfo", "22 1 0:44 / /mnt rw - btrfs " + folder_.path() + "/dev/sdb1 rw\n");
  EXPECT_EQ("its part sdb1 is mounted on /mnt", Get("sdb").host_use);
  folder_.Write("mountinfo", "");
  folder_.Write("swaps", "Filename\tType\n" + folder_.path() + "/dev/sdb1 partition 1 0 -2\n");
  EXPECT_EQ("its part sdb1 is swap", Get("sdb").host_use);
  folder_.Write("swaps", "");
  folder_.Write("sys/block/sdb/sdb1/holders/dm-0/dev", "");
  EXPECT_EQ("dm-0 is built on it", Get("sdb").host_use);
  folder_.Write("sys/block/loop0/loop/backing_file", "/dev/vda\n");
  EXPECT_EQ("it is a loop over another device", Get("loop0").host_use);
}

TEST_F(BlockDevicesTest, SeesAMountThatCameLater) {
  BlockDevices devices = Open();
  EXPECT_EQ("", devices.Enumerate()->at(0).host_use);
  std::ofstream(folder_.path() + "/mountinfo", std::ios::app)
      << "23 1 7:0 / /srv rw - ext4 /dev/loop0 rw\n";
  EXPECT_EQ("mounted on /srv", devices.Enumerate()->at(0).host_use);
}

TEST(Mountinfo, CannotBeBrokenByOddLines) {
  auto mounts = ParseMountinfo(
      "\n - \n1 2 3\n1 2 x:y / / rw - a b c\n1 2 8:1 / /m rw -\n"
      "1 2 8:1 / /m rw - ext4\n1 2 8:1 / /m rw - ext4 /dev/sda1 rw");
  ASSERT_EQ(1u, mounts.size());
  EXPECT_EQ(makedev(8, 1), mounts[0].device);
  EXPECT_EQ("/m", mounts[0].point);
  EXPECT_EQ("/dev/sda1", mounts[0].source);
}

TEST_F(BlockDevicesTest, CannotBeMisledByWhatLiesInTheNodesPlace) {
  Medium medium = Get("loop0");
  auto refused = Open().Claim(medium, false);
  EXPECT_EQ(ErrorCode::kUnavailable, refused.error().code);
  folder_.Link("/dev/zero", "dev/loop0");
  EXPECT_EQ(ErrorCode::kConflict, Open().Claim(medium, false).error().code);
  std::filesystem::remove(medium.identity.path);
  folder_.Write("dev/loop0", "a file");
  EXPECT_EQ(ErrorCode::kConflict, Open().Claim(medium, false).error().code);
  std::filesystem::remove(medium.identity.path);
  ASSERT_EQ(0, ::mkfifo(medium.identity.path.c_str(), 0600));
  EXPECT_EQ(ErrorCode::kConflict, Open().Claim(medium, false).error().code);
  medium.read_only = true;
  EXPECT_EQ(ErrorCode::kRefused, Open().Claim(medium, true).error().code);
}

}  // namespace
}  // namespace bulkhead::broker
